"""A run asks before it acts, writes before it acts, and stops at the first failure."""

from __future__ import annotations

import asyncio
import io
import os
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import cast

import pytest

from recovery.errors import RescueError
from recovery.restore.delivering import Moved, Say
from recovery.restore.events import ActionEnded, Event, Outcome, Output, RunEnded, StepEnded, Stream
from recovery.restore.journal import JournalEvent, read_journal
from recovery.restore.node_log import LogLine, read_log
from recovery.restore.node_work import NodeWorker, Try, WorkResult
from recovery.restore.operator import ActionFailure, Choice, Decision, NodeFailure
from recovery.restore.plan import Gate, NodeWork, Plan, RestoreSource, Watch
from recovery.restore.planner import PlanOptions, plan
from recovery.restore.run import PlanRun
from recovery.restore.run_control import RestoreRun
from recovery.restore.run_record import RunRecord
from recovery.restore.watcher import Note
from tests.restore.broken_cluster import SOURCE, facts
from tui.commands.executing import execute, exit_of


class ScriptedWorker:
    """Stands where nodes would be: fails as often as it is told to."""

    def __init__(self, journal: Path) -> None:
        self.done: list[tuple[str, str]] = []
        self.failing: dict[tuple[str, str], int] = {}
        self.asked_again: list[tuple[str, str]] = []
        self._journal = journal
        self.unannounced: list[str] = []

    async def do(self, work: NodeWork, this: Try, *, say: Say, moved: Moved) -> WorkResult:
        last = [e for e in read_journal(self._journal) if e.event is JournalEvent.ACTION_STARTED]
        action = last[-1].action or ""
        if not any(e.node == work.node and e.action == action for e in last):
            self.unannounced.append(work.node)
        key = (action, work.node)
        if this.again:
            self.asked_again.append(key)
        say(Stream.COMMAND, ["$ true"])
        if self.failing.get(key, 0) > 0:
            self.failing[key] -= 1
            failure = NodeFailure(work.node, "the script ended with status 1: no", 1, "no")
            return WorkResult(Outcome.FAILED, 1, failure)
        self.done.append(key)
        return WorkResult(Outcome.DONE)


class ScriptedWatcher:
    """Sees what it is told to see."""

    def __init__(self) -> None:
        self.answers: dict[Watch, dict[str, str]] = {}
        self.asked: list[tuple[Watch, Plan]] = []

    async def watch(
        self, what: Watch, plan: Plan, *, timeout: float, note: Note
    ) -> Mapping[str, str]:
        note(plan.nodes[0], "looking")
        self.asked.append((what, plan))
        return self.answers.get(what, {})


class ScriptedOperator:
    """Says yes to every gate but those refused, and decides from a list."""

    def __init__(self) -> None:
        self.refused: set[str] = set()
        self.asked: list[str] = []
        self.decisions: list[Choice] = []
        self.failures: list[ActionFailure] = []

    async def consent(self, plan: Plan, gate: Gate) -> bool:
        self.asked.append(gate.id)
        return gate.id not in self.refused

    async def decide(self, plan: Plan, failure: ActionFailure) -> Choice:
        self.failures.append(failure)
        return self.decisions.pop(0) if self.decisions else Choice(Decision.ABORT)


class Stage:
    """A run with everything scripted around it."""

    def __init__(self, directory: Path, source: RestoreSource = SOURCE) -> None:
        self.plan = plan(facts(), source, PlanOptions("run-1"))
        self.record = RunRecord.of_new_run(directory, self.plan)
        self.worker = ScriptedWorker(self.record.journal.path)
        self.watcher = ScriptedWatcher()
        self.operator = ScriptedOperator()
        self.events: list[Event] = []
        self.run = PlanRun(
            self.plan,
            self.record,
            cast("NodeWorker", self.worker),
            self.watcher,
            self.operator,
            self.events.append,
        )

    @property
    def last_words(self) -> str:
        return next(e.message for e in reversed(self.events) if isinstance(e, RunEnded))


