"""An error in words: what happened, where, what to do next. Raw output on request."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widgets import Button, Static

from recovery.errors import RescueError
from screens.dialogs.box import Answers, DialogText
from screens.dialogs.dialog import Dialog, answer_button
from screens.dialogs.reading import ReadingDialog
from screens.marks import Mark, hanging, stacked
from screens.wording import sentence

_WIDTH = 58
"""Of the words in the box."""
_LOG = logging.getLogger("etcd_rescue.screens")


def trouble_of(error: BaseException, log_path: Path | None) -> RescueError:
    """The error as a person can read it.

    One that nobody foresaw goes to the log with its traceback, and the person learns where.
    """
    if isinstance(error, RescueError):
        return error
    _LOG.error("unexpected error", exc_info=error)
    where = f"the log: {log_path}" if log_path else "the log"
    return RescueError(
        "etcd-rescue met an error that it did not foresee",
        where=where,
        remedy="go back and try again; the log has what to report",
        detail=f"{type(error).__name__}: {error}",
    )


class TroubleDialog(Dialog[None]):
    """What, where, what to do."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,enter,q", "close", "close", id="trouble.close"),
        Binding("d", "detail", "raw output", id="trouble.detail"),
        Binding("y", "copy", "copy", id="trouble.copy"),
    ]

    def __init__(self, error: RescueError) -> None:
        super().__init__(classes="small trouble")
        self.BOX_TITLE = "This did not work"
        self.error = error

    def compose_inside(self) -> ComposeResult:
        """The error's parts."""
        lines = [Mark.FAILED.beside(sentence(self.error.what))]
        if self.error.where:
            lines += [Content(""), *hanging("Where", self.error.where, _WIDTH, 8)]
        if self.error.remedy:
            lines += [Content(""), *hanging("Next", sentence(self.error.remedy), _WIDTH, 8)]
        with DialogText():
            yield Static(stacked(lines))
        with Answers():
            yield answer_button("Close", answer="close", resting=True)
            if self.error.detail:
                yield answer_button("d: raw output", answer="detail")

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """Close, or the detail."""
        if event.button.id == "detail":
            self.action_detail()
        else:
            self.action_close()

    def action_close(self) -> None:
        """Back to the screen."""
        self.dismiss(None)

    def action_detail(self) -> None:
        """The raw output, if there is any."""
        if self.error.detail:
            self.app.push_screen(ReadingDialog("Raw output", self.error.detail))

    def action_copy(self) -> None:
        """All of it onto the person's clipboard."""
        self.app.copy_to_clipboard(f"{self.error}\n{self.error.detail}".strip())
        self.app.notify("Copied.", markup=False)
