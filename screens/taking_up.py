"""Opens the restore screen on a run that is taken up again, or led back."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime

from recovery.errors import RefusedError
from recovery.restore.events import Event
from recovery.restore.journal import JournalEvent
from recovery.restore.operator import Operator
from recovery.restore.progress import progress_of
from recovery.restore.rollback import rollback_plan
from recovery.restore.run_control import RestoreRun
from recovery.restore.standing import RunStanding, StepState
from screens.case import Case
from screens.incident_screen import IncidentScreen
from screens.run_words import RESUMING, ROLLING_BACK

Listener = Callable[[Event], None]
Begin = Callable[[Operator, Listener], Awaitable[RestoreRun]]
"""Makes the run that a restore screen executes."""


async def resume(screen: IncidentScreen, case: Case, run_id: str) -> None:
    """Take the run up where it was left. Raises RescueError where it cannot be."""
    from screens.restore import RestoreScreen

    standing = await case.incident.standing(run_id)
    _require("resumed", standing, standing.resume_refused)

    async def begin(operator: Operator, listener: Listener) -> RestoreRun:
        return await case.incident.resume(run_id, operator, listener)

    done = frozenset(step.id for step in standing.steps if step.state is StepState.DONE)
    words = replace(
        RESUMING,
        stood=standing.holds,
        behind=done,
        began=_moment(standing.run.started_at),
        first_starts=_first_starts(standing),
    )
    screen.app.push_screen(RestoreScreen(case, None, standing.plan, begin, words))


async def roll_back(screen: IncidentScreen, case: Case, run_id: str) -> None:
    """Lead the run back from wherever it stands. Raises RescueError where it cannot be."""
    from screens.restore import RestoreScreen

    standing = await case.incident.standing(run_id)
    _require("rolled back", standing, standing.roll_back_refused)

    async def begin(operator: Operator, listener: Listener) -> RestoreRun:
        return await case.incident.roll_back(run_id, operator, listener)

    plan = rollback_plan(standing.plan, progress_of(standing.run.entries))
    words = replace(ROLLING_BACK, stood=standing.holds)
    screen.app.push_screen(RestoreScreen(case, None, plan, begin, words))


def _first_starts(standing: RunStanding) -> dict[str, datetime]:
    """When each step began for the first time, in whichever part of the run."""
    starts: dict[str, datetime] = {}
    for entry in standing.run.entries:
        if entry.event is JournalEvent.STEP_STARTED and entry.step is not None:
            starts.setdefault(entry.step, _moment(entry.at))
    return starts


def _moment(written: str) -> datetime:
    return datetime.fromisoformat(written.replace("Z", "+00:00"))


def _require(what: str, standing: RunStanding, refused: str) -> None:
    if refused:
        raise RefusedError(
            f"run {standing.run.id} cannot be {what}: {refused}",
            where=standing.run.cluster,
            remedy="its journal tells all that it did",
        )