@pytest.fixture(name="stage")
def stage_fixture(tmp_path: Path) -> Stage:
    return Stage(tmp_path)


async def test_a_run_does_every_action_on_every_node_after_asking_at_each_gate(
    stage: Stage,
) -> None:
    assert await stage.run.execute() is Outcome.DONE
    assert stage.operator.asked == ["stage", "replace", "kubelets"]
    scripts = {
        (action.id, work.node)
        for step in stage.plan.steps
        for action in step.actions
        if action.watch is None
        for work in action.works
    }
    assert set(stage.worker.done) == scripts
    assert len(stage.worker.done) == len(scripts)


async def test_the_journal_announces_every_action_before_it_starts(stage: Stage) -> None:
    await stage.run.execute()
    assert stage.worker.unannounced == []
    entries = read_journal(stage.record.journal.path)
    assert entries[0].event is JournalEvent.RUN_STARTED
    assert entries[0].cluster == "prod-a"
    assert entries[-1].event is JournalEvent.RUN_ENDED
    assert entries[-1].outcome == "done"


async def test_a_refusal_changes_nothing_and_says_what_holds(stage: Stage) -> None:
    stage.operator.refused = {"replace"}
    assert await stage.run.execute() is Outcome.REFUSED
    assert "stop-kubelet" not in {action for action, _ in stage.worker.done}
    assert "The cluster is untouched" in stage.last_words


async def test_kubelets_may_be_left_alone_and_the_proof_is_made_all_the_same(
    stage: Stage,
) -> None:
    stage.operator.refused = {"kubelets"}
    assert await stage.run.execute() is Outcome.DONE
    assert "restart-kubelets" not in {action for action, _ in stage.worker.done}
    ended = {e.step: e.outcome for e in stage.events if isinstance(e, StepEnded)}
    assert ended["kubelets"] is Outcome.SKIPPED
    assert ended["prove"] is Outcome.DONE


async def test_a_failure_stops_the_run_after_the_other_nodes_have_ended(stage: Stage) -> None:
    stage.worker.failing = {("set-data-aside", "etcd-2"): 1}
    assert await stage.run.execute() is Outcome.FAILED
    done = [node for action, node in stage.worker.done if action == "set-data-aside"]
    assert sorted(done) == ["etcd-1", "etcd-3"]
    assert "place-member" not in {action for action, _ in stage.worker.done}
    failure = stage.operator.failures[0]
    assert [item.node for item in failure.failures] == ["etcd-2"]
    assert "set old data aside" in stage.last_words
    assert "way-back.md" in stage.last_words
    assert (stage.record.directory / "way-back.md").read_text().count("```sh") >= 4


async def test_a_retry_asks_only_where_it_failed_what_has_come_undone_since(
    stage: Stage,
) -> None:
    stage.worker.failing = {("place-member", "etcd-3"): 2}
    stage.operator.decisions = [Choice(Decision.RETRY), Choice(Decision.RETRY)]
    assert await stage.run.execute() is Outcome.DONE
    asked = stage.worker.asked_again
    assert {node for _, node in asked} == {"etcd-3"}
    assert [action for action, _ in asked] == [
        "stop-kubelet",
        "remove-containers",
        "set-data-aside",
        "place-member",
    ] * 2
    assert stage.worker.done.count(("place-member", "etcd-1")) == 1


async def test_a_skip_is_kept_with_its_reason(stage: Stage) -> None:
    stage.worker.failing = {("restart-worker-kubelets", "worker-1"): 1}
    stage.operator.decisions = [Choice(Decision.SKIP, "the worker is being replaced")]
    assert await stage.run.execute() is Outcome.DONE
    skipped = [e for e in stage.events if isinstance(e, ActionEnded)]
    assert any(e.outcome is Outcome.SKIPPED and e.node == "worker-1" for e in skipped)
    entries = read_journal(stage.record.journal.path)
    assert any(e.message == "the worker is being replaced" for e in entries)


