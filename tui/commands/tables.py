"""Plain tables, ages and sizes for the command line."""

from __future__ import annotations

import shutil
import sys
import textwrap
from collections.abc import Iterator, Sequence
from datetime import datetime

_UNITS = ("B", "KiB", "MiB", "GiB", "TiB")


_BELOW = " " * 4
_LEAST = 24
"""A last column that gets less than this goes below its row."""


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Columns padded to their widest cell; no trailing blanks.

    On a terminal that is narrower than that, the last column is folded, or what does not fit
    stands below each row. Elsewhere a row is a line, for grep and awk.
    """
    return fitted(header, rows, _width())


def fitted(header: Sequence[str], rows: Sequence[Sequence[str]], width: int | None) -> str:
    """The table in that many columns; None: in as many as it takes."""
    return "\n".join(fitted_rows(header, rows, width))


def fitted_rows(
    header: Sequence[str], rows: Sequence[Sequence[str]], width: int | None
) -> list[str]:
    """The header and each row, of one line or more."""
    lines = [header, *rows]
    widths = [max(len(line[i]) for line in lines) for i in range(len(header))]
    if width is None or sum(widths) + 2 * (len(widths) - 1) <= width:
        return [_line(line, widths) for line in lines]
    room = width - sum(widths[:-1]) - 2 * (len(widths) - 1)
    if room >= _LEAST:
        return ["\n".join(_last_folded(line, widths, room)) for line in lines]
    first = _fitting(widths, width)
    return ["\n".join(_in_two(line, widths, first, width)) for line in lines]


def _width() -> int | None:
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    padded = (cell.ljust(width) for cell, width in zip(cells, widths, strict=True))
    return "  ".join(padded).rstrip()


def _last_folded(cells: Sequence[str], widths: Sequence[int], room: int) -> Iterator[str]:
    """The row, its last cell on as many lines as it takes."""
    parts = _folded(cells[-1], room) or [""]
    yield _line([*cells[:-1], parts[0]], [*widths[:-1], room])
    indent = " " * (sum(widths[:-1]) + 2 * (len(widths) - 1))
    yield from (indent + part for part in parts[1:])


def _fitting(widths: Sequence[int], width: int) -> int:
    """How many columns fit side by side; at least one."""
    count, used = 1, widths[0]
    while count < len(widths) and used + 2 + widths[count] <= width:
        used += 2 + widths[count]
        count += 1
    return count


def _in_two(cells: Sequence[str], widths: Sequence[int], first: int, width: int) -> Iterator[str]:
    """The columns that fit, and below them what the others have to say."""
    yield _line(cells[:first], widths[:first])
    below = "  ".join(cell for cell in cells[first:] if cell)
    yield from (_BELOW + part for part in _folded(below, width - len(_BELOW)))


def _folded(text: str, width: int) -> list[str]:
    """Lines of whole words; a path stays whole, so that it can be copied."""
    return textwrap.wrap(text, max(width, _LEAST), break_on_hyphens=False, break_long_words=False)


def size(count: int) -> str:
    """Bytes in binary units: `212 MiB`."""
    value = float(count)
    for unit in _UNITS:
        if value < 1024 or unit == _UNITS[-1]:
            return f"{value:.0f} {unit}" if value >= 10 or unit == "B" else f"{value:.1f} {unit}"
        value /= 1024
    raise AssertionError


def age(then: datetime | None, now: datetime) -> str:
    """How long ago: `14 h`, `3 d`."""
    if then is None:
        return "–"
    seconds = (now - then).total_seconds()
    if seconds < 0:
        return "in the future"
    for unit, length in (("d", 86_400 * 2), ("h", 3600), ("min", 60)):
        if seconds >= length:
            return f"{int(seconds // (86_400 if unit == 'd' else length))} {unit}"
    return f"{int(seconds)} s"
