"""A yes-or-no question that rests on no."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.content import Content
from textual.widgets import Static

from screens.dialogs.asking import YesNoDialog
from screens.dialogs.box import Answers, DialogText
from screens.dialogs.dialog import answer_button


class QuestionDialog(YesNoDialog):
    """Enter and esc say no; only `y` or the other button says yes."""

    def __init__(self, title: str, text: str, *, yes: str, no: str = "No, go back") -> None:
        super().__init__(classes="small")
        self.BOX_TITLE = title
        self._text, self._yes, self._no = text, yes, no

    def compose_inside(self) -> ComposeResult:
        """The question and two answers."""
        with DialogText():
            yield Static(Content(self._text))
        with Answers():
            yield answer_button(self._no, answer="no", resting=True)
            yield answer_button(f"y: {self._yes}", answer="yes")
