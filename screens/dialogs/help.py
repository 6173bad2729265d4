"""What the screen at hand is for, and every key that works on it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from screens.dialogs.dialog import Dialog
from screens.marks import HEADING, Mark, cell, line, stacked
from screens.widgets.key_footer import key_words

if TYPE_CHECKING:
    from screens.incident_screen import IncidentScreen


class HelpDialog(Dialog[None]):
    """Built from the screen's own text and its bindings' tooltips."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,question_mark,q,enter", "close", "close", id="help.close"),
    ]

    def __init__(self, screen: IncidentScreen) -> None:
        super().__init__()
        self.BOX_TITLE = f" {screen.title_words} "
        self._text = screen.HELP_TEXT
        self._keys = [
            (self_key, binding.tooltip or binding.description)
            for self_key, binding in _keys_of(screen)
        ]

    def compose_inside(self) -> ComposeResult:
        """The text, the keys, and the shapes."""
        with VerticalScroll(classes="resting dialog-body"):
            yield Static(Content(self._text), classes="paragraph")
            yield Static(stacked(list(self._key_lines())), classes="paragraph")
            yield Static(_shapes())
        yield Static(Content.styled("esc close   ↑ ↓ read on", "$muted"), classes="dialog-keys")

    def _key_lines(self) -> Iterable[Content]:
        for key, words in self._keys:
            yield line(cell(Content.styled(key, "bold $accent"), 9), words)

    def action_close(self) -> None:
        """Back to the screen."""
        self.dismiss(None)


def _keys_of(screen: IncidentScreen) -> list[tuple[str, Binding]]:
    found: dict[str, tuple[str, Binding]] = {}
    for active in screen.active_bindings.values():
        binding = active.binding
        if active.node is screen and binding.tooltip and binding.action not in found:
            found[binding.action] = (key_words(screen.app, binding), binding)
    return list(found.values())


def _shapes() -> Content:
    return line(
        ("Shapes   ", HEADING),
        Content("   ").join(mark.say() for mark in Mark),
    )
