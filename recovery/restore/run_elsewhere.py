"""What became of a run on other machines since: the nodes know more than an old record here."""

from __future__ import annotations

import posixpath
import shutil
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from recovery.errors import NodeError, RefusedError, RescueError
from recovery.restore.journal import JOURNAL_NAME, JournalEntry, parse_journal
from recovery.restore.newer_record import Newer, newer_record
from recovery.restore.past_runs import PastRun, RunState, read_run
from recovery.restore.plan import Plan
from recovery.restore.progress import Progress
from recovery.restore.record_copies import RECORD_NAME
from recovery.restore.runs_on_nodes import FIRST_WRITE, bring_record
from recovery.restore.script import node_script
from recovery.ssh.fleet import Fleet

_THERE = "there"
_LOOK = f'if [ -d "$RUN_DIR" ]; then echo {_THERE}; fi'
_SECONDS = 30.0


async def newest_record(
    fleet: Fleet, works: Mapping[str, str], run: PastRun, runs: Path
) -> PastRun:
    """The run as its newest record tells it: another machine may have taken it up since.

    The nodes' record then takes the place of the one here, whose journal is kept beside it. Raises
    RefusedError where each has something that the other lacks.
    """
    if run.state is RunState.RUNNING:
        return run
    best, entries = "", run.entries
    for node, there in (await _on_nodes(fleet, works, run.id)).items():
        newer = newer_record(entries, there)
        if newer is Newer.APART:
            raise _apart(run, best, node)
        if newer is Newer.SECOND:
            best, entries = node, there
    if not best:
        return run
    journal = run.directory / JOURNAL_NAME
    kept = journal.with_name(f"journal-of-this-machine-{len(run.entries)}.jsonl")
    shutil.copyfile(journal, kept)
    kept.chmod(0o600)
    return read_run(await bring_record(fleet, works, replace(run, on_nodes=(best,)), runs))


async def _on_nodes(
    fleet: Fleet, works: Mapping[str, str], run_id: str
) -> dict[str, tuple[JournalEntry, ...]]:
    """The journals of the nodes that answer and have a sound one."""
    found = await fleet.each(
        works,
        lambda session: session.read_file(
            posixpath.join(works[session.node.name], run_id, RECORD_NAME, JOURNAL_NAME)
        ),
    )
    journals = {}
    for node, content in found.items():
        if isinstance(content, NodeError):
            continue
        with suppress(RescueError):
            journals[node] = parse_journal(content, node)
    return journals


def _apart(run: PastRun, other: str, node: str) -> RefusedError:
    one = other or "this machine"
    return RefusedError(
        f"{one} and {node} tell different stories of run {run.id}: two programs took it up, each "
        "without the other",
        where=str(run.directory),
        remedy="look at the nodes as they are, and go on by hand with way-back.md; or move the "
        "record that is wrong out of the way, here or in the run's directory on the node, and try "
        "again",
    )


async def require_not_cleaned(fleet: Fleet, plan: Plan, progress: Progress) -> None:
    """Raise RefusedError where nothing of what the run had made is left on any node.

    Taken up all the same, it would restore once more, over what was written since.
    """
    made = {p.node: p.run_dir for p in plan.places if (FIRST_WRITE, p.node) in progress.done}
    answers = await fleet.each(
        made,
        lambda session: session.check(
            node_script(_LOOK, run_dir=made[session.node.name]), timeout=_SECONDS
        ),
    )
    told = {n: answer for n, answer in answers.items() if not isinstance(answer, NodeError)}
    if told and not any(_THERE in answer for answer in told.values()):
        raise RefusedError(
            f"what run {plan.run_id} had made is gone from {', '.join(told)}: it was cleaned up "
            "from another machine, or deleted by hand",
            where=plan.cluster,
            remedy="look at the cluster as it is now; where it must be restored, begin a new run",
        )
