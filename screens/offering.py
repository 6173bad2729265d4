"""Offers a run that was left in the middle, before anything else is done."""

from __future__ import annotations

from recovery.errors import RescueError
from recovery.restore.past_runs import PastRun
from screens.case import Case
from screens.dialogs.interrupted import Interrupted, InterruptedDialog
from screens.incident_screen import IncidentScreen
from screens.run_standing import is_unfinished
from screens.taking_up import resume, roll_back


async def offer_unfinished_run(screen: IncidentScreen, case: Case) -> None:
    """Ask about the newest run where it is unfinished, as this machine or the nodes know it."""
    here = case.incident.past_runs()
    run = _unfinished(here)
    if run is not None or not here:
        # Another machine may have brought it to its end meanwhile, or begun one of its own.
        run = _unfinished(await case.incident.look_for_runs())
    if run is None:
        return
    try:
        standing = await case.incident.standing(run.id)
    except RescueError as error:
        screen.show_trouble(error)
        return
    answer = await screen.app.push_screen_wait(InterruptedDialog(standing, case.clock()))
    match answer:
        case Interrupted.RESUME:
            await resume(screen, case, run.id)
        case Interrupted.ROLL_BACK:
            await roll_back(screen, case, run.id)
        case Interrupted.LOOK:
            from screens.runs import RunsScreen

            screen.app.push_screen(RunsScreen(case))
        case _:
            screen.say("u shows the runs, whenever you want to come back to it.")


def _unfinished(runs: tuple[PastRun, ...]) -> PastRun | None:
    """The newest run, where somebody should decide about it."""
    return next((run for run in runs[:1] if is_unfinished(run)), None)
