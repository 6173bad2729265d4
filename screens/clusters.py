"""Where the inventory has several clusters: which one is it about?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widgets import Static

from recovery.backups.model import Integrity
from recovery.errors import RescueError
from screens.case import Case
from screens.cluster_rows import cluster_heads, cluster_row, newest_usable
from screens.diagnosis_reading import diagnosis_dialog
from screens.dialogs.help import HelpDialog
from screens.dialogs.trouble import TroubleDialog
from screens.explained import CLUSTERS, Help
from screens.incident_screen import Rule
from screens.keys import KeysOf, common_keys_only
from screens.leaving import LeavesOnce
from screens.marks import HEADING, line, spread, stacked
from screens.widgets.key_footer import KeyFooter
from screens.widgets.row_list import Row, RowList
from screens.wording import folded

_MOST_LINES = 3
"""Of a sentence and of an advice; all of it is on the cluster's own screen."""


_key = KeysOf("clusters")


class ClustersScreen(LeavesOnce[None]):
    """Each cluster with its diagnosis, as it comes in."""

    EXPLAINED: ClassVar[Help] = CLUSTERS
    title_words: ClassVar[str] = "Clusters"

    BINDINGS: ClassVar[list[BindingType]] = [
        _key("enter", "open", "open", "Open this cluster"),
        _key("v", "verify", "verify", "Read and verify its newest backup"),
        _key("i", "diagnosis", "diagnosis", "What is wrong, what to do, what that rests on"),
        _key("a", "again", "again", "Ask all clusters again"),
        Binding("q", "app.leave", "quit", id="quit", tooltip="Leave etcd-rescue"),
        *common_keys_only("help"),
    ]

    def __init__(self, cases: Sequence[Case]) -> None:
        super().__init__()
        self.cases = tuple(cases)
        self._listing = {case.cluster_name for case in self.cases}
        """The clusters whose stores are still being asked."""
        self._rows = RowList("clusters")

    def compose(self) -> ComposeResult:
        """A heading and the list."""
        yield Static("", id="clusters-heading")
        yield Static("", id="clusters-columns")
        yield self._rows
        yield Rule(classes="rule")
        yield Static("", id="cluster-words")
        yield KeyFooter()

    def on_mount(self) -> None:
        """Ask all clusters at once."""
        self._rows.focus()
        self.set_interval(1, self._draw_heading)
        self.action_again()

    @work(group="look", exit_on_error=False)
    async def look(self, case: Case) -> None:
        """Ask one cluster's nodes."""
        await case.look(lambda: None)
        self.redraw()

    @work(group="list", exit_on_error=False)
    async def list_backups(self, case: Case) -> None:
        """Ask one cluster's stores; what was verified before is known from then."""
        try:
            await case.incident.list_snapshots(lambda _catalog: self.redraw())
        finally:
            self._listing.discard(case.cluster_name)
            self.redraw()

    @work(group="read", exit_on_error=False)
    async def read(self, case: Case) -> None:
        """Verify the newest backup."""
        newest = newest_usable(case)
        if newest is None:
            return
        try:
            await case.judge(newest)
        except RescueError as error:
            self.app.push_screen(TroubleDialog(error))
        finally:
            self.redraw()

    def redraw(self) -> None:
        """All rows."""
        if not self.drawable:
            return
        self._draw_heading()
        width = self._rows.scrollable_content_region.width or self.app.size.width
        self.query_one("#clusters-columns", Static).update(line(" ", cluster_heads(width - 1)))
        self._rows.show_rows(
            [
                Row(str(i), cluster_row(case, listing=case.cluster_name in self._listing))
                for i, case in enumerate(self.cases)
            ]
        )
        self._explain()

    def _draw_heading(self) -> None:
        if not self.drawable:
            return
        now = self.cases[0].clock()
        left = line(" ", ("CLUSTERS", HEADING), (f"  {len(self.cases)}", "$muted"))
        right = line((f"etcd-rescue {now:%H:%M}Z ", "$muted"))
        heading = spread(left, right, self.app.size.width)
        self.query_one("#clusters-heading", Static).update(heading)
        if any(case.moving for case in self.cases):
            self._rows.refresh()

    def _explain(self) -> None:
        """What is wrong with the cluster under the cursor, and what to do."""
        case = self.chosen
        words = Content("")
        if case is not None and case.incident.facts is not None:
            diagnosis, width = case.incident.diagnosis, self.app.size.width - 3
            told = folded(diagnosis.sentence, width)[:_MOST_LINES]
            advice = folded(diagnosis.advice, width)[:_MOST_LINES]
            words = stacked(
                [
                    *(line(" ", text) for text in told),
                    *(line(" ", (text, "$muted")) for text in advice),
                ]
            )
        self.query_one("#cluster-words", Static).update(words)

    def on_row_list_highlighted(self) -> None:
        """Explain the cluster under the cursor."""
        self._explain()

    def on_resize(self) -> None:
        """Fold for the new width."""
        self.call_after_refresh(self.redraw)

    def on_screen_resume(self) -> None:
        """Back from a cluster."""
        self.redraw()

    def on_row_list_chosen(self) -> None:
        """By click."""
        self.action_open()

    @property
    def chosen(self) -> Case | None:
        """The cluster under the cursor."""
        return self.cases[int(self._rows.key)] if self._rows.key is not None else None

    def action_again(self) -> None:
        """Nodes and stores of all."""
        self._listing = {case.cluster_name for case in self.cases}
        self.redraw()
        for case in self.cases:
            self.look(case)
            self.list_backups(case)

    def action_verify(self) -> None:
        """The newest backup of the chosen one, where that is not known."""
        case = self.chosen
        if case is None:
            return
        newest = newest_usable(case)
        if newest is None:
            self.app.notify("No backup is known yet.", timeout=4, markup=False)
        elif case.integrity(newest) is not Integrity.UNVERIFIED:
            self.app.notify("It was looked at already.", timeout=4, markup=False)
        else:
            self.read(case)
            self.redraw()

    def action_diagnosis(self) -> None:
        """In full."""
        dialog = diagnosis_dialog(self.chosen, self.app.size.width) if self.chosen else None
        if dialog is not None:
            self.app.push_screen(dialog)

    def action_help(self) -> None:
        """What the screen is for, and its keys."""
        self.app.push_screen(HelpDialog(self, self.title_words, self.EXPLAINED))

    def action_open(self) -> None:
        """Its snapshots."""
        from screens.snapshots import SnapshotsScreen

        if self._rows.key is not None:
            self.app.push_screen(SnapshotsScreen(self.cases[int(self._rows.key)]))
