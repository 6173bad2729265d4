"""Home: the cluster at a glance and every snapshot that can be found, the best one chosen."""

from __future__ import annotations

from typing import ClassVar

from textual import work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical

from recovery.backups.model import Catalog, Integrity, Snapshot
from screens.background_reading import BackgroundReading
from screens.case import Case
from screens.catalog_heading import problems_text
from screens.catalog_pane import CatalogPane
from screens.catalog_table import catalog_markdown
from screens.diagnosis_reading import diagnosis_dialog
from screens.dialogs.reading import ReadingDialog
from screens.explained import SNAPSHOTS, Help
from screens.glance import GlancePanel, SnapshotSummary
from screens.incident_screen import Rule
from screens.keys import KeysOf, common_keys
from screens.offering import offer_unfinished_run
from screens.snapshot_actions import ON_A_USABLE_ONE, SnapshotActions, snapshot_keys
from screens.widgets.advice_line import AdviceLine
from screens.widgets.node_summary import NodeSummary

_key = KeysOf("snapshots")


class SnapshotsScreen(SnapshotActions):
    """The catalog, filling in as the stores answer."""

    EXPLAINED: ClassVar[Help] = SNAPSHOTS
    title_words: ClassVar[str] = "Snapshots"

    BINDINGS: ClassVar[list[BindingType]] = [
        _key("enter", "open", "open", "Look into this snapshot"),
        _key("r", "restore", "restore", "Check whether it can be restored"),
        _key("v", "verify", "verify", "Read and verify it now"),
        *snapshot_keys(_key),
        _key("b", "backup", "backups", "How and when backups are taken; take one now"),
        _key("h", "health", "health", "Check the cluster now"),
        _key("u", "runs", "runs", "Earlier and interrupted runs: resume, roll back, clean up"),
        _key("slash", "filter", "find", "Show only what contains a text", shown="/"),
        _key("s", "sort", "sort", "Sort by time, size, integrity"),
        _key("x", "problems", "problems", "What could not be listed, and what to do about it"),
        _key("i", "diagnosis", "diagnosis", "What is wrong, what to do, what that rests on"),
        _key("a", "again", "again", "Ask nodes and stores again"),
        *common_keys(),
    ]

    def __init__(self, case: Case) -> None:
        super().__init__(case)
        self._reading = BackgroundReading(case, self.redraw)
        self._summary = SnapshotSummary(case)
        self._pane = CatalogPane(case)

    def compose_body(self) -> ComposeResult:
        """Glance, table, the chosen snapshot."""
        yield NodeSummary(self.case)
        yield AdviceLine(self.case)
        yield Rule(classes="rule", id="under-nodes")
        with Horizontal(id="home"):
            yield GlancePanel(self.case)
            with Vertical(id="catalog-side"):
                yield self._pane
                yield Rule(classes="rule")
                yield self._summary

    def on_mount(self) -> None:
        """First paint, then ask everyone at once."""
        self._pane.rows.focus()
        self.redraw()
        self.set_interval(self.case.tick, self._redraw_while_moving)
        self.look_around()
        self.list_catalog()
        if not self.case.offered:
            self.offer_unfinished()

    @work(group="offer", exclusive=True, exit_on_error=False)
    async def offer_unfinished(self) -> None:
        """A run that was left in the middle comes first."""
        self.case.offered = True
        await offer_unfinished_run(self, self.case)

    @work(group="look", exclusive=True, exit_on_error=False)
    async def look_around(self) -> None:
        """Ask the nodes."""
        await self.case.look(self._facts_changed)
        self._facts_changed()

    @work(group="list", exclusive=True, exit_on_error=False)
    async def list_catalog(self) -> None:
        """Ask the stores; then verify the newest few, one after another."""
        self._pane.listing = True
        try:
            await self.case.incident.list_snapshots(lambda _catalog: self.redraw())
        finally:
            self._pane.listing = False
        self.case.forget_what_changed()
        self.redraw()
        self._reading.want_the_newest()
        self.read_wanted()

    @work(group="read", exclusive=True, exit_on_error=False)
    async def read_wanted(self) -> None:
        """Read what is wanted, and verify it."""
        await self._reading.run()

    def _facts_changed(self) -> None:
        self.query_one(NodeSummary).refresh(layout=True)
        self.query_one(AdviceLine).look_again()
        self.query_one(GlancePanel).refresh(layout=True)
        self.top_line_changed()

    def _redraw_while_moving(self) -> None:
        if self.case.moving or self._reading.wanted:
            self.redraw()

    @property
    def catalog(self) -> Catalog:
        """What is known of the stores so far."""
        return self._pane.catalog

    @property
    def chosen(self) -> Snapshot | None:
        """The snapshot under the cursor."""
        return self._pane.chosen

    def redraw(self) -> None:
        """Draw all that depends on the catalog."""
        if not self.drawable:
            return
        self._pane.redraw()
        self._summary.show_snapshot(self.chosen)
        self.query_one(GlancePanel).refresh(layout=True)
        self.refresh_bindings()

    def unavailable(self, action: str) -> str:
        """Restoring needs a usable snapshot; problems need some."""
        chosen = self.chosen
        if action in ("open", "verify", *ON_A_USABLE_ONE) and chosen is None:
            return "There is no snapshot to choose yet."
        if action in ("verify", *ON_A_USABLE_ONE) and chosen is not None and not chosen.usable:
            return f"It cannot be used: {chosen.trouble or 'its contents are corrupt'}."
        if action == "problems" and not self.catalog.errors:
            return "Every place answered."
        return ""

    def copy_text(self) -> str:
        """The chosen snapshot's first location."""
        chosen = self.chosen
        return chosen.copies[0].location if chosen and chosen.copies else ""

    def export_text(self) -> tuple[str, str]:
        """The catalog as a table."""
        if not self.catalog.snapshots:
            return "", ""
        return f"snapshots-{self.case.cluster_name}", catalog_markdown(self.case, self.catalog)

    def on_row_list_highlighted(self) -> None:
        """Show the row under the cursor beneath the table."""
        self._summary.show_snapshot(self.chosen)
        self.refresh_bindings()

    def on_row_list_chosen(self) -> None:
        """A click on the chosen row opens it."""
        self.action_open()

    def on_resize(self) -> None:
        """Draw for the new width."""
        self.set_class(self.wide, "-wide")
        self.set_class(self.wide and self.app.size.height >= 40, "-tall")
        self.call_after_refresh(self.redraw)

    def on_screen_resume(self) -> None:
        """Back from a deeper screen: show what was learned there."""
        self.redraw()
        if self.case.stale:
            self.case.stale = False
            self.action_again()

    def on_catalog_pane_narrowed(self) -> None:
        """Another text is looked for."""
        self.redraw()

    def action_open(self) -> None:
        """Look into the chosen snapshot."""
        from screens.snapshot import SnapshotScreen

        if self.chosen is not None:
            self.app.push_screen(SnapshotScreen(self.case, self.chosen))

    def action_verify(self) -> None:
        """Fetch and verify the chosen one next."""
        chosen = self.chosen
        if chosen is None:
            return
        if self.case.integrity(chosen) is not Integrity.UNVERIFIED:
            _, words = self.case.known(chosen)
            self.say(f"It has been looked at: {words}.")
            return
        self.case.failures.pop(chosen.name, None)
        if self._reading.want(chosen.name):
            self.read_wanted()
        self.redraw()

    def action_health(self) -> None:
        """The checks, now."""
        from screens.health import HealthScreen

        self.app.push_screen(HealthScreen(self.case))

    def action_backup(self) -> None:
        """The backup configuration."""
        from screens.backup import BackupScreen

        self.app.push_screen(BackupScreen(self.case))

    def action_diagnosis(self) -> None:
        """The sentence, the advice, the facts and the commands in full."""
        dialog = diagnosis_dialog(self.case, self.app.size.width)
        if dialog is None:
            self.say("The nodes are still being asked.")
        else:
            self.app.push_screen(dialog)

    def action_runs(self) -> None:
        """Earlier runs."""
        from screens.runs import RunsScreen

        self.app.push_screen(RunsScreen(self.case))

    def action_filter(self) -> None:
        """Type a part of a name."""
        self._pane.ask_for_text()

    def action_sort(self) -> None:
        """The next order."""
        self._pane.order = self._pane.order.next
        self.redraw()
        self.say(f"Sorted by {self._pane.order.value}.")

    def action_problems(self) -> None:
        """What could not be listed, and what to do about it."""
        text = problems_text(self.catalog.errors)
        self.app.push_screen(ReadingDialog("Places that could not be listed", text))

    def action_again(self) -> None:
        """Ask everyone anew."""
        self.look_around()
        self.list_catalog()

    def action_back(self) -> None:
        """First the filter goes, then whatever is being read, then the screen."""
        if self._pane.widen():
            return
        if self.case.moving:
            self._reading.drop()
            self.workers.cancel_group(self, "read")
            self.say("Stopped. v reads the chosen one again.")
        else:
            super().action_back()
