"""`--ascii`: a glyph that an old terminal may lack becomes one that it has, of the same width."""

from __future__ import annotations

from rich.cells import cell_len
from rich.segment import Segment
from textual.color import Color
from textual.filter import LineFilter

_GLYPHS = {
    "●": "+", "▲": "!", "✖": "x", "◐": "~", "○": ".", "–": "-", "—": "-", "▌": ">", "▸": ">",
    "▾": "v", "…": "~", "·": ".", "\u00a0": " ", "“": '"', "”": '"', "’": "'", "→": ">", "←": "<",
    "↑": "^", "↓": "v", "×": "x", "›": ">", "━": "=", "─": "-", "═": "=", "│": "|", "┃": "|",
    "║": "|", "▏": " ", "▎": " ", "▍": " ", "▋": "#", "▊": "#", "▉": "#", "█": "#", "▁": "_",
    "▔": "-", "▕": "|", "▐": "|", "▀": "-", "▄": "_",
}  # fmt: skip


def ascii_text(text: str) -> str:
    """The text in ASCII, as wide as before."""
    return text if text.isascii() else "".join(map(_ascii_of, text))


class AsciiFilter(LineFilter):
    """Works on all that is drawn, so that no screen has to think of it."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        """The same line in ASCII."""
        return [
            segment if segment.text.isascii() else segment._replace(text=ascii_text(segment.text))
            for segment in segments
        ]


def _ascii_of(character: str) -> str:
    if character.isascii():
        return character
    if character in _GLYPHS:
        return _GLYPHS[character]
    if "\u2500" <= character <= "\u257f":
        return "+"
    return "?" * cell_len(character)
