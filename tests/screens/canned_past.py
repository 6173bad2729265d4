"""Earlier runs as their journals tell them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from recovery.restore.journal import JournalEntry, JournalEvent
from recovery.restore.lock import HolderState, LockHolder
from recovery.restore.past_runs import PastRun, run_of
from recovery.restore.plan import Plan

RUN_ID = "20261122T140200Z-7f3a"
"""The canned plan's."""

HOLDER = LockHolder(
    cluster="prod-a",
    run_id=RUN_ID,
    operator="ann@bastion-1",
    since="2026-11-22T13:58:48Z",
    doing="set old data aside",
    heard=4.0,
    node="etcd-1",
    state=HolderState.ALIVE,
    token="a1",
)


def journal_until(
    plan: Plan, last: str, *, ended: str | None = None, begun: bool = True
) -> tuple[JournalEntry, ...]:
    """The journal of a run that was cut off inside the step `last`: its actions had begun."""
    at = "2026-11-22T13:58:48.000Z"
    entries = [
        JournalEntry(
            JournalEvent.RUN_STARTED,
            at=at,
            run_id=RUN_ID,
            cluster=plan.cluster,
            snapshot=plan.source.name,
            operator="ann@bastion-1",
        )
    ]
    for step in plan.steps:
        entries.append(JournalEntry(JournalEvent.STEP_STARTED, at=at, step=step.id))
        for action in step.actions:
            for node in action.nodes:
                started = JournalEntry(
                    JournalEvent.ACTION_STARTED, at=at, step=step.id, action=action.id, node=node
                )
                if step.id != last or begun:
                    entries.append(started)
                if step.id != last:
                    entries.append(
                        replace(started, event=JournalEvent.ACTION_ENDED, outcome="done")
                    )
        if step.id == last:
            break
        entries.append(JournalEntry(JournalEvent.STEP_ENDED, at=at, step=step.id, outcome="done"))
    if ended is not None:
        message = "It stopped there."
        entries.append(JournalEntry(JournalEvent.RUN_ENDED, at=at, outcome=ended, message=message))
    return tuple(entries)


def past_run(plan: Plan, last: str, *, ended: str | None = None) -> PastRun:
    """A run that was cut off inside the step `last`."""
    return run_of(journal_until(plan, last, ended=ended), Path("/runs") / RUN_ID)
