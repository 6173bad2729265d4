"""A node's log on this machine: how its lines are written, and read again for the report.

Every line begins with its time and a sign that tells where it came from, so that nothing a node
prints can pass for something else:

    14:02:31Z = 2026-11-22T14:02:31.123Z stop/stop-kubelet try 1
    14:02:31Z $ systemctl stop kubelet
    14:02:32Z | what it printed
    14:02:32Z ! what it printed to its error output
    14:02:32Z · etcd-rescue's own words
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from recovery.restore.events import Stream

_SIGNS = {Stream.COMMAND: "$", Stream.OUT: "|", Stream.ERR: "!", Stream.NOTE: "·"}
_STREAMS = {sign: stream for stream, sign in _SIGNS.items()}
_BEGINNING = "="
_LINE = re.compile(r"(\d\d:\d\d:\d\dZ) ([=$|!·]) ?(.*)")
_HEAD = re.compile(r"(\S+) ([^\s/]+)/(\S+) try (\d+)")


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line of a node's log."""

    at: str
    """`14:02:31Z`; empty where the line is not ours."""
    stream: Stream
    text: str

    @property
    def sign(self) -> str:
        """`$`, `|`, `!` or `·`."""
        return _SIGNS[self.stream]


@dataclass(frozen=True, slots=True)
class LogPart:
    """What a node said during one try of one action; before the first try all names are empty."""

    began_at: str
    step: str
    action: str
    attempt: int
    lines: tuple[LogLine, ...]


def heading(at: datetime, step: str, action: str, attempt: int) -> str:
    """The line that is written when a try begins on the node."""
    when = f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03}Z"
    return f"{at:%H:%M:%S}Z {_BEGINNING} {when} {step}/{action} try {attempt}"


def log_lines(at: datetime, stream: Stream, lines: Iterable[str]) -> list[str]:
    """The node's lines as they are written."""
    head = f"{at:%H:%M:%S}Z {_SIGNS[stream]} "
    drop = "$ " if stream is Stream.COMMAND else ""
    return [f"{head}{line.removeprefix(drop)}" for line in lines]


def read_log(text: str) -> tuple[LogPart, ...]:
    """The log in parts, one for each try. A torn or foreign line counts as output."""
    parts: list[tuple[tuple[str, str, str, int], list[LogLine]]] = [(("", "", "", 0), [])]
    for line in text.splitlines():
        found = _LINE.fullmatch(line)
        if found is None:
            parts[-1][1].append(LogLine("", Stream.OUT, line))
            continue
        at, sign, said = found.groups()
        head = _HEAD.fullmatch(said) if sign == _BEGINNING else None
        if head is not None:
            parts.append(((head[1], head[2], head[3], int(head[4])), []))
        elif sign != _BEGINNING:
            parts[-1][1].append(LogLine(at, _STREAMS[sign], said))
    return tuple(LogPart(*head, tuple(lines)) for head, lines in parts if lines or head[1])
