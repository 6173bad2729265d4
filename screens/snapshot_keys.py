"""The keys of one snapshot: find an object by a part of its key, and see that it is there."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import ClassVar

from textual import work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal
from textual.content import Content
from textual.widgets import Input, Static

from recovery.backups.model import Snapshot
from recovery.errors import RescueError
from recovery.snapshots.key_catalog import Count, KeysWanted, SnapshotKeys, StoredKey
from screens.case import Case, Moving
from screens.comparison_text import NOT_KUBERNETES
from screens.explained import SNAPSHOT_KEYS, Help
from screens.exporting import write_export
from screens.incident_screen import IncidentScreen, Rule
from screens.keys import KeysOf, common_keys
from screens.marks import HEADING, Mark, cell, line, spread, stacked
from screens.saying import hint, moving_line
from screens.snapshot_facts import title_of
from screens.stored_keys import StoredKeyList, key_heads, wanted_words
from screens.widgets.typing_line import TypingLine
from screens.widgets.words import Words
from screens.wording import cut, thousands

_TYPING = 0.08
"""Seconds to wait for another letter before the keys are looked through."""
_key = KeysOf("keys")


class SnapshotKeysScreen(IncidentScreen):
    """Needs the file on this machine, reads its keys once, and narrows them with every letter."""

    EXPLAINED: ClassVar[Help] = SNAPSHOT_KEYS
    title_words: ClassVar[str] = "Keys of a snapshot"

    BINDINGS: ClassVar[list[BindingType]] = [
        _key("slash", "find", "find", "Show only the keys that contain a text", shown="/"),
        _key("f", "resource", "its resource", "Only keys of the chosen one's resource; all again"),
        _key("n", "namespace", "its namespace", "Only keys of the chosen one's namespace; all"),
        *common_keys(
            copy=("copy", "Copy the key under the cursor"),
            export=("export", "Write the keys that are shown to a file"),
            back=("back", "Show all keys again; then back"),
        ),
        _key("a", "again", "again", "Try once more", hidden=True),
    ]

    def __init__(self, case: Case, snapshot: Snapshot) -> None:
        super().__init__(case)
        self.snapshot = snapshot
        self.keys: SnapshotKeys | None = None
        self.problem: RescueError | None = None
        self.wanted = KeysWanted()
        self.places: Sequence[int] = ()
        self._counts: list[Count] = []
        self._listing: Moving | None = None
        self._heading = Words("stored-heading")
        self._progress = Words("stored-progress")
        self._rows = StoredKeyList("stored-keys")
        self._field = TypingLine(
            placeholder="part of a key or resource", id="stored-find", compact=True
        )

    def compose_body(self) -> ComposeResult:
        """Heading, field, keys; beside them what they are, where there is room."""
        yield self._heading
        yield self._field
        yield self._progress
        yield Static("", id="stored-columns")
        with Horizontal(id="stored-body"):
            yield self._rows
            yield Static("", id="stored-counts")
        yield Rule(classes="rule")
        yield Static("", id="stored-chosen")

    def on_mount(self) -> None:
        """Begin at once; a text can be typed meanwhile."""
        self._field.focus()
        self.redraw()
        self.set_interval(self.case.tick, self._tell)
        self.read()

    @property
    def subject(self) -> Snapshot:
        """The one whose keys these are."""
        return self.snapshot

    @work(group="read", exclusive=True, exit_on_error=False)
    async def read(self) -> None:
        """Fetch and verify it where that is not done, then read its keys."""
        self.keys, self.problem = None, None
        self.redraw()
        try:
            self.keys = await self.case.keys_of(self.snapshot, self._read_so_far)
        except RescueError as error:
            self.problem = error
            self.show_trouble(error)
        finally:
            self._listing = None
            self.redraw()
        self._narrow(self.wanted)

    def _read_so_far(self, done: int, total: int) -> None:
        self._listing = Moving("reading keys", done, total)

    def on_resize(self) -> None:
        """Draw for the new width."""
        self.set_class(self.wide, "-wide")
        self.call_after_refresh(self.redraw)

    def redraw(self) -> None:
        """Draw what is known."""
        if not self.drawable:
            return
        self._tell()
        here = self.keys is not None
        self._progress.display = not here
        found = here and bool(self.places)
        self._rows.display = here
        columns = self.query_one("#stored-columns", Static)
        columns.display = found
        width = self._rows.scrollable_content_region.width or self.app.size.width
        columns.update(line(" ", key_heads(width - 1)))
        counts = self.query_one("#stored-counts", Static)
        counts.display = self.wide and found
        counts.update(self._counted())
        self._draw_chosen()
        self.refresh_bindings()

    def _tell(self) -> None:
        width = self.app.size.width
        name = cut(title_of(self.snapshot), max(16, width - 44))
        left = line(" ", ("KEYS", HEADING), "  ", (name, "bold"))
        self._heading.say(spread(left, line(self._state(), " "), width))
        moving = self._listing or self.case.moving.get(self.snapshot.name)
        if self.problem is not None:
            self._progress.say(line(" ", Mark.FAILED.beside(self.problem.what)))
        else:
            told = moving_line("this snapshot", moving, width, Mark.RUNNING, "begins")
            self._progress.say(stacked([told, Content(""), hint("esc stops and goes back.")]))

    def _state(self) -> Content:
        if self.problem is not None:
            return Mark.FAILED.say("not read")
        if self.keys is None:
            return Mark.RUNNING.say("reading")
        total, shown = thousands(len(self.keys)), thousands(len(self.places))
        words = wanted_words(self.wanted)
        return Content.styled(f"{shown} of {total} {words}" if words else total, "$accent")

    def _counted(self) -> Content:
        """What the shown keys are, those with the most first."""
        rows = [line(("RESOURCES", HEADING), (f"  {len(self._counts)}", "$muted"))]
        for resource, count in self._counts[: max(1, self.app.size.height - 12)]:
            name = cell(cut(resource or NOT_KUBERNETES, 26), 27)
            rows.append(line(name, cell(Content.styled(thousands(count), "$muted"), 9, right=True)))
        return stacked(rows)

    def _draw_chosen(self) -> None:
        chosen, widget = self._rows.chosen, self.query_one("#stored-chosen", Static)
        if chosen is not None and self.places:
            at = f"Last changed at revision {thousands(chosen.revision)}."
            key = cut(chosen.text, self.app.size.width - 2)
            widget.update(stacked([line(" ", key), line(" ", (at, "$muted"))]))
        elif self.keys is not None:
            widget.update(line(" ", Mark.SKIPPED.beside("No key is like that; esc shows all.")))
        else:
            widget.update("")

    def on_row_list_highlighted(self) -> None:
        """The whole key under the cursor."""
        self._draw_chosen()

    def _narrow(self, wanted: KeysWanted, pause: float = 0.0) -> None:
        self.wanted = wanted
        self.look_through(pause)

    @work(group="narrow", exclusive=True, exit_on_error=False)
    async def look_through(self, pause: float) -> None:
        """Show the wanted keys; a newer wish takes the place of this one."""
        await asyncio.sleep(pause)
        if self.keys is None:
            return
        places = await self.keys.find(self.wanted)
        counts = await self.keys.resources(places)
        self.places, self._counts = places, counts
        self._rows.show_keys(self.keys, places)
        self.redraw()

    def on_input_changed(self, event: Input.Changed) -> None:
        """Narrow with every letter."""
        text = event.value.strip()
        if text != self.wanted.text:
            self._narrow(replace(self.wanted, text=text), _TYPING)

    def on_input_submitted(self) -> None:
        """Keep the text, go to the keys."""
        self._rows.focus()

    @property
    def chosen(self) -> StoredKey | None:
        """The key under the cursor."""
        return self._rows.chosen if self.places else None

    def unavailable(self, action: str) -> str:
        """Keys are narrowed once they are read."""
        if action == "again":
            return "" if self.problem is not None else "Nothing needs to be tried again."
        if action in ("resource", "namespace", "copy", "export") and self.chosen is None:
            return "There is no key to choose yet." if self.keys is None else "No key is shown."
        return ""

    def copy_text(self) -> str:
        """The key under the cursor."""
        return self.chosen.text if self.chosen is not None else ""

    def action_export(self) -> None:
        """A million keys are written beside the screen, not in its way."""
        if self.keys is not None and not self.unavailable("export"):
            self.write_down(self.keys, self.places)

    @work(group="export", exclusive=True, exit_on_error=False)
    async def write_down(self, keys: SnapshotKeys, places: Sequence[int]) -> None:
        """Write the shown keys to a file, a line each."""
        title = f"# Keys of {self.snapshot.name}\n\n{wanted_words(self.wanted) or 'all'}\n\n"

        def text() -> str:
            return title + "".join(f"    {keys.key(place).text}\n" for place in places)

        path = await asyncio.to_thread(
            lambda: write_export(
                self.case.exports, f"keys-{self.snapshot.name}", text(), self.case.clock()
            )
        )
        self.say(f"Written to {path}")

    def action_find(self) -> None:
        """Type a part of a key."""
        self._field.focus()

    def action_resource(self) -> None:
        """Only the chosen one's resource, or all."""
        if self.wanted.resource is not None:
            self._narrow(replace(self.wanted, resource=None))
        elif self.chosen is not None:
            self._narrow(replace(self.wanted, resource=self.chosen.resource))

    def action_namespace(self) -> None:
        """Only the chosen one's namespace, or all."""
        if self.wanted.namespace is not None:
            self._narrow(replace(self.wanted, namespace=None))
        elif self.chosen is not None:
            self._narrow(replace(self.wanted, namespace=self.chosen.namespace))

    def action_again(self) -> None:
        """Once more."""
        self.read()

    def action_back(self) -> None:
        """First the narrowing goes, then the screen and what it is doing."""
        if self.wanted != KeysWanted():
            self._field.value = ""
            self._narrow(KeysWanted())
            self._rows.focus()
            return
        self.workers.cancel_node(self)
        super().action_back()
