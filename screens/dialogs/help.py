"""What the screen at hand is for, every key that works on it, and what its marks mean."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.screen import Screen
from textual.widgets import Static

from screens.dialogs.box import DialogText
from screens.dialogs.dialog import Dialog
from screens.explained import Help
from screens.marks import HEADING, cell, line, stacked
from screens.widgets.key_footer import key_words
from screens.wording import folded

_WIDTH = 70
_INDENT = 12

_EVERYWHERE = (
    ("↑ ↓ j k", "Move; g and G go to the first and the last line, page up and page down by a page"),
    ("ctrl+p", "Find any act by its name, and the way to every other screen"),
    ("ctrl+q", "Leave etcd-rescue; while a restore goes on, this asks first"),
)


class HelpDialog(Dialog[None]):
    """Built from the screen's own text, its bindings' sentences, and its marks."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,question_mark,f1,q,enter", "close", "close", id="help.close"),
    ]

    def __init__(self, screen: Screen[Any], title: str, explained: Help) -> None:
        super().__init__()
        self.BOX_TITLE = title
        self._text, self._marks = explained.text, explained.marks
        self._keys = [
            (key_words(screen.app, binding), binding.tooltip)
            for binding in bindings_of(screen)
            if binding.tooltip
        ]

    def compose_inside(self) -> ComposeResult:
        """What the screen is for in a few words, its keys, and what its marks mean."""
        with DialogText():
            yield Static(Content(self._text), classes="paragraph")
            yield Static(stacked(list(self._key_lines())), classes="paragraph")
            if self._marks:
                yield Static(stacked(list(self._mark_lines())))
        yield Static(
            Content.styled("esc close   page up page down", "$muted"), classes="dialog-keys"
        )

    def _mark_lines(self) -> Iterable[Content]:
        yield Content.styled("WHAT IT MEANS", HEADING)
        indent = 2 + max(len(words) + (2 if mark else 0) for mark, words, _ in self._marks)
        for mark, words, meaning in self._marks:
            what = mark.say(words) if mark else Content.styled(words, "bold")
            yield from _explained(what, meaning, indent)

    def _key_lines(self) -> Iterable[Content]:
        yield Content.styled("KEYS", HEADING)
        for key, words in [*self._keys, *_EVERYWHERE]:
            yield from _explained(Content.styled(key, "bold $accent"), words, _INDENT)

    def action_close(self) -> None:
        """Back to the screen."""
        self.dismiss(None)


def bindings_of(screen: Screen[Any]) -> list[Binding]:
    """The screen's own keys, in its order, whether or not they can be used now.

    Textual's have no id.
    """
    lists = [vars(kind).get("BINDINGS", ()) for kind in type(screen).__mro__]
    return [each for keys in lists for each in keys if isinstance(each, Binding) and each.id]


def _explained(what: Content, words: str, indent: int) -> Iterable[Content]:
    first, *others = folded(words, _WIDTH - indent)
    yield line(cell(what, indent), first)
    for other in others:
        yield line(" " * indent, other)
