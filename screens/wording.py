"""How figures, times and names are written, the same on every screen."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable
from datetime import datetime

GROUP = "\u00a0"
"""Stands between thousands and between a figure and its unit, so that no line breaks there."""

_PROGRAMS = ("etcd", "etcdctl", "etcdutl", "kubelet", "kubectl", "crictl", "systemctl")

_MINUTE, _HOUR, _DAY = 60, 3600, 86400


def thousands(number: int) -> str:
    """182334 → `182 334`."""
    return f"{number:,}".replace(",", GROUP)


def size(octets: int) -> str:
    """Bytes in binary units, three figures at most: `212 MiB`, `4.1 GiB`, `512 B`."""
    if octets < 1024:
        return f"{octets}{GROUP}B"
    value = octets / 1024
    units = ["KiB", "MiB", "GiB", "TiB", "PiB"]
    while value >= 999.5 and len(units) > 1:
        value /= 1024
        units.pop(0)
    unit = units[0]
    return f"{value:.1f}{GROUP}{unit}" if value < 9.95 else f"{value:.0f}{GROUP}{unit}"


def rate(octets_per_second: float) -> str:
    """`48 MiB/s`."""
    return f"{size(int(octets_per_second))}/s"


def span(seconds: float) -> str:
    """A length of time in its largest fitting unit: `12 s`, `3 min`, `14 h`, `3 d`."""
    seconds = max(0.0, seconds)
    if seconds < 90:
        return f"{seconds:.0f}{GROUP}s"
    if seconds < 90 * _MINUTE:
        return f"{seconds / _MINUTE:.0f}{GROUP}min"
    if seconds < 2 * _DAY:
        return f"{seconds / _HOUR:.0f}{GROUP}h"
    return f"{seconds / _DAY:.0f}{GROUP}d"


def age(then: datetime | None, now: datetime) -> str:
    """How long ago; a dash where nobody knows."""
    return "–" if then is None else span((now - then).total_seconds())


def stopwatch(seconds: float) -> str:
    """Elapsed time: `04:41`, and `1:04:41` from an hour on."""
    whole = max(0, int(seconds))
    hours, minutes = whole // _HOUR, whole % _HOUR // _MINUTE
    tail = f"{minutes:02}:{whole % _MINUTE:02}"
    return f"{hours}:{tail}" if hours else tail


def moment(then: datetime | None) -> str:
    """A UTC time to the minute: `2026-11-22 00:00`; a dash where nobody knows."""
    return "–" if then is None else f"{then:%Y-%m-%d %H:%M}"


def cut(text: str, width: int) -> str:
    """The text in at most `width` characters, cut in the middle: both ends tell names apart."""
    if len(text) <= width:
        return text
    if width < 3:
        return text[: max(0, width)]
    head = width // 2
    return f"{text[:head]}…{text[len(text) - (width - head - 1) :]}"


def clipped(text: str, width: int) -> str:
    """A sentence in at most `width` characters: unlike a name it says most at its beginning."""
    return text if len(text) <= width else f"{text[: max(0, width - 1)]}…"


def plural(number: int, one: str, many: str = "") -> str:
    """`1 node`, `3 nodes`; `many` where an s does not do."""
    return f"{thousands(number)}{GROUP}{one if number == 1 else many or one + 's'}"


def listing(words: Iterable[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    items = list(words)
    if len(items) < 2:
        return "".join(items)
    return f"{', '.join(items[:-1])} and {items[-1]}"


def hexed(digest: str, groups: int = 4) -> str:
    """The beginning of a hash, in groups of four: `8a41 77e0 …`."""
    parts = [digest[start : start + 4] for start in range(0, min(len(digest), groups * 4), 4)]
    return GROUP.join(parts) + ("…" if len(digest) > groups * 4 else "")


def schedule(cron: str) -> str:
    """The usual cron lines in words (`daily 00:00`, `hourly :30`), any other as it stands."""
    fields = cron.split()
    if len(fields) != 5 or fields[2:4] != ["*", "*"]:
        return cron
    minute, hour, _, _, weekday = fields
    if weekday != "*" or not minute.isdigit():
        return cron
    if hour.isdigit():
        return f"daily {int(hour):02}:{int(minute):02}"
    if hour == "*":
        return f"hourly :{int(minute):02}"
    if hour.startswith("*/") and hour[2:].isdigit():
        return f"every {hour[2:]} h"
    return cron


def sentence(text: str) -> str:
    """The text with a capital first and a full stop last; names of programs stay as they are."""
    text = text.strip()
    if not text:
        return ""
    first = text.split()[0].rstrip(",.:;")
    if first.isalpha() and first not in _PROGRAMS:
        text = text[0].upper() + text[1:]
    return text if text[-1] in ".!?…" else f"{text}."


def moment_of(rfc3339: str | None) -> str:
    """An RFC 3339 time as `2026-11-22 00:00`; empty where there is none or it is not understood."""
    try:
        return moment(datetime.fromisoformat(rfc3339)) if rfc3339 else ""
    except ValueError:
        return ""


def folded(text: str, width: int) -> list[str]:
    """The text in lines of at most `width` characters, broken between words."""
    return textwrap.wrap(text, max(10, width), break_on_hyphens=False) or [""]
