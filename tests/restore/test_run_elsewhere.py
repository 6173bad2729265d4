"""A run that another machine took up since is judged by what that machine did."""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest

from recovery.cluster.facts import ClusterFacts
from recovery.errors import RefusedError, RescueError
from recovery.health.expected import Expected
from recovery.inventory.model import Cluster, NodePaths
from recovery.restore.cluster_runs import ClusterRuns, Surroundings
from recovery.restore.delivering import Supply
from recovery.restore.journal import Journal, JournalEntry, JournalEvent
from recovery.restore.operator import Operator
from recovery.restore.past_runs import RunState
from recovery.restore.plan import Plan, RestoreSource
from recovery.restore.planner import PlanOptions, plan
from recovery.restore.run_record import RunRecord
from recovery.ssh.fleet import Fleet
from tests.cluster.ssh_nodes import ssh_node
from tests.restore.broken_cluster import NAMES, SOURCE, facts, node_facts

RUN = "20261123-140512-7f3a"


class ReachedError(RescueError):
    """Nothing stood in the way of taking the run up."""


class Bastion:
    """This machine, its record of a run that was interrupted, and three nodes."""

    def __init__(self, root: Path, fleet: Fleet, cluster: Cluster) -> None:
        self.root = root
        nodes = [
            replace(node_facts(number), node=node)
            for number, node in enumerate(cluster.control_plane, start=1)
        ]
        self.plan: Plan = plan(facts(*nodes), SOURCE, PlanOptions(RUN))
        self.record = RunRecord.of_new_run(root / "runs", self.plan, Expected(1, 1))
        self.record.began(self.plan)
        for node in NAMES:
            for action in ("make-directories", "set-data-aside"):
                self.write(JournalEvent.ACTION_STARTED, action, node)
                self.write(JournalEvent.ACTION_ENDED, action, node)
        ended = JournalEntry(JournalEvent.RUN_ENDED, outcome="aborted")
        self.record.journal.append(ended)
        surroundings = Surroundings(_reached, _no_snapshot)
        self.runs = ClusterRuns(fleet, cluster, root / "runs", surroundings)

    def write(self, event: JournalEvent, action: str, node: str) -> None:
        outcome = "done" if event is JournalEvent.ACTION_ENDED else None
        entry = JournalEntry(event, step="stage", action=action, node=node, outcome=outcome)
        self.record.journal.append(entry)

    def of_another_machine(self, node: str, run_id: str, began: int | None) -> None:
        """A run of another machine on a node, begun there at that second of the node's clock."""
        there = self.on_node(node).parent
        other = there.rename(there.with_name(run_id))
        for name in ("journal.jsonl", "plan.json"):
            copied = other / "record" / name
            copied.write_text(copied.read_text().replace(RUN, run_id))
        self.begun(other, began)

    @staticmethod
    def begun(run_dir: Path, began: int | None) -> None:
        if began is not None:
            taken = run_dir / "jobs/make-directories.1/taken"
            taken.mkdir(parents=True)
            os.utime(taken, (began, began))

    def on_node(self, node: str) -> Path:
        """The record's copy on a node, as far as this machine came."""
        there = Path(self.plan.place(node).run_dir) / "record"
        shutil.copytree(self.record.directory, there)
        return there

    async def resume(self) -> None:
        await self.runs.resume(RUN, cast("Operator", None), lambda _: None)


async def _reached() -> ClusterFacts:
    raise ReachedError("the nodes are looked at")


async def _no_snapshot(_: RestoreSource) -> Supply:
    raise AssertionError


@pytest.fixture(name="bastion")
async def bastion_fixture(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Bastion]:
    (tmp_path / "home").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    async with AsyncExitStack() as stack:
        nodes = []
        for name in NAMES:
            (tmp_path / name).mkdir()
            paths = NodePaths(work=str(tmp_path / name / "work dir"))
            nodes.append(await stack.enter_async_context(ssh_node(name, tmp_path / name, paths)))
        cluster = Cluster("prod-a", tuple(nodes))
        fleet = await stack.enter_async_context(Fleet(cluster))
        bastion = Bastion(tmp_path, fleet, cluster)
        yield bastion
        bastion.record.close()


