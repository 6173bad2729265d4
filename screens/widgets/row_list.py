"""A list of one-line rows, drawn only where it is seen: ten thousand cost what twenty do."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import ClassVar, Self

from rich.segment import Segment
from textual import events
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip


@dataclass(frozen=True, slots=True)
class Row:
    """One line: its key, and how it is drawn in a given width (cells)."""

    key: str
    draw: Callable[[int], Content]
    selectable: bool = True
    """False for headings, which the cursor steps over."""


class RowList(ScrollView, can_focus=True):
    """Rows with a cursor. The cursor keeps to its row when others come and go."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "cursor(-1)", "Up", show=False, id="list.up"),
        Binding("down,j", "cursor(1)", "Down", show=False, id="list.down"),
        Binding("pageup", "page(-1)", "Page up", show=False, id="list.page-up"),
        Binding("pagedown", "page(1)", "Page down", show=False, id="list.page-down"),
        Binding("home,g", "edge(-1)", "First", show=False, id="list.first"),
        Binding("end,G", "edge(1)", "Last", show=False, id="list.last"),
    ]
    COMPONENT_CLASSES: ClassVar[set[str]] = {"row-list--cursor", "row-list--mark"}

    class Highlighted(Message):
        """The cursor came to another row, or its row was drawn anew."""

        def __init__(self, rows: RowList, key: str | None) -> None:
            super().__init__()
            self.rows = rows
            self.key = key

        @property
        def control(self) -> RowList:
            """The list it happened in."""
            return self.rows

    class Chosen(Message):
        """A row under the cursor was clicked."""

        def __init__(self, rows: RowList, key: str) -> None:
            super().__init__()
            self.rows = rows
            self.key = key

        @property
        def control(self) -> RowList:
            """The list it happened in."""
            return self.rows

    def __init__(self, name: str | None = None, *, cursor: bool = True) -> None:
        super().__init__(name=name, id=name)
        self._rows: Sequence[Row] = ()
        self._cursor = 0
        self._has_cursor = cursor
        self._drawn: dict[tuple[int, int, bool, bool], Strip] = {}
        """Rows as they were drawn, by place and width, under the cursor or not, focused or not."""
        self.moved_by_hand = False
        """Whether a person has moved the cursor; until then a screen may place it."""

    @property
    def key(self) -> str | None:
        """The key of the row under the cursor."""
        if 0 <= self._cursor < len(self._rows) and self._rows[self._cursor].selectable:
            return self._rows[self._cursor].key
        return None

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys of all rows, in order."""
        return tuple(row.key for row in self._rows)

    def show_rows(self, rows: Sequence[Row]) -> None:
        """Show these instead; the cursor stays on its row, by key, where that is still there."""
        before = self.key
        self._rows = tuple(rows)
        self.virtual_size = Size(self.scrollable_content_region.width, len(self._rows))
        index = next((i for i, row in enumerate(self._rows) if row.key == before), None)
        self._place(self._cursor if index is None else index, announce=self.key != before)
        self.refresh()

    def refresh(
        self,
        *regions: Region,
        repaint: bool = True,
        layout: bool = False,
        recompose: bool = False,
    ) -> Self:
        """Draw all rows anew, or only what has moved (regions), from what was drawn before."""
        if not regions:
            self._drawn.clear()
        return super().refresh(*regions, repaint=repaint, layout=layout, recompose=recompose)

    def notify_style_update(self) -> None:
        """Other colours: nothing that was drawn holds."""
        self._drawn.clear()
        super().notify_style_update()

    def move_to(self, key: str) -> None:
        """Put the cursor on the row of that key, if it is there."""
        for index, row in enumerate(self._rows):
            if row.key == key and index != self._cursor:
                self._place(index)

    def _place(self, index: int, *, announce: bool = True, down: bool = True) -> None:
        chosen = self._selectable(index, down)
        before, changed = self._cursor, chosen != self._cursor
        self._cursor = chosen
        if changed or announce:
            self.refresh_line(before)
            self.refresh_line(chosen)
            self.call_after_refresh(self._into_view)
            self.post_message(self.Highlighted(self, self.key))

    def _selectable(self, index: int, down: bool) -> int:
        if not self._rows:
            return 0
        last = len(self._rows) - 1
        index = max(0, min(index, last))
        above, below = range(index - 1, -1, -1), range(index + 1, last + 1)
        places = chain((index,), below, above) if down else chain((index,), above, below)
        return next((i for i in places if self._rows[i].selectable), 0)

    def _into_view(self) -> None:
        top = self._cursor
        while top > 0 and not self._rows[top - 1].selectable:
            top -= 1
        height = self._cursor - top + 1
        self.scroll_to_region(Region(0, top, 1, height), animate=False, force=True)

    def render_line(self, y: int) -> Strip:
        """One line of what is seen (the Line API)."""
        width = self.scrollable_content_region.width
        index = y + self.scroll_offset.y
        if not 0 <= index < len(self._rows):
            return Strip.blank(width, self.rich_style)
        row = self._rows[index]
        chosen = self._has_cursor and index == self._cursor and row.selectable
        place = (index, width, chosen, chosen and self.has_focus)
        if place not in self._drawn:
            self._drawn[place] = self._strip(row, width, chosen=chosen)
        return self._drawn[place]

    def _strip(self, row: Row, width: int, *, chosen: bool) -> Strip:
        """The row, without what a paragraph would need: that takes most of a page's time."""
        style = self.get_visual_style("row-list--cursor") if chosen else self.visual_style
        mark = Content(" ")
        if chosen and self.has_focus:
            mark = Content.styled("▌", "$accent")
        content = Content.assemble(mark, row.draw(max(1, width - 1)))
        if content.cell_length > width:
            content = content.truncate(width)
        parts = content.render(style, end="", parse_style=self._get_style)
        segments, x = [], 0
        for text, own in parts:
            # The place within the line, as other widgets have it for text that is marked by mouse.
            segments.append(Segment(text, (style + own).rich_style_with_offset(x, 0)))
            x += len(text)
        strip = Strip(segments, content.cell_length)
        return strip.adjust_cell_length(width, style.rich_style)

    def on_resize(self) -> None:
        """Keep the width of what is drawn to the width that is seen."""
        self.virtual_size = Size(self.scrollable_content_region.width, len(self._rows))
        self.call_after_refresh(self._into_view)

    def on_focus(self) -> None:
        """Show the cursor's mark."""
        self.refresh()

    def on_blur(self) -> None:
        """Take the cursor's mark away."""
        self.refresh()

    def action_cursor(self, by: int) -> None:
        """Move by so many rows, over headings."""
        self.moved_by_hand = True
        target = self._cursor + by
        if 0 <= target < len(self._rows):
            chosen = self._selectable(target, by > 0)
            if (chosen > self._cursor) == (by > 0):
                self._place(chosen, announce=False)
            else:
                self.scroll_relative(y=by, animate=False)

    def action_page(self, direction: int) -> None:
        """Move by as many rows as are seen."""
        self.moved_by_hand = True
        page = max(1, self.scrollable_content_region.height - 1)
        self._place(self._cursor + direction * page, announce=False, down=direction > 0)

    def action_edge(self, direction: int) -> None:
        """To the first or the last row."""
        self.moved_by_hand = True
        self._place(0 if direction < 0 else len(self._rows) - 1, down=direction < 0)

    def on_click(self, event: events.Click) -> None:
        """A click moves the cursor; a click on the row under it chooses that row."""
        index = event.y + self.scroll_offset.y
        if not 0 <= index < len(self._rows) or not self._rows[index].selectable:
            return
        self.moved_by_hand = True
        if index == self._cursor:
            self.post_message(self.Chosen(self, self._rows[index].key))
        else:
            self._place(index)
