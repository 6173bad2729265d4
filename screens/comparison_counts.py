"""How many objects of each resource, or in each namespace, differ: a heading and a list."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Static

from recovery.snapshots.comparison import Change, ChangeCount
from screens.comparison_text import COLOURS, SIGNS
from screens.marks import HEADING, cell, line
from screens.widgets.bars import solid
from screens.widgets.row_list import Row, RowList
from screens.wording import cut, thousands

_FIGURE = 11


class ChangeCounts(Vertical):
    """The counts of one kind; `rest` stands for the empty name."""

    def __init__(self, title: str, name: str, rest: str) -> None:
        super().__init__(id=f"{name}-side", classes="comparison-pane")
        self._title, self._rest = title, rest
        self._counts: Sequence[ChangeCount] = ()
        self.rows = RowList(name)

    def compose(self) -> ComposeResult:
        """Heading and list."""
        yield Static("", classes="pane-heading")
        yield self.rows

    @property
    def chosen(self) -> str | None:
        """The name under the cursor, which may be empty; None where there is no row."""
        key = self.rows.key
        return None if key is None else key.removeprefix("=")

    @property
    def chosen_words(self) -> str:
        """The row under the cursor in full; empty where there is none."""
        for each in self._counts:
            if each.name == self.chosen:
                parts = zip(_ORDER, (each.added, each.removed, each.changed), strict=True)
                words = [
                    f"{thousands(number)} {change.value}" for change, number in parts if number
                ]
                return f"{each.name or self._rest}: {', '.join(words)}"
        return ""

    def show_counts(self, counts: Sequence[ChangeCount]) -> None:
        """Show these instead."""
        self._counts = counts
        most = max((_total(each) for each in counts), default=1)
        draw = partial(_draw, rest=self._rest, most=most)
        self.rows.show_rows([Row(f"={each.name}", partial(draw, each)) for each in counts])
        self.draw_heading()

    def draw_heading(self) -> None:
        """The names of the columns, for the width at hand."""
        width = max(self.rows.scrollable_content_region.width, 10)
        name, _ = _widths(width - 1)
        number = thousands(len(self._counts))
        title = line((self._title, HEADING), (f" {number}", "$muted"))
        figures = [
            cell(f"{SIGNS[change]} {change.value}", _FIGURE, right=True) for change in _ORDER
        ]
        heads = Content.styled("".join(figure.plain for figure in figures), "$muted")
        self.query_one(".pane-heading", Static).update(line("  ", cell(title, name), heads))

    def on_resize(self) -> None:
        """Draw for the new width."""
        self.call_after_refresh(self.draw_heading)


_ORDER = (Change.ADDED, Change.REMOVED, Change.CHANGED)


def _draw(each: ChangeCount, width: int, *, rest: str, most: int) -> Content:
    name, room = _widths(width)
    title = cell(cut(each.name or rest, name - 1), name)
    figures = zip(_ORDER, (each.added, each.removed, each.changed), strict=True)
    cells = [cell(_figure(change, number), _FIGURE, right=True) for change, number in figures]
    bar = line("  ", solid(_total(each) / most, room)) if room else Content("")
    return line(" ", title if each.name else title.stylize("$muted"), *cells, bar)


def _figure(change: Change, number: int) -> Content:
    if not number:
        return Content.styled("·", "$faint-text")
    return Content.styled(thousands(number), COLOURS[change])


def _widths(width: int) -> tuple[int, int]:
    """Of the name, and of the bar (0 where there is no room for one)."""
    room = width - 1 - 3 * _FIGURE
    bar = min(40, room // 4) if room >= 34 else 0
    return max(12, room - bar - 3 if bar else room - 1), bar


def _total(each: ChangeCount) -> int:
    return each.added + each.removed + each.changed
