"""Two snapshots beside each other: what restoring the older one would lose, down to the key."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import ClassVar

from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content

from recovery.backups.model import Snapshot
from recovery.errors import RescueError, SnapshotError
from recovery.snapshots.comparison import Comparison
from recovery.snapshots.model import FetchedSnapshot
from screens.case import Case, Moving
from screens.comparison_lists import ChangeLists, View
from screens.comparison_text import (
    Figures,
    Pair,
    comparison_markdown,
    older_first,
    revision_in,
)
from screens.comparison_words import (
    answer_words,
    heading,
    problem_words,
    progress_words,
    same_words,
    state_of,
)
from screens.explained import COMPARISON, Help
from screens.exporting import write_export
from screens.incident_screen import IncidentScreen
from screens.keys import KeysOf, common_keys
from screens.marks import Mark
from screens.widgets.words import Words

_ON_LISTS = ("narrow", "next_view", "view", "filter", "only")


_key = KeysOf("comparison")


def _view(key: str, name: str, sentence: str) -> Binding:
    return _key(key, f"view('{name}')", name, sentence, name=name, hidden=True)


class ComparisonScreen(IncidentScreen):
    """Reads both, compares them, and keeps the answer. The two are put in the order of time."""

    EXPLAINED: ClassVar[Help] = COMPARISON
    title_words: ClassVar[str] = "Comparison"

    BINDINGS: ClassVar[list[BindingType]] = [
        _key("enter", "narrow", "keys", "Show the keys of this resource or namespace"),
        _key("tab", "next_view(1)", "list", "Go on to the next list", name="next"),
        _key(
            "shift+tab",
            "next_view(-1)",
            "list before",
            "Back to the list before",
            name="previous",
            hidden=True,
        ),
        _view("1", "resources", "What differs, by resource"),
        _view("2", "namespaces", "What differs, by namespace"),
        _view("3", "keys", "The keys that differ"),
        _key("slash", "filter", "find", "Show only the keys that contain a text", shown="/"),
        _key("f", "only", "kind", "Only added, only removed, only changed, all"),
        *common_keys(
            copy=("copy", "Copy the key under the cursor"),
            export=("export", "Write counts and keys to a file"),
            back=("back", "Show all keys again; then back"),
        ),
        _key("a", "again", "again", "Try once more", hidden=True),
    ]

    def __init__(self, case: Case, old: Snapshot, new: Snapshot) -> None:
        super().__init__(case)
        self.older, self.newer = older_first(old, new)
        self.pair: Pair | None = None
        self.problem: RescueError | None = None
        self._comparing: Moving | None = None
        self._leaving = False
        self._heading = Words("comparison-heading")
        self._words = Words("comparison-words")
        self._lists = ChangeLists()

    def compose_body(self) -> ComposeResult:
        """Heading, what it means, the three lists."""
        yield self._heading
        yield self._words
        yield self._lists

    def on_mount(self) -> None:
        """Begin at once."""
        self.redraw()
        self.set_interval(self.case.tick, self._draw_progress)
        if not self.same:
            self.compare()

    @property
    def same(self) -> bool:
        """Whether a snapshot is to be compared with itself."""
        return self.older.name == self.newer.name

    @work(group="compare", exclusive=True, exit_on_error=False)
    async def compare(self) -> None:
        """Read both where that is not done, compare them where nobody has, count."""
        self.pair, self.problem = None, None
        self.redraw()
        try:
            self.pair = await self._compared()
        except RescueError as error:
            self.problem = error
            self.show_trouble(error)
        finally:
            self._comparing = None
            self.redraw()
        if self.pair is not None and self.pair.figures.total:
            self._lists.show_pair(self.pair)

    async def _compared(self) -> Pair:
        before = _readable(await self.case.verified(self.older))
        after = _readable(await self.case.verified(self.newer))
        one = replace(self.older, revision=revision_in(before))
        other = replace(self.newer, revision=revision_in(after))
        self.older, self.newer = older_first(one, other)
        if self.older is not one:
            before, after = after, before
        comparison = await self._comparison(before, after)
        figures = await asyncio.to_thread(Figures.of, comparison)
        return Pair(self.older, self.newer, before, after, comparison, figures)

    async def _comparison(self, before: FetchedSnapshot, after: FetchedSnapshot) -> Comparison:
        names = (self.older.name, self.newer.name)
        if names not in self.case.comparisons:

            def progress(done: int, total: int) -> None:
                self._comparing = Moving("comparing", done, total)

            progress(0, 0)
            found = await self.case.incident.compare(before, after, progress)
            self.case.comparisons[names] = found
        return self.case.comparisons[names]

    @property
    def busy(self) -> bool:
        """Whether the answer is still on its way."""
        return self.pair is None and self.problem is None and not self.same

    def _draw_progress(self) -> None:
        if self.busy:
            self._tell()

    def on_resize(self) -> None:
        """Draw for the new width."""
        self.set_class(self.wide, "-wide")
        self.call_after_refresh(self.redraw)

    def redraw(self) -> None:
        """Draw what is known."""
        if not self.drawable or self._leaving:
            return
        self._tell()
        self._lists.display = self.pair is not None and self.pair.figures.total > 0
        self.top_line_changed()
        self.refresh_bindings()

    def _tell(self) -> None:
        width = self.app.size.width
        state = Mark.OK.say("the same") if self.same else state_of(self.pair, self.problem)
        self._heading.say(heading(self.older, self.newer, state, width))
        self._words.say(self._what_is_known(width))

    def _what_is_known(self, width: int) -> Content:
        if self.same:
            return same_words(width)
        if self.problem is not None:
            return problem_words(self.problem, width)
        if self.pair is not None:
            return answer_words(self.pair, width, self.app.size.height)
        known, moving = self.case.fetched, self.case.moving
        return progress_words(self.older, self.newer, known, moving, self._comparing, width)

    def unavailable(self, action: str) -> str:
        """Lists need a comparison with differences."""
        action = action.partition("(")[0]
        if action == "again":
            return "" if self.problem is not None else "Nothing needs to be tried again."
        if action in ("copy", "export"):
            return "" if self.pair is not None else "There is nothing to take along yet."
        if action not in _ON_LISTS:
            return ""
        if self.same:
            return "There is nothing to compare."
        if self.pair is None:
            return "They are not compared yet."
        if not self.pair.figures.total:
            return "No key differs."
        if action == "narrow" and self._lists.view is View.KEYS:
            return "Choose a resource (1) or a namespace (2) to see its keys."
        return ""

    def copy_text(self) -> str:
        """The key under the cursor, or the resource's or namespace's name."""
        if self.pair is None:
            return ""
        if self._lists.view is View.KEYS:
            key = self._lists.keys.rows.chosen
            return key.key if key is not None else ""
        return self._lists.counts.chosen or ""

    def action_export(self) -> None:
        """A hundred thousand keys are written beside the screen, not in its way."""
        if self.pair is not None:
            self.write_down(self.pair)

    @work(group="export", exclusive=True, exit_on_error=False)
    async def write_down(self, pair: Pair) -> None:
        """Write counts and keys to a file."""
        cluster, now = self.case.cluster_name, self.case.clock()
        text = await asyncio.to_thread(comparison_markdown, cluster, pair, now)
        path = await asyncio.to_thread(
            write_export, self.case.exports, f"comparison-{cluster}", text, now
        )
        self.say(f"Written to {path}")

    def action_view(self, name: str) -> None:
        """One of the three lists."""
        self._lists.show_view(View(name))

    def action_next_view(self, by: int) -> None:
        """The list after this one, or before it."""
        self._lists.show_next(by)

    def action_narrow(self) -> None:
        """The keys of the resource or namespace under the cursor."""
        self._lists.narrow_to_chosen()

    def action_only(self) -> None:
        """All, only added, only removed, only changed."""
        self._lists.narrow_to_next_kind()

    def action_filter(self) -> None:
        """Type a part of a key."""
        self._lists.ask_for_text()

    def action_again(self) -> None:
        """Once more."""
        self.compare()

    def action_back(self) -> None:
        """First the narrowing goes, then the screen and what it is doing."""
        if not self._lists.widen():
            self._leaving = True
            self.workers.cancel_node(self)
            super().action_back()


def _readable(fetched: FetchedSnapshot) -> FetchedSnapshot:
    if fetched.verdict.contents is None:
        raise SnapshotError(
            f"this snapshot cannot be read: {fetched.verdict.reason or 'it is corrupt'}",
            where=fetched.location,
            remedy="choose another one to compare with",
        )
    return fetched
