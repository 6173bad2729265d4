"""Plain text by the line, wrapped, bounded, drawn only where it is seen.

Lines are outside text: never markup, and free of control characters before they are kept.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import ClassVar

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual.binding import Binding, BindingType
from textual.geometry import Size
from textual.scroll_view import ScrollView
from textual.strip import Strip

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
        self._keep = keep
        self._follow = follow
        self._code = code
        self._lines: list[tuple[Stream, str]] = []
        self._drawn: list[tuple[Stream, str]] = []
        self._wrapped_at = 0
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
        self._wrap_all()
        self.scroll_home(animate=False)

    def add(self, batches: Iterable[tuple[Stream, tuple[str, ...]]]) -> None:
        """Add lines at the end; call it in batches, not by the line."""
        fresh = [(stream, _clean(text)) for stream, texts in batches for text in texts]
        if not fresh:
            return
        follow = self._follow and self.at_end
        dropped = max(0, len(self._lines) + len(fresh) - self._keep)
        if dropped >= len(self._lines):
            self._lines = fresh[-self._keep :]
            self._drawn = self._wrap(self._lines)
            gone = 0
        else:
            self._lines += fresh
            gone = len(self._wrap(self._lines[:dropped])) if dropped else 0
            del self._lines[:dropped]
            del self._drawn[:gone]
            self._drawn += self._wrap(fresh)
        self.dropped += dropped
        self._measured()
        if follow:
            self.scroll_end(animate=False, immediate=True, x_axis=False)
        elif gone:
            # The lines that a person reads stay where they are while older ones go.
            self.scroll_to(y=max(0, self.scroll_offset.y - gone), animate=False, immediate=True)

    def _wrap(self, lines: Iterable[tuple[Stream, str]]) -> list[tuple[Stream, str]]:
        width = max(8, self._wrapped_at)
        drawn: list[tuple[Stream, str]] = []
        for stream, text in lines:
            whole = _PREFIX[stream] + text
            if len(whole) <= width and (whole.isascii() or cell_len(whole) <= width):
                drawn.append((stream, whole))
                continue
            piece = _first(whole, width)
            drawn.append((stream, piece))
            rest = whole[len(piece) :]
            while rest:
                piece = _first(rest, width - len(_CONTINUED))
                drawn.append((stream, _CONTINUED + piece))
                rest = rest[len(piece) :]
        return drawn

    def _wrap_all(self) -> None:
        self._wrapped_at = self.scrollable_content_region.width
        self._drawn = self._wrap(self._lines)
        self._measured()

    def _measured(self) -> None:
        self.virtual_size = Size(self._wrapped_at, len(self._drawn))
        self.refresh()

    def on_resize(self) -> None:
        """Wrap anew where the width has changed."""
        if self.scrollable_content_region.width != self._wrapped_at:
            follow = self._follow and self.at_end
            self._wrap_all()
            if follow:
                self.scroll_end(animate=False, x_axis=False)

    def render_line(self, y: int) -> Strip:
        """One line of what is seen (the Line API)."""
        width = self.scrollable_content_region.width
        index = y + self.scroll_offset.y
        if index >= len(self._drawn):
            return Strip.blank(width, self.rich_style)
        stream, text = self._drawn[index]
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
        return self.get_component_rich_style(f"line-pane--{name}") if name else self.rich_style


def _first(text: str, width: int) -> str:
    """As much of the beginning as fits into so many cells; at least one character."""
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
