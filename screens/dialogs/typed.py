"""A grave question that is answered by typing a word out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.content import Content
from textual.widgets import Button, Input, Static

from recovery.restore.plan import Risk
from screens.dialogs.asking import ENTER_GOES_ON, AskingDialog
from screens.dialogs.box import Answers, DialogText
from screens.dialogs.dialog import answer_button
from screens.marks import Mark, badge, line
from screens.widgets.typing_line import TypingLine


class TypedDialog(AskingDialog[bool]):
    """DANGER: only the exact words are a yes. `prompt` says what to type."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "refuse", "no, go back", id="typed.no"),
    ]

    def __init__(
        self, title: str, pairs: Sequence[tuple[str, str]], *, prompt: str, wanted: str
    ) -> None:
        super().__init__(classes="danger")
        self._title, self._pairs, self._prompt, self._wanted = title, pairs, prompt, wanted

    def compose_inside(self) -> ComposeResult:
        """What will happen, and the line to type in."""
        with DialogText():
            yield Static(line(badge(Risk.DESTROY), "  ", (self._title, "bold")))
            yield Static("")
            for word, text in self._pairs:
                with Horizontal(classes="consequence"):
                    yield Static(Content.styled(word, "$muted"), classes="consequence-word")
                    yield Static(Content(text), classes="consequence-text")
        with Horizontal(classes="typed"):
            yield Static(Content(self._prompt), classes="typed-words")
            yield TypingLine(classes="resting", compact=True, select_on_focus=False)
        yield Static("", id="typed-answer")
        with Answers():
            yield answer_button("No, go back", answer="no")

    def on_input_changed(self, event: Input.Changed) -> None:
        """Typing alone is no yes: say which key is, once the words stand there."""
        words = ENTER_GOES_ON if event.value == self._wanted else ""
        self.query_one("#typed-answer", Static).update(words)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Only the exact words are a yes; anything else changes nothing and says so."""
        if event.value == self._wanted:
            self.dismiss(True)
            return
        words = f"“{event.value}” is not it: nothing has happened."
        self.query_one("#typed-answer", Static).update(Mark.WARNING.say(words))

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """The only button says no."""
        self.dismiss(False)

    def action_refuse(self) -> None:
        """No."""
        self.dismiss(False)
