"""The keys that differ between two snapshots, narrowed: a hundred thousand cost what twenty do."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Static

from recovery.snapshots.comparison import Change, KeyChange
from screens.comparison_text import COLOURS, NO_NAMESPACE, NOT_KUBERNETES, SIGNS
from screens.marks import HEADING, cell, line
from screens.widgets.long_list import LongList
from screens.widgets.typing_line import TypingLine
from screens.wording import cut, thousands

_SLICE = 4000
"""Keys looked at between two turns of the screen; about a millisecond."""
_WORD = 9


@dataclass(frozen=True, slots=True)
class Narrowing:
    """Which keys are wanted; None and the empty text want all."""

    resource: str | None = None
    """Empty: what is not Kubernetes'."""
    namespace: str | None = None
    """Empty: what lies in none."""
    change: Change | None = None
    text: str = ""

    @property
    def words(self) -> str:
        """What is wanted, as it stands behind a count; empty for everything."""
        parts = []
        if self.resource is not None:
            parts.append(f"of {self.resource}" if self.resource else NOT_KUBERNETES)
        if self.namespace is not None:
            parts.append(f"in {self.namespace}" if self.namespace else NO_NAMESPACE)
        if self.change is not None:
            parts.append(f"{self.change.value} only")
        if self.text:
            parts.append(f"with “{self.text}”")
        return ", ".join(parts)

    def wants(self, key: KeyChange, folded: str) -> bool:
        """Whether this key is wanted; `folded` is the text with its case folded."""
        if self.change is not None and key.change is not self.change:
            return False
        if self.resource is not None and key.resource != self.resource:
            return False
        if self.namespace is not None and key.namespace != self.namespace:
            return False
        return not folded or folded in key.key.casefold() or folded in key.resource.casefold()


async def narrowed(keys: Sequence[KeyChange], by: Narrowing) -> Sequence[int]:
    """The places of the wanted keys, in order. Looks at a slice at a time; can be cancelled."""
    if by == Narrowing():
        return range(len(keys))
    folded = by.text.casefold()
    places: list[int] = []
    for start in range(0, len(keys), _SLICE):
        part = keys[start : start + _SLICE]
        places += [place for place, key in enumerate(part, start) if by.wants(key, folded)]
        await asyncio.sleep(0)
    return places


class KeyList(LongList):
    """The wanted ones of many keys; the cursor stays on its key while others come and go."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self._keys: Sequence[KeyChange] = ()

    @property
    def chosen(self) -> KeyChange | None:
        """The key under the cursor."""
        return self._keys[self.place] if self.place is not None else None

    def show_keys(self, keys: Sequence[KeyChange], places: Sequence[int]) -> None:
        """Show the keys at these places (ascending) of all keys."""
        self._keys = keys
        self.show_places(places, lambda place, width: _draw(keys[place], width))


class KeyPane(Vertical):
    """A heading that says which keys these are, a field to find some, and the keys."""

    def __init__(self, name: str) -> None:
        super().__init__(id=f"{name}-side", classes="comparison-pane")
        self.rows = KeyList(name)
        self.field = TypingLine(
            placeholder="part of a key or resource", id="key-filter", compact=True
        )
        self._total, self._by = 0, Narrowing()

    def compose(self) -> ComposeResult:
        """Heading, field, columns, keys."""
        yield Static("", classes="pane-heading")
        yield self.field
        yield Static("", id="key-columns")
        yield self.rows
        yield Static("No key is like that; esc widens.", id="keys-empty")

    def on_mount(self) -> None:
        """The field comes when it is asked for."""
        self.field.display = False

    def on_resize(self) -> None:
        """Draw for the new width."""
        self._draw_heading()

    def tell(self, total: int, by: Narrowing) -> None:
        """Say in the heading how many keys of how many are shown, and which."""
        self._total, self._by = total, by
        self._draw_heading()

    def _draw_heading(self) -> None:
        total, by = self._total, self._by
        shown = self.rows.shown
        self.rows.display = shown > 0
        self.query_one("#key-columns").display = shown > 0
        self.query_one("#keys-empty").display = not shown
        width = max(10, self.rows.scrollable_content_region.width)
        counted = (
            thousands(total) if shown == total else f"{thousands(shown)} of {thousands(total)}"
        )
        words = line((f"  {by.words}", "$accent")) if by.words else Content("")
        heading = line("  ", ("KEYS", HEADING), (f" {counted}", "$muted"), words)
        self.query_one(".pane-heading", Static).update(cell(heading, width))
        self.query_one("#key-columns", Static).update(line(" ", _heads(width - 1)))


def _heads(width: int) -> Content:
    """The names of the columns, where their contents stand."""
    resource, namespace, _ = _widths(width)
    text = f" {'Change':<{_WORD + 2}}{'Resource':<{resource + 2}}{'Namespace':<{namespace + 2}}Name"
    return cell(Content.styled(text, "$muted"), width)


def change_words(change: Change) -> Content:
    """`+ added`."""
    return Content.styled(f"{SIGNS[change]} {change.value}", COLOURS[change])


def name_of(key: KeyChange) -> str:
    """The object's own name; of a key that is not Kubernetes', all of it."""
    return key.key.rpartition("/")[2] or key.key if key.resource else key.key


def _draw(key: KeyChange, width: int) -> Content:
    resource, namespace, name = _widths(width)
    head = line(" ", cell(change_words(key.change), _WORD), "  ")
    if not key.resource:
        return line(head, cut(key.key, width - _WORD - 3))
    return line(
        head,
        cell(cut(key.resource, resource), resource),
        "  ",
        cell(Content.styled(cut(key.namespace or "–", namespace), "$muted"), namespace),
        "  ",
        cut(name_of(key), name),
    )


def _widths(width: int) -> tuple[int, int, int]:
    """Of the resource, the namespace and the name."""
    room = width - _WORD - 7
    resource = max(10, min(34, room * 26 // 100))
    namespace = max(10, min(30, room * 27 // 100))
    return resource, namespace, max(8, room - resource - namespace)
