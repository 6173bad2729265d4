"""One of several: a list to choose from, the first one chosen already."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar, NamedTuple

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widgets import Input, Static

from screens.dialogs.dialog import Dialog
from screens.marks import cell, line
from screens.widgets.row_list import Row, RowList
from screens.widgets.typing_line import TypingLine
from screens.wording import cut

_AROUND = 10
"""Lines of the box that are not candidates, and a little of what it lies over."""
_MANY = 8
"""From so many candidates on, the keys name the search."""


class Candidate(NamedTuple):
    """What can be chosen."""

    key: str
    """The answer of the dialog."""
    label: str
    remark: str = ""
    """What else helps to choose: size, integrity, how far away."""


class ChoosingDialog(Dialog[str | None]):
    """Enter answers with the key under the cursor, esc with None; `/` shows only some."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "choose", "choose", id="choosing.choose"),
        Binding("escape", "leave", "back", id="choosing.back"),
        Binding("slash", "find", "find", id="choosing.find"),
        Binding("up", "move(-1)", "", show=False, id="choosing.up"),
        Binding("down", "move(1)", "", show=False, id="choosing.down"),
    ]

    def __init__(self, title: str, candidates: Sequence[Candidate]) -> None:
        super().__init__()
        self.BOX_TITLE = title
        self._candidates = candidates
        self._rows = RowList("candidates")
        self._rows.add_class("resting")

    def compose_inside(self) -> ComposeResult:
        """The field to find some, the candidates, the keys."""
        yield TypingLine(placeholder="part of a name", id="candidate-filter", compact=True)
        yield self._rows
        yield Static("", id="candidates-empty")
        find = "   / find" if len(self._candidates) >= _MANY else ""
        keys = f"enter choose   esc back   ↑ ↓ move{find}"
        yield Static(Content.styled(keys, "$muted"), classes="dialog-keys")

    def on_mount(self) -> None:
        """All of them."""
        self.query_one("#candidate-filter").display = False
        self._show("")

    def on_resize(self) -> None:
        """As high as they need, or as there is room."""
        room = self.app.size.height - _AROUND
        self._rows.styles.height = max(1, min(len(self._candidates), room))

    def _show(self, wanted: str) -> None:
        folded = wanted.casefold()
        shown = [
            candidate
            for candidate in self._candidates
            if folded in candidate.label.casefold()
            or folded in candidate.remark.casefold()
            or folded in candidate.key.casefold()
        ]
        width = max((len(candidate.label) for candidate in shown), default=0)
        self._rows.show_rows([Row(each.key, _drawn(each, width)) for each in shown])
        empty = self.query_one("#candidates-empty", Static)
        empty.display = not shown
        words = f"Nothing contains “{wanted}”." if wanted else "There is nothing to choose from."
        empty.update(Content.styled(words, "$muted"))

    def on_input_changed(self, event: Input.Changed) -> None:
        """Fewer with every letter."""
        self._show(event.value.strip())

    def on_input_submitted(self) -> None:
        """The one under the cursor, without leaving the field first."""
        self.action_choose()

    def on_row_list_chosen(self) -> None:
        """A click on the chosen one."""
        self.action_choose()

    def action_choose(self) -> None:
        """The one under the cursor; nothing where there is none."""
        if self._rows.key is not None:
            self.dismiss(self._rows.key)

    def action_move(self, by: int) -> None:
        """Through the list, also while typing."""
        self._rows.action_cursor(by)

    def action_find(self) -> None:
        """Type a part of a name."""
        field = self.query_one("#candidate-filter", Input)
        field.display = True
        field.focus()

    def action_leave(self) -> None:
        """First the text goes, then the dialog."""
        field = self.query_one("#candidate-filter", Input)
        if field.display:
            field.value = ""
            field.display = False
            self._rows.focus()
        else:
            self.dismiss(None)


def _drawn(candidate: Candidate, longest: int) -> Callable[[int], Content]:
    def draw(width: int) -> Content:
        label = min(longest, max(16, width * 6 // 10) if candidate.remark else width - 1)
        name = cell(cut(candidate.label, label), label)
        room = width - label - 4
        return line(" ", name, "  ", (cut(candidate.remark, room), "$muted"))

    return draw
