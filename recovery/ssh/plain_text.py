"""Text from outside, made safe to show: no escape sequence reaches the operator's terminal."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator

LONGEST_LINE = 8192
"""Characters kept of one line."""

# Sequences of ECMA-48 in their 7-bit and 8-bit forms. Strings (OSC, DCS, APC, PM, SOS) end at
# their terminator or at the end of the line, so that an open one hides nothing below it.
# Possessive quantifiers keep the search linear whatever a node sends.
_SEQUENCE = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*+[ -/]*+[@-~]?"
    r"|(?:\x1b[\]PX^_]|[\x90\x98\x9d-\x9f])[^\x07\x1b\x9c\n]*+(?:\x07|\x1b\\|\x9c)?"
    r"|\x1b[ -/]*+[0-~]?"
)
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_CONTROL_BUT_NUL = re.compile(r"[\x01-\x08\x0b-\x1f\x7f-\x9f]")
# What reorders a line, or ends it, without being a control character of ASCII.
_DECEPTIVE = re.compile("[\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff]")
_SUSPECT = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff]"
)


def plain_line(line: str) -> str:
    """One line without control sequences; of a progress line its last state; cut where too long."""
    if _SUSPECT.search(line):
        line = _last_state(line)
        line = _CONTROL.sub("", _SEQUENCE.sub("", line))
        line = _DECEPTIVE.sub(lambda match: f"\\u{ord(match[0]):04x}", line)
    if len(line) > LONGEST_LINE:
        line = f"{line[:LONGEST_LINE]} … [{len(line) - LONGEST_LINE} characters cut]"
    return line


def plain_text(text: str) -> str:
    """Text of any number of lines, each made plain."""
    return "\n".join(plain_line(line) for line in text.split("\n"))


def pieces(text: str, size: int = 2**17) -> Iterator[str]:
    """The text in parts of about this many characters, each but the last with its newline.

    No control sequence goes on after a newline, so each part can be made plain by itself.
    """
    start = 0
    while start < len(text):
        newline = text.find("\n", start + size)
        end = len(text) if newline < 0 else newline + 1
        yield text[start:end]
        start = end


def without_controls(text: str) -> str:
    """Text for a program to parse: no control sequences, but whole lines, and NUL stays."""
    if not _SUSPECT.search(text):
        return text
    return _CONTROL_BUT_NUL.sub("", _SEQUENCE.sub("", text))


def _last_state(line: str) -> str:
    if "\r" not in line:
        return line
    return next((part for part in reversed(line.split("\r")) if part), "")


class LineAssembler:
    """Makes plain lines from chunks of bytes as they come, in bounded memory and linear time."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("backslashreplace")
        self._pending = ""
        self._cut = 0

    def feed(self, chunk: bytes) -> list[str]:
        """The lines that this chunk completes."""
        first, *rest = self._decoder.decode(chunk).split("\n")
        if not rest:
            self._keep(first)
            return []
        self._keep(first)
        lines = [self._take()]
        lines.extend(plain_line(line) for line in rest[:-1])
        self._keep(rest[-1])
        return lines

    def finish(self) -> list[str]:
        """What is left when the stream ends: the last line, where it had no newline."""
        self._keep(self._decoder.decode(b"", final=True))
        return [self._take()] if self._pending or self._cut else []

    def _keep(self, text: str) -> None:
        # A carriage return starts the line anew, unless it is the one before the newline.
        restart = text.rfind("\r", 0, len(text) - 1)
        if restart >= 0:
            self._pending, self._cut = "", 0
            text = text[restart + 1 :]
        elif text and self._pending.endswith("\r"):
            self._pending, self._cut = "", 0
        room = 2 * LONGEST_LINE - len(self._pending)
        kept = text[: max(room, 0)]
        self._cut += len(text) - len(kept)
        self._pending += kept
        if self._cut and text.endswith("\r"):
            self._pending = self._pending[: 2 * LONGEST_LINE - 1] + "\r"

    def _take(self) -> str:
        line, cut = self._pending, self._cut
        self._pending, self._cut = "", 0
        if not cut:
            return plain_line(line)
        shown = plain_line(line)[:LONGEST_LINE]
        return f"{shown} … [{len(line) + cut - len(shown)} characters cut]"
