"""Plain tables, ages and sizes for the command line."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

_UNITS = ("B", "KiB", "MiB", "GiB", "TiB")


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Columns padded to their widest cell; no trailing blanks."""
    widths = [max(len(line[i]) for line in (header, *rows)) for i in range(len(header))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in (header, *rows)
    )


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
