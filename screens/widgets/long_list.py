"""A list of very many rows, some of which are shown: a million cost what twenty do."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Sequence
from functools import partial
from typing import overload

from textual.content import Content
from textual.geometry import Size

from screens.widgets.row_list import Row, RowList

Draw = Callable[[int, int], Content]
"""How the row of a place is drawn in a given width (cells)."""


class _RowsOfPlaces(Sequence[Row]):
    """Rows made only when they are looked at."""

    def __init__(self, places: Sequence[int], draw: Draw) -> None:
        self._places, self._draw = places, draw

    def __len__(self) -> int:
        return len(self._places)

    @overload
    def __getitem__(self, index: int) -> Row: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Row]: ...
    def __getitem__(self, index: int | slice) -> Row | Sequence[Row]:
        if isinstance(index, slice):
            return _RowsOfPlaces(self._places[index], self._draw)
        place = self._places[index]
        return Row(str(place), partial(self._draw, place))


class LongList(RowList):
    """Rows known by their places; the cursor stays on its place while others come and go."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self._places: Sequence[int] = ()

    @property
    def place(self) -> int | None:
        """The place under the cursor."""
        return int(self.key) if self.key is not None else None

    @property
    def shown(self) -> int:
        """How many rows are shown."""
        return len(self._places)

    def show_places(self, places: Sequence[int], draw: Draw) -> None:
        """Show the rows of these places (ascending)."""
        before = self.place
        self._places = places
        self._rows = _RowsOfPlaces(places, draw)
        self.virtual_size = Size(self.scrollable_content_region.width, len(places))
        self._place(bisect_left(places, before) if before is not None else 0)
        self.refresh()
