"""What dialogs with several answers have: arrows between these."""

from __future__ import annotations

from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.widgets import Button

from screens.dialogs.dialog import Answer, Dialog
from screens.marks import line

ENTER_GOES_ON = line(
    ("Enter", "bold"), " goes on, ", ("esc", "bold"), " leaves things as they are."
)
"""For who has typed the words that are a yes."""


class AskingDialog(Dialog[Answer]):
    """← → go from one answer to the next."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left", "app.focus_previous", "", show=False, id="asking.previous"),
        Binding("right", "app.focus_next", "", show=False, id="asking.next"),
    ]


class YesNoDialog(AskingDialog[bool]):
    """Only `y` or the button of that name says yes."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,n", "answer(False)", "no, go back", id="asking.no"),
        Binding("y", "answer(True)", "yes", id="asking.yes"),
    ]

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """One of the two answers."""
        self.dismiss(event.button.id == "yes")

    def action_answer(self, yes: bool) -> None:
        """By key."""
        self.dismiss(yes)
