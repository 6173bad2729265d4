"""Counts and sizes as horizontal bars."""

from __future__ import annotations

from collections.abc import Sequence

from textual.content import Content
from textual.widget import Widget

from recovery.snapshots.model import CountedName
from screens.marks import HEADING, cell, line, stacked
from screens.wording import cut, size, thousands

_COUNT, _SIZE = 8, 9
_BAR = 10
"""Cells of a bar, and as many are left to it beside long names; a third is the names' at least."""


class CountBars(Widget):
    """A heading, then one bar for each name, the largest first."""

    def __init__(self, title: str, name: str) -> None:
        super().__init__(id=name)
        self._title = title
        self._names: Sequence[CountedName] = ()

    def show_counts(self, names: Sequence[CountedName]) -> None:
        """Show these instead."""
        self._names = sorted(names, key=lambda item: (-item.count, item.name))
        self.refresh(layout=True)

    def render(self) -> Content:
        """The bars, as wide as there is room."""
        width = self.size.width
        most_for_names = max(width // 3, width - _BAR - _COUNT - _SIZE - 2)
        name_width = min(max([12, *(len(item.name) for item in self._names)]), most_for_names)
        room = max(4, width - name_width - _COUNT - _SIZE - 2)
        total = thousands(len(self._names))
        lines = [
            line(
                cell(line((self._title, HEADING), (f"  {total}", "$muted")), name_width + room + 1),
                cell(Content.styled("objects", "$muted"), _COUNT, right=True),
                cell(Content.styled("bytes", "$muted"), _SIZE, right=True),
            )
        ]
        most = max((item.count for item in self._names), default=0) or 1
        for item in self._names:
            lines.append(
                line(
                    cell(cut(item.name, name_width), name_width),
                    " ",
                    solid(item.count / most, room),
                    cell(thousands(item.count), _COUNT, right=True),
                    cell(Content.styled(size(item.size), "$muted"), _SIZE, right=True),
                )
            )
        if not self._names:
            lines.append(Content.styled("none", "$muted"))
        return stacked(lines)


_EIGHTHS = " ▏▎▍▌▋▊▉"


def solid(share: float, width: int) -> Content:
    """A bar in `width` cells, filled by `share` (0 to 1) to an eighth of a cell."""
    eighths = max(1, round(share * width * 8)) if share > 0 else 0
    full, part = divmod(eighths, 8)
    text = "█" * full + (_EIGHTHS[part] if part else "")
    return cell(Content.styled(text, "$bar"), width)
