"""Asks for a name."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widgets import Input, Static

from screens.dialogs.box import DialogText
from screens.dialogs.dialog import Dialog
from screens.marks import Mark
from screens.widgets.typing_line import TypingLine


class NamingDialog(Dialog[str | None]):
    """Enter takes what is typed, where `wrong` has nothing against it; esc gives None."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "go back", id="naming.leave"),
    ]

    def __init__(
        self, title: str, text: str, before: str, wrong: Callable[[str], str | None]
    ) -> None:
        super().__init__(classes="small")
        self.BOX_TITLE = title
        self._text, self._before, self._wrong = text, before, wrong

    def compose_inside(self) -> ComposeResult:
        """Why it is asked, and a line to type in."""
        with DialogText(classes="paragraph"):
            yield Static(Content(self._text))
        yield TypingLine(self._before, classes="resting", compact=True)
        yield Static("", id="typed-answer")
        yield Static(Content.styled("enter take it   esc go back", "$muted"))

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """A name that cannot be one is said, and stays to be corrected."""
        wrong = self._wrong(event.value.strip())
        if wrong is None:
            self.dismiss(event.value.strip())
        else:
            self.query_one("#typed-answer", Static).update(Mark.WARNING.say(wrong))

    def action_leave(self) -> None:
        """Leave the name as it was."""
        self.dismiss(None)
