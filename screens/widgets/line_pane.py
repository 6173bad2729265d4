"""Plain text by the line, wrapped, bounded, drawn only where it is seen.

Lines are outside text: never markup, and free of control characters before they are kept.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable
from functools import lru_cache
from itertools import accumulate, islice
from typing import ClassVar, Self

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual.binding import Binding, BindingType
from textual.geometry import Region, Size
from textual.scroll_view import ScrollView
from textual.strip import Strip
from textual.widget import Widget

from recovery.restore.events import Stream

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]")
_PREFIX = {Stream.COMMAND: "", Stream.OUT: "", Stream.ERR: "! ", Stream.NOTE: "· "}
_CONTINUED = "  "


class LinePane(ScrollView, can_focus=True):
    """Lines of text. Follows the end while it is scrolled to the end, as `tail -f` does."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "scroll_up", "Up", show=False, id="pane.up"),
        Binding("down,j", "scroll_down", "Down", show=False, id="pane.down"),
        Binding("pageup", "page_up", "Page up", show=False, id="pane.page-up"),
        Binding("pagedown", "page_down", "Page down", show=False, id="pane.page-down"),
        Binding("home,g", "scroll_home", "First", show=False, id="pane.first"),
        Binding("end,G", "scroll_end", "Last", show=False, id="pane.last"),
    ]
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "line-pane--command",
        "line-pane--err",
        "line-pane--note",
        "line-pane--added",
        "line-pane--removed",
        "line-pane--comment",
    }

    def __init__(
        self, *, keep: int = 5000, follow: bool = False, code: str = "", name: str | None = None
    ) -> None:
        """`keep` bounds the lines; `code` is `sh` or `diff` for quiet colours on known lines."""
        super().__init__(name=name, id=name)
        # Lines are folded before there is a bar, which would cover their last column.
        self.styles.scrollbar_gutter = "stable"
        self.styles.overflow_x = "hidden"
        self._keep = keep
        self._follow = follow
        self._code = code
        self._lines: list[tuple[Stream, str]] = []
        self._ends: list[int] = []
        """For every line the number of rows up to its end: rows are counted, not made."""
        self._above = 0
        """Rows of lines that have gone, which `_ends` counts too."""
        self._plain: Style | None = None
        self._wrapped_at = 0
        self._placing = False
        self.following = follow
        """Whether the end is kept in sight; ends when a person scrolls up, begins at the end."""
        self.dropped = 0
        """How many lines have gone because there were too many."""

    @property
    def text(self) -> str:
        """All lines that are kept."""
        return "\n".join(text for _, text in self._lines)

    @property
    def line_count(self) -> int:
        """How many lines are kept."""
        return len(self._lines)

    @property
    def at_end(self) -> bool:
        """Whether the last line is in sight."""
        return self.scroll_offset.y >= self.max_scroll_y

    def show_text(self, text: str) -> None:
        """Show this text from its beginning."""
        self._lines = [(Stream.OUT, _clean(line)) for line in text.rstrip("\n").split("\n")]
        del self._lines[: -self._keep]
        self._wrapped_at = self.scrollable_content_region.width
        self._measure()
        self.scroll_home(animate=False)

    def add(self, batches: Iterable[tuple[Stream, tuple[str, ...]]]) -> None:
        """Add lines at the end; call it in batches, not by the line."""
        fresh = _newest(batches, self._keep)
        if not fresh:
            return
        lines = [(stream, _clean(text)) for stream, texts in fresh for text in texts]
        self._lines += lines
        # Only what is new is measured: a pane may get a thousand lines ten times a second.
        end = self._ends[-1] if self._ends else self._above
        self._ends += islice(accumulate(self._counts(lines), initial=end), 1, None)
        gone = self._drop(max(0, len(self._lines) - self._keep))
        self._grow(Size(self._wrapped_at, self._rows))
        if self.following:
            self._place(self.max_scroll_y)
            if not self.show_vertical_scrollbar:
                # What has just become longer than the pane scrolls only once its bar is there.
                self.call_after_refresh(self._to_end)
        elif gone:
            # The lines that a person reads stay where they are while older ones go.
            self._place(max(0, self.scroll_offset.y - gone))

    def _drop(self, lines: int) -> int:
        """Let the oldest lines go; how many rows they were."""
        if not lines:
            return 0
        gone = self._ends[lines - 1] - self._above
        del self._lines[:lines]
        del self._ends[:lines]
        self._above += gone
        self.dropped += lines
        return gone

    @property
    def _rows(self) -> int:
        return self._ends[-1] - self._above if self._ends else 0

    def _place(self, y: float) -> None:
        self._placing = True
        try:
            self.scroll_to(y=y, animate=False, immediate=True)
        finally:
            self._placing = False

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """A person who scrolls up reads back; at the end the pane follows again."""
        super().watch_scroll_y(old_value, new_value)
        if self._follow and not self._placing and old_value != new_value:
            self.following = self.at_end

    def _measure(self) -> None:
        self._above = 0
        self._ends = list(accumulate(self._counts(self._lines)))
        self._grow(Size(self._wrapped_at, self._rows))

    def _counts(self, lines: Iterable[tuple[Stream, str]]) -> list[int]:
        """How many rows each of the lines needs."""
        width = max(8, self._wrapped_at)
        rest = width - len(_CONTINUED)
        room = {stream: width - len(prefix) for stream, prefix in _PREFIX.items()}
        return [
            1
            if len(text) <= room[stream] and text.isascii()
            else max(1, 1 - (room[stream] - _cells(text)) // rest)
            for stream, text in lines
        ]

    def _grow(self, size: Size) -> None:
        # Setting virtual_size lays the whole screen out anew (27 ms at 160×48). Where only the
        # height of what is scrolled changes, telling the scrollbar is enough.
        scrolled = self.show_vertical_scrollbar and size.height > self.container_size.height
        if scrolled and size.width == self.virtual_size.width:
            self.set_reactive(Widget.virtual_size, size)
            self.vertical_scrollbar.window_virtual_size = size.height
        else:
            self.virtual_size = size
        self.refresh()

    def _row(self, row: int) -> tuple[Stream, str]:
        """What stands in that row."""
        row += self._above
        index = bisect_right(self._ends, row)
        first = self._ends[index - 1] if index else self._above
        stream, text = self._lines[index]
        rows = _wrapped(_PREFIX[stream] + text, max(8, self._wrapped_at), self._ends[index] - first)
        place = row - first
        return stream, rows[place] if place < len(rows) else ""

    def on_resize(self) -> None:
        """Wrap anew where the width has changed; stay at the end where it was followed."""
        if self.scrollable_content_region.width != self._wrapped_at:
            following = self.following
            self._wrapped_at = self.scrollable_content_region.width
            self._measure()
            self.following = following
        if self.following:
            self.call_after_refresh(self._to_end)

    def _to_end(self) -> None:
        if self.following:
            self._place(self.max_scroll_y)

    def render_line(self, y: int) -> Strip:
        """One line of what is seen (the Line API)."""
        width = self.scrollable_content_region.width
        index = y + self.scroll_offset.y
        if index >= self._rows:
            return Strip.blank(width, self._plain_style)
        stream, text = self._row(index)
        style = self._style_of(stream, text)
        return Strip([Segment(text, style)], cell_len(text)).adjust_cell_length(width, style)

    def _style_of(self, stream: Stream, text: str) -> Style:
        name = ""
        if stream is not Stream.OUT:
            name = stream.value
        elif self._code == "sh" and text.lstrip().startswith("#"):
            name = "comment"
        elif self._code == "diff" and text[:1] in "+-" and text[:3] not in ("+++", "---"):
            name = "added" if text[:1] == "+" else "removed"
        return self.get_component_rich_style(f"line-pane--{name}") if name else self._plain_style

    @property
    def _plain_style(self) -> Style:
        """Made of all the widgets around it, which takes its time: once for each drawing."""
        if self._plain is None:
            self._plain = self.rich_style
        return self._plain

    def notify_style_update(self) -> None:
        """Other colours."""
        self._plain = None
        super().notify_style_update()

    def refresh(
        self,
        *regions: Region,
        repaint: bool = True,
        layout: bool = False,
        recompose: bool = False,
    ) -> Self:
        """Draw anew; scrolling only moves what is drawn."""
        if not regions:
            self._plain = None
        return super().refresh(*regions, repaint=repaint, layout=layout, recompose=recompose)


def _newest(
    batches: Iterable[tuple[Stream, tuple[str, ...]]], keep: int
) -> list[tuple[Stream, tuple[str, ...]]]:
    """The last batches that hold `keep` lines; what is older would be dropped at once."""
    chosen: list[tuple[Stream, tuple[str, ...]]] = []
    for stream, texts in reversed(list(batches)):
        if keep <= 0:
            break
        chosen.append((stream, texts[-keep:]))
        keep -= len(texts)
    return chosen[::-1]


def _cells(text: str) -> int:
    cells = len(text) if text.isascii() else cell_len(text)
    # A wide character may leave a cell free at a row's end: count for the worst.
    return cells if cells == len(text) else cells + cells // 8 + 1


@lru_cache(maxsize=512)
def _wrapped(text: str, width: int, most: int) -> tuple[str, ...]:
    """The text in at most so many rows: between words where they allow it, else where it falls."""
    for between_words in (True, False):
        rows = _folded(text, width, between_words=between_words)
        if len(rows) <= most:
            break
    return tuple(rows)


def _folded(text: str, width: int, *, between_words: bool) -> list[str]:
    rows: list[str] = []
    rest, room, indent = text, width, ""
    while rest or not rows:
        piece = _fitting(rest, room)
        after = rest[len(piece) : len(piece) + 1]
        space = piece.rfind(" ")
        if between_words and after not in ("", " ") and space > len(piece) * 2 // 3:
            piece = piece[: space + 1]
        rows.append(indent + piece)
        rest = rest[len(piece) :]
        room, indent = width - len(_CONTINUED), _CONTINUED
        if between_words:
            rest = rest.lstrip(" ")
    return rows


def _fitting(text: str, width: int) -> str:
    """As much as fits into so many cells; at least one character."""
    if text.isascii():
        return text[:width]
    taken, cells = 0, 0
    for character in text:
        cells += cell_len(character)
        if cells > width and taken:
            break
        taken += 1
    return text[:taken]


def _clean(text: str) -> str:
    """The text without control characters; tabs as four spaces."""
    if text.isprintable():
        return text
    return _CONTROL.sub("·", text.expandtabs(4))
