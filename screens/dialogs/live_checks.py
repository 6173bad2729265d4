"""Checks that come one after the other while one watches: the trial of a bucket."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import ClassVar

from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widgets import Button, Static
from textual.worker import Worker, WorkerState

from recovery.backups.s3_trial import S3Trial
from recovery.errors import RescueError
from recovery.health.model import Check
from screens.dialogs.box import Answers, DialogText
from screens.dialogs.dialog import Dialog, answer_button
from screens.marks import OF_STATUS, Mark, cell, hanging, line, stacked

Trying = Callable[[Callable[[Check], None]], Awaitable[S3Trial]]
_WIDTH = 72


class TrialDialog(Dialog[S3Trial | None]):
    """Answers with the trial once it is over, with None where it was left or could not begin."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,enter", "close", "close", id="trial-s3.close"),
    ]

    def __init__(self, place: str, trying: Trying) -> None:
        super().__init__(classes="trial-s3")
        self.BOX_TITLE = f"Trying {place}"
        self._trying = trying
        self._checks: list[Check] = []
        self._trial: S3Trial | None = None
        self._error: RescueError | None = None

    def compose_inside(self) -> ComposeResult:
        """The checks, and one way on."""
        with DialogText():
            yield Static("", id="trial-s3-checks")
        with Answers():
            yield answer_button("esc: stop", answer="close", resting=True)

    def on_mount(self) -> None:
        """Begin."""
        self._draw()
        self.run_trial()

    @work(group="trial-s3", exclusive=True, exit_on_error=False)
    async def run_trial(self) -> None:
        """The steps, as they end."""

        def heard(check: Check) -> None:
            self._checks.append(check)
            self._draw()

        try:
            self._trial = await self._trying(heard)
            self._checks = list(self._trial.checks)
        except RescueError as error:
            self._error = error
        self._draw()
        words = "Enter: go on" if self._trial and self._trial.passed else "Enter: back"
        button = self.query_one("#close", Button)
        button.label = Content(words)
        button.refresh(layout=True)

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        """What nobody foresaw ends the dialog, and is said by the screen beneath."""
        if event.state is WorkerState.ERROR:
            self.dismiss(None)

    def _draw(self) -> None:
        if self.drawable:
            lines = [row for check in self._checks for row in _rows(check)]
            lines += self._standing()
            self.query_one("#trial-s3-checks", Static).update(stacked(lines))

    def _standing(self) -> Sequence[Content]:
        if self._error is not None:
            rows = [Mark.FAILED.say(self._error.what, strong=True)]
            return [*rows, *hanging("next", self._error.remedy, _WIDTH, 13)]
        if self._trial is None:
            return [Mark.RUNNING.say("trying …")]
        if self._trial.passed:
            return [Content(""), Mark.OK.say("Backups can be kept there.", strong=True)]
        return [Content(""), Mark.FAILED.say("Backups cannot be kept there.", strong=True)]

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """On, or back."""
        self.action_close()

    def action_close(self) -> None:
        """A trial that is under way is ended, and its probe taken away."""
        self.dismiss(self._trial)


def _rows(check: Check) -> list[Content]:
    mark = OF_STATUS[check.status]
    rows = hanging("", check.message, _WIDTH, 13)
    rows[0] = line(
        cell(line((mark.shape, mark.colour), " ", check.name), 13), rows[0].plain[13:].rstrip()
    )
    for label, text in (("", check.meaning), ("remedy", check.remedy)):
        if text:
            rows += hanging(label, text, _WIDTH, 13)
    return rows
