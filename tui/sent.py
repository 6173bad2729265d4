"""What the terminal shows already: only what differs is sent, for a slow line's sake."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Console
from rich.control import Control
from textual._compositor import ChopsUpdate, CompositorUpdate, LayoutUpdate

_Piece = tuple[int, int, str]
"""From this column, up to before that one, and the text with its colours."""


class Difference(CompositorUpdate):
    """What is left of a drawing once all that is on the terminal already is taken out."""

    def __init__(self, text: str) -> None:
        self.text = text

    def render_segments(self, console: Console) -> str:
        """The text, ready for the terminal."""
        return self.text


class Sent:
    """Remembers, row by row, what was sent. A widget may draw itself anew without any change."""

    def __init__(self) -> None:
        self._rows: dict[int, dict[int, tuple[int, str]]] = {}

    def forget(self) -> None:
        """Nobody knows what the terminal shows: the next drawing is sent as it is."""
        self._rows.clear()

    def difference(
        self, drawing: CompositorUpdate, console: Console, *, even_nothing: bool = False
    ) -> CompositorUpdate | None:
        """What is to be sent for it, which then counts as sent; None where nothing is.

        With `even_nothing` that is an empty drawing: the cursor follows it to another place.
        """
        if isinstance(drawing, ChopsUpdate):
            pieces = _of_chops(drawing, console)
        elif isinstance(drawing, LayoutUpdate):
            pieces = _of_layout(drawing, console)
        else:
            self.forget()
            return drawing
        text = "".join(
            Control.move_to(piece[0], row).segment.text + piece[2]
            for row, piece in pieces
            if self._is_new(row, piece)
        )
        return Difference(text) if text or even_nothing else None

    def _is_new(self, row: int, piece: _Piece) -> bool:
        start, end, text = piece
        known = self._rows.setdefault(row, {})
        if known.get(start) == (end, text):
            return False
        for other, (other_end, _) in list(known.items()):
            if other < end and start < other_end:
                del known[other]
        known[start] = (end, text)
        return True


def _of_chops(drawing: ChopsUpdate, console: Console) -> Iterator[tuple[int, _Piece]]:
    """Parts of rows, cut as Textual cuts them."""
    for row, left, right in drawing.spans:
        for end, (start, strip) in zip(
            drawing.chop_ends[row], drawing.chops[row].items(), strict=False
        ):
            if strip is None or start >= right or end <= left:
                continue
            whole = left <= start < right and end <= right
            seen = strip if whole else strip.crop(0, min(end, right) - start)
            yield row, (start, start + seen.cell_length, seen.render(console))


def _of_layout(drawing: LayoutUpdate, console: Console) -> Iterator[tuple[int, _Piece]]:
    """Whole rows of a region; each strip by itself, as later drawings have them."""
    for row, strips in enumerate(drawing.strips, drawing.region.y):
        start = drawing.region.x
        for strip in strips:
            yield row, (start, start + strip.cell_length, strip.render(console))
            start += strip.cell_length