async def test_a_quorum_that_came_back_stops_the_run_before_anything_is_stopped(
    stage: Stage,
) -> None:
    stage.watcher.answers = {Watch.QUORUM_STILL_LOST: {"etcd-1": "a quorum is back"}}
    assert await stage.run.execute() is Outcome.FAILED
    assert "stop-kubelet" not in {action for action, _ in stage.worker.done}


async def test_an_aborted_run_ends_between_actions(stage: Stage) -> None:
    stage.run.pause()
    running = asyncio.create_task(stage.run.execute())
    await asyncio.sleep(0)
    assert stage.run.paused
    stage.run.abort()
    assert await running is Outcome.ABORTED
    assert stage.worker.done == []


async def test_every_line_of_a_node_is_kept_in_its_log(stage: Stage) -> None:
    await stage.run.execute()
    said = [
        (event.stream, line)
        for event in stage.events
        if isinstance(event, Output) and event.node == "etcd-2"
        for line in event.lines
    ]
    parts = read_log((stage.record.directory / "etcd-2.log").read_text())
    assert [line for part in parts for line in part.lines] == [
        LogLine(line.at, stream, text.removeprefix("$ ") if stream is Stream.COMMAND else text)
        for line, (stream, text) in zip(
            (line for part in parts for line in part.lines), said, strict=True
        )
    ]
    assert [part.action for part in parts][:2] == ["recheck-node", "make-directories"]


async def test_trouble_on_this_machine_does_not_cut_off_scripts_under_way(stage: Stage) -> None:
    ended: list[str] = []

    async def do(work: NodeWork, this: Try, *, say: Say, moved: Moved) -> WorkResult:
        if work.node == "etcd-1":
            raise RescueError("the journal cannot be written")
        await asyncio.sleep(0)
        ended.append(work.node)
        return WorkResult(Outcome.DONE)

    stage.worker.do = do  # type: ignore[method-assign]
    with pytest.raises(RescueError, match="the journal cannot be written"):
        await stage.run.execute()
    assert sorted(ended) == ["etcd-2", "etcd-3"]


async def test_a_log_that_cannot_be_written_is_said_and_does_not_stop_the_run(
    stage: Stage,
) -> None:
    (stage.record.directory / "etcd-2.log").mkdir()
    assert await stage.run.execute() is Outcome.DONE
    notes = [
        line
        for event in stage.events
        if isinstance(event, Output) and event.stream is Stream.NOTE
        for line in event.lines
    ]
    assert sum("no longer kept" in note for note in notes) == 1


async def test_a_terminal_that_goes_away_does_not_stop_the_run(tmp_path: Path) -> None:
    stage = Stage(tmp_path)

    def gone(event: Event) -> None:
        raise BrokenPipeError

    stage.run._telling._listener = gone
    assert await stage.run.execute() is Outcome.DONE


class _RunUntilToldToStop(RestoreRun):
    run_id = "run-1"
    log_path = "/var/lib/runs/run-1"
    plan = plan(facts(), SOURCE, PlanOptions(run_id))

    def __init__(self) -> None:
        self.heard: list[str] = []

    async def execute(self) -> Outcome:
        os.kill(os.getpid(), signal.SIGHUP)
        await asyncio.sleep(0.01)
        self.heard.append("went on")
        os.kill(os.getpid(), signal.SIGTERM)
        await asyncio.Event().wait()
        return Outcome.DONE


async def test_a_lost_terminal_is_ignored_and_a_termination_interrupts(
    capsys: pytest.CaptureFixture[str],
) -> None:
    run = _RunUntilToldToStop()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.create_task(execute(run, as_json=False))
    assert run.heard == ["went on"]
    assert "way-back.md" in capsys.readouterr().err


def test_a_recovered_cluster_is_success_even_where_nobody_listens(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "wb", buffering=0) as pipe:
        monkeypatch.setattr("sys.stderr", io.TextIOWrapper(pipe, write_through=True))
        assert exit_of(Outcome.DONE, "recovered", as_json=False) == 0
