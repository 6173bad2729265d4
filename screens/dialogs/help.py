"""What the screen at hand is for, and every key that works on it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import Screen
from textual.widgets import Static

from screens.dialogs.dialog import Dialog
from screens.marks import HEADING, Mark, cell, line, stacked
from screens.widgets.key_footer import key_words


class HelpDialog(Dialog[None]):
    """Built from the screen's own text and its bindings' tooltips."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,question_mark,q,enter", "close", "close", id="help.close"),
    ]

    def __init__(self, screen: Screen[None], title: str, text: str) -> None:
        super().__init__()
        self.BOX_TITLE = title
        self._text = text
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
        for key, words in [*self._keys, ("ctrl+p", "Find any action by its name")]:
            yield line(cell(Content.styled(key, "bold $accent"), 11), words)

    def action_close(self) -> None:
        """Back to the screen."""
        self.dismiss(None)


def _keys_of(screen: Screen[None]) -> list[tuple[str, Binding]]:
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
