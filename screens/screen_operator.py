"""The person at the screen, as a run sees them: its questions become dialogs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from textual.app import App

from recovery.restore.operator import ActionFailure, Choice, Decision
from recovery.restore.plan import Gate, Plan
from screens.dialogs.consent import ConsentDialog
from screens.dialogs.dialog import Answer, Dialog
from screens.dialogs.failure import FailureDialog
from screens.run_view import RunView


class ScreenOperator:
    """The person at this screen, as the run sees them."""

    def __init__(
        self,
        app: App[Any],
        view: RunView,
        draw: Callable[[], None],
        want_roll_back: Callable[[], None],
    ) -> None:
        self._app = app
        self._view = view
        self._draw = draw
        self._want_roll_back = want_roll_back

    async def consent(self, plan: Plan, gate: Gate) -> bool:
        """Ask by dialog; anything but a yes is a no."""
        return await self._ask(ConsentDialog(plan, gate)) is True

    async def decide(self, plan: Plan, failure: ActionFailure) -> Choice:
        """Ask what to do about a failure; no answer stops the run."""
        answer = await self._ask(FailureDialog(failure, self._view.holds))
        if answer is None:
            return Choice(Decision.ABORT)
        if answer.roll_back:
            self._want_roll_back()
        return answer.choice

    async def _ask(self, dialog: Dialog[Answer]) -> Answer | None:
        answered: asyncio.Future[Answer | None] = asyncio.get_running_loop().create_future()

        def answer(value: Answer | None) -> None:
            if not answered.done():
                answered.set_result(value)

        self._draw()
        self._app.push_screen(dialog, answer)
        try:
            return await answered
        finally:
            # A run that is cancelled takes its question along, and what is read about it.
            if not answered.done() or answered.cancelled():
                dialog.dismiss(None)
