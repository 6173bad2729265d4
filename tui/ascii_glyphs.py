"""Glyphs that an old terminal may lack, and what stands for each of them."""

from __future__ import annotations

_GLYPHS = {
    "●": "+", "▲": "!", "✖": "x", "◐": "~", "○": ".", "–": "-", "—": "-", "▌": ">", "▸": ">",
    "▾": "v", "…": "~", "·": ".", "\u00a0": " ", "“": '"', "”": '"', "’": "'", "→": ">", "←": "<",
    "↑": "^", "↓": "v", "×": "x", "›": ">", "━": "=", "─": "-", "═": "=", "│": "|", "┃": "|",
    "║": "|", "▏": " ", "▎": " ", "▍": " ", "▋": "#", "▊": "#", "▉": "#", "█": "#", "▁": "_",
    "▂": "_", "▃": "_", "▅": "#",
    "▆": "#", "▇": "#", "▔": "-", "▕": "|", "▐": "|", "▀": "-", "▄": "_",
}  # fmt: skip


def ascii_text(text: str) -> str:
    """The text in ASCII, as wide as before."""
    return text if text.isascii() else "".join(map(_ascii_of, text))


def _ascii_of(character: str) -> str:
    if character.isascii():
        return character
    if character in _GLYPHS:
        return _GLYPHS[character]
    if "\u2500" <= character <= "\u257f":
        return "+"
    from rich.cells import cell_len

    return "?" * cell_len(character)
