"""Lines that are folded for the width that their box has got."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from textual.content import Content
from textual.geometry import Size
from textual.visual import Visual
from textual.widget import Widget

from screens.marks import stacked


class FoldedLines(Widget):
    """A text that is drawn by the width: what is folded for another one looks ragged."""

    def __init__(self, draw: Callable[[int], Sequence[Content]], *, classes: str = "") -> None:
        super().__init__(classes=f"folded-lines {classes}")
        self._draw = draw

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """As many lines as it is folded into; Textual asks before it lays out."""
        return len(self._draw(width))

    def render(self) -> Visual:
        """All of them."""
        return stacked(self._draw(self.size.width))
