"""What follows where somebody else holds the cluster's lock: watch, take over, or go back."""

from __future__ import annotations

from recovery.restore.lock import LockHolder
from screens.case import Case
from screens.dialogs.locked import Locked, LockedDialog
from screens.dialogs.typed import TypedDialog
from screens.incident_screen import IncidentScreen

TAKE_OVER = "take over"


async def may_take_over(screen: IncidentScreen, case: Case, holder: LockHolder) -> bool:
    """Put the question from a worker; True where this program may take over now.

    Where a person only wants to watch, the other one's run is on the screen afterwards.
    """
    app = screen.app
    answer = await app.push_screen_wait(LockedDialog(holder))
    if answer is Locked.WATCH:
        from screens.other_run import OtherRunScreen

        await app.push_screen_wait(OtherRunScreen(case, holder))
    if answer is not Locked.TAKE_OVER:
        return False
    sure = await app.push_screen_wait(
        TypedDialog(
            f"Take {holder.cluster} over from {holder.operator}",
            [
                ("stops", "their program, before its next action; what runs on a node goes on"),
                ("keeps", "all that they did; their run can be resumed or rolled back from here"),
            ],
            prompt=f"Type “{TAKE_OVER}” to go on: ",
            wanted=TAKE_OVER,
        )
    )
    if sure:
        await case.incident.take_over(holder)
    return bool(sure)
