"""Watches somebody else's run, from the copy of its journal on the nodes. Changes nothing."""

from __future__ import annotations

from typing import ClassVar

from textual import work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.widgets import Static

from recovery.restore.events import Stream
from recovery.restore.journal import JournalEntry
from recovery.restore.lock import LockHolder
from screens.case import Case
from screens.explained import OTHER_RUN, Help
from screens.incident_screen import IncidentScreen
from screens.keys import common_keys
from screens.marks import HEADING, line
from screens.widgets.line_pane import LinePane
from screens.wording import moment_of

SECONDS_BETWEEN_LOOKS = 2.0


def story_line(entry: JournalEntry) -> str:
    """One line of a journal for a person."""
    what = [entry.step or entry.gate, entry.action, entry.node, entry.outcome, entry.message]
    words = "  ".join(word for word in what if word)
    return f"{entry.at[11:19]}Z  {entry.event.value:<15} {words}"


class OtherRunScreen(IncidentScreen):
    """The other one's journal as it grows."""

    EXPLAINED: ClassVar[Help] = OTHER_RUN
    title_words: ClassVar[str] = "Somebody else's run"

    BINDINGS: ClassVar[list[BindingType]] = [
        *common_keys(back=("back", "Stop watching")),
    ]

    def __init__(self, case: Case, holder: LockHolder) -> None:
        super().__init__(case)
        self.holder = holder
        self._pane = LinePane(follow=True, name="other-run")
        self._told = 0
        self._looking = False

    def compose_body(self) -> ComposeResult:
        """Who, and their journal."""
        yield Static(
            line(
                " ",
                ("WATCHING", HEADING),
                f"  {self.holder.operator}",
                (f"  since {moment_of(self.holder.since)} · {self.holder.run_id}", "$muted"),
            ),
            id="other-run-heading",
        )
        yield self._pane

    def on_mount(self) -> None:
        """Look at once, and again and again."""
        self._pane.focus()
        self.look()
        self.set_interval(SECONDS_BETWEEN_LOOKS, self.look)

    @work(group="watch", exit_on_error=False)
    async def look(self) -> None:
        """Read what was written since; one look at a time."""
        if self._looking:
            return
        self._looking = True
        try:
            entries = await self.case.incident.journal_of(self.holder)
        finally:
            self._looking = False
        fresh = [story_line(entry) for entry in entries[self._told :]]
        self._told = max(self._told, len(entries))
        if fresh:
            self._pane.add([(Stream.OUT, tuple(fresh))])

    def copy_text(self) -> str:
        """What was seen."""
        return self._pane.text
