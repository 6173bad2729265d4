"""Times, lengths of time and figures, as the report writes them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime


def parsed(at: str) -> datetime:
    """An RFC 3339 time of the journal."""
    return datetime.fromisoformat(at.replace("Z", "+00:00"))


def seconds_between(start: str, end: str) -> float:
    """From one time of the journal to a later one; never less than nothing."""
    return max(0.0, (parsed(end) - parsed(start)).total_seconds())


def moment(at: str) -> str:
    """`2026-11-22 14:02:31Z`."""
    return f"{parsed(at):%Y-%m-%d %H:%M:%S}Z"


def clock(at: str) -> str:
    """`14:02:31Z`."""
    return f"{parsed(at):%H:%M:%S}Z"


def lasted(seconds: float) -> str:
    """`0.4 s`, `52 s`, `4 min 41 s`, `2 h 4 min`, `3 d 2 h`."""
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    for unit, smaller, size, less in (
        ("d", "h", 86400, 3600),
        ("h", "min", 3600, 60),
        ("min", "s", 60, 1),
    ):
        if whole >= size:
            rest = whole % size // less
            return f"{whole // size} {unit}" + (f" {rest} {smaller}" if rest else "")
    return f"{whole} s"


def size(octets: int) -> str:
    """Bytes in binary units."""
    value = float(octets)
    for unit in ("B", "KiB", "MiB"):
        if value < 1024:
            return f"{octets} B" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1024
    return f"{value:.1f} GiB"


def thousands(number: int) -> str:
    """182334 → `182 334`, with a no-break space."""
    return f"{number:,}".replace(",", "\u00a0")


def plural(number: int, word: str) -> str:
    """`1 node`, `3 nodes`."""
    return f"{thousands(number)} {word}" + ("" if number == 1 else "s")


def listing(words: Sequence[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    if len(words) < 2:
        return "".join(words)
    return f"{', '.join(words[:-1])} and {words[-1]}"


def sentence(words: str) -> str:
    """With a capital at its beginning and a full stop at its end."""
    words = words.strip()
    if not words:
        return ""
    return words[0].upper() + words[1:] + ("" if words[-1] in ".!?:" else ".")
