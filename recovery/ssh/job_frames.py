"""Reads what the script that follows a job tells: frames, see job_scripts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

_WITH_CONTENT = "OE"


@dataclass(frozen=True, slots=True)
class Frame:
    """One thing told. `content` is of `O` and `E` only, and may be a part of what was announced."""

    kind: str
    number: int
    content: bytes = b""


class FrameReader:
    """Puts frames together from chunks that end anywhere."""

    def __init__(self) -> None:
        self._rest = b""
        self._kind = ""
        self._wanted = 0

    def feed(self, chunk: bytes) -> Iterator[Frame]:
        """The frames that this chunk completes, and the output that it brings."""
        self._rest += chunk
        while self._rest:
            if self._wanted:
                content, self._rest = self._rest[: self._wanted], self._rest[self._wanted :]
                self._wanted -= len(content)
                yield Frame(self._kind, len(content), content)
                continue
            line, newline, rest = self._rest.partition(b"\n")
            if not newline:
                return
            self._rest = rest
            kind, _, number = line.decode("ascii", "replace").partition(" ")
            told = int(number) if number.strip().isdigit() else 0
            if kind in _WITH_CONTENT:
                self._kind, self._wanted = kind, told
            else:
                yield Frame(kind, told)
