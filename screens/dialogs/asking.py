"""What dialogs with several answers have: arrows between these, and to the rest of the text."""

from __future__ import annotations

from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.widget import Widget
from textual.widgets import Button

from screens.dialogs.dialog import Answer, Dialog


class AskingDialog(Dialog[Answer]):
    """← → go from one answer to the next, ↑ ↓ scroll a text that is longer than the box."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left", "app.focus_previous", "", show=False, id="asking.previous"),
        Binding("right", "app.focus_next", "", show=False, id="asking.next"),
        Binding("up", "read(-1)", "", show=False, id="asking.up"),
        Binding("down", "read(1)", "", show=False, id="asking.down"),
    ]
    TEXT = ".dialog-body"
    """What ↑ and ↓ scroll, as a selector."""

    def action_read(self, direction: int) -> None:
        """Scroll the text."""
        for text in self.query(self.TEXT).results(Widget):
            text.scroll_relative(y=direction, animate=False)


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
