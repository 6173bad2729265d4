"""Screenshots as SVG that every renderer draws alike."""

from __future__ import annotations

import re

CELL_WIDTH = 12.2
"""A column in user units: Rich draws 20-unit lines with an aspect ratio of 0.61."""

_BLANK = "&#160;"
_TEXT = re.compile(
    r'(<text class="[^"]*" x=")([\d.]+)(" y="[\d.]+" textLength=")([\d.]+)("[^>]*>)'
    rf"((?:{_BLANK})+)(?=[^<&]|&(?!#160;))"
)


def without_leading_blanks(svg: str) -> str:
    """Move each text to where its first visible character stands.

    Some renderers (librsvg) drop blanks at the beginning of a text, which would pull what follows
    to the left.
    """

    def moved(found: re.Match[str]) -> str:
        head, x, middle, length, tail, blanks = found.groups()
        shift = CELL_WIDTH * blanks.count(_BLANK)
        return f"{head}{float(x) + shift:g}{middle}{float(length) - shift:g}{tail}"

    return _TEXT.sub(moved, svg)
