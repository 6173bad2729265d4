"""A yes-or-no question that rests on no."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.content import Content
from textual.widgets import Button, Static

from screens.dialogs.dialog import Dialog, answer_button


class QuestionDialog(Dialog[bool]):
    """Enter and esc say no; only `y` or the other button says yes."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,n", "answer(False)", "no", id="question.no"),
        Binding("y", "answer(True)", "yes", id="question.yes"),
        Binding("left,up", "app.focus_previous", "", show=False, id="question.previous"),
        Binding("right,down", "app.focus_next", "", show=False, id="question.next"),
    ]

    def __init__(self, title: str, text: str, *, yes: str, no: str = "No, go back") -> None:
        super().__init__(classes="small")
        self.BOX_TITLE = title
        self._text, self._yes, self._no = text, yes, no

    def compose_inside(self) -> ComposeResult:
        """The question and two answers."""
        yield Static(Content(self._text), classes="paragraph")
        with Horizontal(classes="answers"):
            yield answer_button(self._no, answer="no", resting=True)
            yield answer_button(f"y: {self._yes}", answer="yes")

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """One of the two answers."""
        self.dismiss(event.button.id == "yes")

    def action_answer(self, yes: bool) -> None:
        """By key."""
        self.dismiss(yes)
