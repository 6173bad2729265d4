"""Sentences behind a mark, hints, and lines that tell how far something has come."""

from __future__ import annotations

from textual.content import Content

from screens.case import Moving
from screens.marks import Mark, cell, line, stacked
from screens.widgets.node_pane import bar
from screens.wording import cut, folded, size


def said(mark: Mark, words: str, width: int, *, strong: bool = False) -> Content:
    """A mark and sentences behind it, folded under themselves."""
    style = "bold" if strong else ""
    rows = folded(words, width - 5)
    first = line(" ", (mark.shape, mark.colour), " ", (rows[0], style))
    return stacked([first, *(line("   ", (row, style)) for row in rows[1:])])


def hint(words: str) -> Content:
    """A quiet line, under what was said."""
    return line("   ", (words, "$muted"))


def moving_line(
    label: str,
    moving: Moving | None,
    width: int,
    rest: Mark = Mark.WAITING,
    words: str = "not yet",
) -> Content:
    """`◐ 2026-11-22 00:00  fetching ━━━━──── 131 MiB of 211 MiB`; at rest, its mark and words."""
    name_width = 20 if width < 100 else 34
    name = cell(cut(label, name_width - 1), name_width)
    if moving is None:
        return line("  ", (rest.shape, rest.colour), " ", name, (words, "$muted"))
    what = f"{moving.what} "
    figures = f"  {size(moving.done)} of {size(moving.total)}" if moving.total else ""
    room = max(8, min(50, width - name_width - len(what) - len(figures) - 6))
    share = moving.done / moving.total if moving.total else 0.0
    shown = line(bar(share, room), figures) if moving.total else Content("")
    return line("  ", (Mark.RUNNING.shape, Mark.RUNNING.colour), " ", name, what, shown)
