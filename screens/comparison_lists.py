"""The three lists of a comparison: by resource, by namespace, and the keys."""

from __future__ import annotations

import asyncio
import enum
from collections.abc import Awaitable, Callable
from dataclasses import replace

from textual import events
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widgets import Input, Static

from recovery.snapshots.comparison import Change
from screens.comparison_counts import ChangeCounts
from screens.comparison_keys import KeyPane, Narrowing, narrowed
from screens.comparison_text import NO_NAMESPACE, NOT_KUBERNETES, Pair
from screens.comparison_words import fate_of
from screens.incident_screen import WIDE, Rule
from screens.marks import line, stacked
from screens.widgets.row_list import RowList

_TYPING = 0.08
"""Seconds to wait for another letter before the keys are looked through."""


class View(enum.Enum):
    """Which of the three has the keyboard; on a narrow terminal it is the one that is seen."""

    RESOURCES = "resources"
    NAMESPACES = "namespaces"
    KEYS = "keys"


class ChangeLists(Vertical):
    """One list at a time, or all beside each other where there is room."""

    def __init__(self) -> None:
        super().__init__(id="change-lists")
        self.pair: Pair | None = None
        self.view = View.RESOURCES
        self.narrowing = Narrowing()
        self._came_from = View.KEYS
        self.keys = KeyPane("keys")
        self._resources = ChangeCounts("RESOURCES", "resources", NOT_KUBERNETES)
        self._namespaces = ChangeCounts("NAMESPACES", "namespaces", NO_NAMESPACE)

    def compose(self) -> ComposeResult:
        """Which list it is, the lists, the line under the cursor."""
        yield Static("", id="comparison-tabs")
        with Horizontal(id="comparison-body"):
            with Vertical(id="comparison-counts"):
                yield self._resources
                yield self._namespaces
            yield self.keys
        yield Rule(classes="rule")
        yield Static("", id="comparison-chosen")

    def show_pair(self, pair: Pair) -> None:
        """Fill all three."""
        self.pair = pair
        self.narrowing = Narrowing()
        self._resources.show_counts(pair.figures.resources)
        self._namespaces.show_counts(pair.figures.namespaces)
        self.keys.rows.show_keys(pair.comparison.keys, range(len(pair.comparison.keys)))
        self.show_view(self.view)

    @property
    def counts(self) -> ChangeCounts:
        """The list of counts that is in use."""
        return self._namespaces if self.view is View.NAMESPACES else self._resources

    def show_view(self, view: View) -> None:
        """Give the keyboard to that list."""
        self.view = view
        self.redraw()
        (self.keys.rows if view is View.KEYS else self.counts.rows).focus()

    def show_next(self, by: int) -> None:
        """The list after this one, or before it."""
        views = list(View)
        self.show_view(views[(views.index(self.view) + by) % len(views)])

    def redraw(self) -> None:
        """Draw for the view and the width at hand."""
        wide = self.app.size.width >= WIDE
        counts = self.view is not View.KEYS
        tabs = self.query_one("#comparison-tabs", Static)
        tabs.display = not wide
        tabs.update(self._tabs())
        self.query_one("#comparison-counts").display = wide or counts
        self._resources.display = wide or self.view is View.RESOURCES
        self._namespaces.display = wide or self.view is View.NAMESPACES
        self.keys.display = wide or not counts
        total = len(self.pair.comparison.keys) if self.pair is not None else 0
        self.keys.tell(total, self.narrowing)
        self._draw_chosen()
        self.screen.refresh_bindings()

    def on_resize(self) -> None:
        """Draw for the new width."""
        self.call_after_refresh(self.redraw)

    def _tabs(self) -> Content:
        parts = []
        for number, view in enumerate(View, 1):
            style = "bold $accent underline" if view is self.view else "$muted"
            parts.append(line((f"{number} ", "$muted"), (view.value, style)))
        return line(" ", Content("    ").join(parts))

    def _draw_chosen(self) -> None:
        # Its height is fixed: laying the screen out anew would take longer than all the rest.
        self.query_one("#comparison-chosen", Static).update(self._chosen_words(), layout=False)

    def _chosen_words(self) -> Content:
        if self.view is View.KEYS:
            key = self.keys.rows.chosen
            if key is None or self.pair is None:
                return Content("")
            return fate_of(key, self.pair, self.app.size.width)
        name = self.counts.chosen_words
        hint = "Enter shows these keys alone." if name else ""
        return stacked([line(" ", name), line(" ", (hint, "$muted"))])

    def _narrowed_to_chosen(self) -> Narrowing | None:
        name = self.counts.chosen
        if name is None or self.view is View.KEYS:
            return None
        if self.view is View.NAMESPACES:
            return Narrowing(namespace=name)
        return Narrowing(resource=name)

    def on_row_list_highlighted(self) -> None:
        """Tell more about the line under the cursor."""
        self._draw_chosen()

    def on_row_list_chosen(self, event: RowList.Chosen) -> None:
        """A click on the chosen resource or namespace shows its keys."""
        if event.rows is not self.keys.rows:
            self.narrow_to_chosen()

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        """The list that was clicked is the one in use."""
        lists = {
            View.RESOURCES: self._resources.rows,
            View.NAMESPACES: self._namespaces.rows,
            View.KEYS: self.keys.rows,
        }
        for view, rows in lists.items():
            if rows is event.widget and view is not self.view:
                self.view = view
                self.redraw()

    def narrow(self, by: Narrowing, pause: float = 0.0) -> None:
        """Show the wanted keys; a newer wish takes the place of this one."""
        self.narrowing = by

        async def narrowing() -> None:
            await self._narrow(by, pause)

        wish: Callable[[], Awaitable[None]] = narrowing
        self.screen.run_worker(wish, group="narrow", exclusive=True, exit_on_error=False)

    async def _narrow(self, by: Narrowing, pause: float) -> None:
        await asyncio.sleep(pause)
        if self.pair is not None:
            keys = self.pair.comparison.keys
            self.keys.rows.show_keys(keys, await narrowed(keys, by))
            self.redraw()

    def narrow_to_chosen(self) -> None:
        """The keys of the resource or namespace under the cursor."""
        by = self._narrowed_to_chosen()
        if by is not None:
            self._came_from = self.view
            self.narrow(replace(by, change=self.narrowing.change, text=self.narrowing.text))
            self.show_view(View.KEYS)

    def narrow_to_next_kind(self) -> None:
        """All, only added, only removed, only changed."""
        kinds = [None, *Change]
        kind = kinds[(kinds.index(self.narrowing.change) + 1) % len(kinds)]
        self.narrow(replace(self.narrowing, change=kind))
        self.show_view(View.KEYS)

    def ask_for_text(self) -> None:
        """Type a part of a key."""
        self.show_view(View.KEYS)
        self.keys.field.display = True
        self.keys.field.focus()

    def on_input_changed(self, event: Input.Changed) -> None:
        """Narrow with every letter."""
        text = event.value.strip()
        if text != self.narrowing.text:
            self.narrow(replace(self.narrowing, text=text), _TYPING)

    def on_input_submitted(self) -> None:
        """Keep the text, go to the keys."""
        self.keys.field.display = bool(self.narrowing.text)
        self.show_view(View.KEYS)

    def widen(self) -> bool:
        """Take the text away, or else the narrowing; False where nothing is narrowed."""
        if self.keys.field.display:
            self.keys.field.display = False
            self.keys.field.value = ""
            self.show_view(View.KEYS)
            return True
        if self.narrowing != Narrowing():
            self.narrow(Narrowing())
            self.show_view(self._came_from)
            self._came_from = View.KEYS
            return True
        return False
