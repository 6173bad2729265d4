"""What all dialogs have: a box with a title, plain text, and keys to read and leave it."""

from __future__ import annotations

from collections.abc import Iterable
from time import monotonic
from typing import ClassVar, TypeVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.screen import ModalScreen
from textual.widget import Widget
from textual.widgets import Button

from screens.dialogs.box import DialogBox
from screens.leaving import LeavesOnce

Answer = TypeVar("Answer")


GRACE = 0.5
"""Seconds after a question appeared by itself: a key may have been meant for what it hid."""


class Dialog(LeavesOnce[Answer], ModalScreen[Answer]):
    """A box over the screen. Subclasses compose its inside; `esc` gives `on_escape`'s answer."""

    BOX_TITLE = ""
    AUTO_FOCUS = ".resting"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "read(-1)", "", show=False, id="dialog.up"),
        Binding("down", "read(1)", "", show=False, id="dialog.down"),
        Binding("pageup", "read_page(-1)", "", show=False, id="dialog.page-up"),
        Binding("pagedown", "read_page(1)", "", show=False, id="dialog.page-down"),
    ]
    VERTICAL_BREAKPOINTS = [(0, "-low"), (20, "-high")]  # noqa: RUF012 as Textual declares it
    TEXT = ".dialog-body"
    """What ↑ and ↓ scroll, as a selector."""
    _asked_at = 0.0

    def compose(self) -> ComposeResult:
        """The box."""
        with DialogBox(self.BOX_TITLE):
            yield from self.compose_inside()

    def on_mount(self) -> None:
        """Note when it was asked."""
        self._asked_at = monotonic()

    def too_soon(self) -> bool:
        """Whether a yes came before anybody can have read the question; the person is told."""
        if monotonic() - self._asked_at >= GRACE:
            return False
        words = "That key was pressed before this was asked. Read it, and press it again."
        self.app.notify(words, timeout=4, markup=False)
        return True

    def action_read(self, direction: int) -> None:
        """Scroll the text by a line."""
        for text in self.query(self.TEXT).results(Widget):
            text.scroll_relative(y=direction, animate=False)

    def action_read_page(self, direction: int) -> None:
        """Scroll the text by what is seen of it; the last line stays in sight."""
        for text in self.query(self.TEXT).results(Widget):
            text.scroll_relative(
                y=direction * max(1, text.scrollable_content_region.height - 1), animate=False
            )

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
