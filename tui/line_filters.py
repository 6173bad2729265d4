"""The last hand on everything that is drawn: no control characters; with `--ascii`, only ASCII."""

from __future__ import annotations

import re

from rich.segment import Segment
from textual.color import Color
from textual.filter import LineFilter

from tui.ascii_glyphs import ascii_text

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]")


class ControlFilter(LineFilter):
    """Outside text can hold escape sequences: none may reach the person's terminal.

    The engine takes them out too; this is the second lock. They are drawn with no width, so that
    taking them out moves nothing.
    """

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        """The same line without control characters and direction marks."""
        return [
            segment._replace(text=_CONTROL.sub("", segment.text))
            if segment.control is None and _CONTROL.search(segment.text)
            else segment
            for segment in segments
        ]


class AsciiFilter(LineFilter):
    """`--ascii`: a glyph that an old terminal may lack becomes one of the same width."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        """The same line in ASCII."""
        return [
            segment if segment.text.isascii() else segment._replace(text=ascii_text(segment.text))
            for segment in segments
        ]
