"""A line for a person to write; Enter on an empty one is no answer, and changes nothing."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widgets import Input, Static

from screens.dialogs.box import DialogText
from screens.dialogs.dialog import Dialog
from screens.widgets.typing_line import TypingLine


class WritingDialog(Dialog[str]):
    """Gives what was written; empty where nothing was."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "leave it", id="writing.leave"),
    ]

    def __init__(self, title: str, text: str) -> None:
        super().__init__(classes="small")
        self.BOX_TITLE = title
        self._text = text

    def compose_inside(self) -> ComposeResult:
        """What it is for, and the line."""
        with DialogText(classes="paragraph"):
            yield Static(Content(self._text))
        yield TypingLine(classes="resting", compact=True, max_length=500)
        yield Static(Content.styled("enter add it   esc leave it", "$muted"), classes="dialog-keys")

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Done."""
        self.dismiss(event.value.strip())

    def action_leave(self) -> None:
        """Nothing is added."""
        self.dismiss("")