async def test_what_another_machine_did_with_the_run_counts_and_the_record_here_is_kept(
    bastion: Bastion,
) -> None:
    bastion.on_node("etcd-1")
    there = bastion.on_node("etcd-2")
    journal = Journal(there / "journal.jsonl")
    journal.append(JournalEntry(JournalEvent.ROLLBACK_STARTED, machine="bastion-2", pid=1))
    journal.append(JournalEntry(JournalEvent.STEP_STARTED, step="undo-start"))
    journal.append(JournalEntry(JournalEvent.RUN_ENDED, outcome="done"))
    journal.close()

    with pytest.raises(RefusedError, match="rolled back"):
        await bastion.resume()
    (known,) = bastion.runs.known()
    assert known.state is RunState.ROLLED_BACK
    (kept,) = bastion.record.directory.glob("journal-of-this-machine-*.jsonl")
    assert "rollback-started" not in kept.read_text()


@pytest.mark.parametrize(
    ("began", "meant"),
    [
        # As the nodes' own clocks saw this machine's run and the other's begin.
        ({"etcd-1": (100, 200), "etcd-2": (100, 200), "etcd-3": (300, 200)}, "the other"),
        ({"etcd-1": (300, 200), "etcd-2": (300, 200)}, "ours"),
        ({"etcd-1": (300, 200), "etcd-2": (100, 200)}, "ours"),
        ({"etcd-1": (None, None)}, "ours"),
    ],
)
async def test_which_run_is_the_newest_is_told_by_the_nodes_and_not_by_the_clocks_of_machines(
    bastion: Bastion, began: dict[str, tuple[int | None, int | None]], meant: str
) -> None:
    """The other machine's clock was a day behind, and so is the id of its run."""
    other = "20261122-140512-0000"
    for node, (ours, theirs) in began.items():
        bastion.of_another_machine(node, other, theirs)
        bastion.begun(bastion.on_node(node).parent, ours)
    standing = await bastion.runs.standing(None)
    assert standing.run.id == (RUN if meant == "ours" else other)


def noted(directory: Path, words: str) -> None:
    journal = Journal(directory / "notes.jsonl")
    journal.append(JournalEntry(JournalEvent.NOTE, message=words))
    journal.close()


async def test_the_clock_of_a_machine_does_not_decide_which_record_is_the_newest(
    bastion: Bastion,
) -> None:
    there = bastion.on_node("etcd-2")
    journal = Journal(there / "journal.jsonl")
    long_ago = "2001-01-01T00:00:00.000+00:00"
    journal.append(JournalEntry(JournalEvent.ROLLBACK_STARTED, at=long_ago, machine="b-2", pid=1))
    journal.append(JournalEntry(JournalEvent.RUN_ENDED, at=long_ago, outcome="done"))
    journal.close()
    (there / "etcd-3.log").write_text("what etcd-3 said to the other machine\n")
    (listed,) = await bastion.runs.look_for()
    assert listed.state is RunState.ROLLED_BACK, "a list shows what the nodes have"
    (known,) = bastion.runs.known()
    assert known.state is RunState.INTERRUPTED, "and changes nothing here"

    noted(there, "of the other machine")
    noted(bastion.record.directory, "of this machine")
    standing = await bastion.runs.standing(RUN)
    assert standing.run.state is RunState.ROLLED_BACK
    notes = [entry.message for entry in standing.run.entries if entry.event is JournalEvent.NOTE]
    assert notes == ["of the other machine", "of this machine"]
    log = bastion.record.directory / "etcd-3.log"
    assert log.read_text() == "what etcd-3 said to the other machine\n"


async def test_two_stories_of_one_run_are_nobodys_to_choose_from(bastion: Bastion) -> None:
    there = bastion.on_node("etcd-1")
    journal = Journal(there / "journal.jsonl")
    journal.append(JournalEntry(JournalEvent.RUN_RESUMED, machine="b-2", pid=1))
    journal.close()
    bastion.record.journal.append(JournalEntry(JournalEvent.RUN_RESUMED, pid=0, machine="b-3"))
    bastion.record.journal.append(JournalEntry(JournalEvent.RUN_ENDED, outcome="aborted"))
    with pytest.raises(RefusedError, match="tell different stories"):
        await bastion.resume()
    assert (await bastion.runs.standing(RUN)).run.state is RunState.INTERRUPTED


async def test_a_run_that_another_machine_has_cleaned_up_is_not_done_once_more(
    bastion: Bastion,
) -> None:
    with pytest.raises(RefusedError, match="cleaned up from another machine"):
        await bastion.resume()
    with pytest.raises(RefusedError, match="cleaned up from another machine"):
        await bastion.runs.roll_back(RUN, cast("Operator", None), lambda _: None)


async def test_a_run_that_nobody_else_took_up_is_taken_up_from_the_record_here(
    bastion: Bastion,
) -> None:
    bastion.on_node("etcd-3")
    with pytest.raises(ReachedError):
        await bastion.resume()
