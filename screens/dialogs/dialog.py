"""What all dialogs have: a box with a title, plain text, and keys to read and leave it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widget import Widget
from textual.widgets import Button

Answer = TypeVar("Answer")


class Dialog(ModalScreen[Answer]):
    """A box over the screen. Subclasses compose its inside; `esc` gives `on_escape`'s answer."""

    BOX_TITLE = ""
    AUTO_FOCUS = ".resting"

    def compose(self) -> ComposeResult:
        """The box."""
        with Vertical(classes="dialog") as box:
            box.border_title = Content(self.BOX_TITLE)
            yield from self.compose_inside()

    def compose_inside(self) -> Iterable[Widget]:
        """What stands in the box."""
        yield from ()


def answer_button(
    words: str, *, answer: str, resting: bool = False, danger: bool = False
) -> Button:
    """A flat button; the resting one has the focus when the dialog opens."""
    button = Button(Content(words), id=answer, compact=True)
    button.set_class(resting, "resting")
    return button
