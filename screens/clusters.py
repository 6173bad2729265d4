"""Where the inventory has several clusters: which one is it about?"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widgets import Static

from screens.case import Case
from screens.dialogs.help import HelpDialog
from screens.explained import CLUSTERS, Help
from screens.incident_screen import Rule
from screens.keys import KeysOf, common_keys_only
from screens.leaving import LeavesOnce
from screens.marks import HEADING, Mark, cell, line, stacked
from screens.widgets.key_footer import KeyFooter
from screens.widgets.row_list import Row, RowList
from screens.wording import cut, folded, plural

_MOST_LINES = 3
"""Of a sentence and of an advice; all of it is on the cluster's own screen."""


_key = KeysOf("clusters")


class ClustersScreen(LeavesOnce[None]):
    """Each cluster with its diagnosis, as it comes in."""

    EXPLAINED: ClassVar[Help] = CLUSTERS
    title_words: ClassVar[str] = "Clusters"

    BINDINGS: ClassVar[list[BindingType]] = [
        _key("enter", "open", "open", "Open this cluster"),
        Binding("q", "app.leave", "quit", id="quit", tooltip="Leave etcd-rescue"),
        *common_keys_only("help"),
    ]

    def __init__(self, cases: Sequence[Case]) -> None:
        super().__init__()
        self.cases = tuple(cases)
        self._rows = RowList("clusters")

    def compose(self) -> ComposeResult:
        """A heading and the list."""
        yield Static(
            line(" ", ("CLUSTERS", HEADING), (f"  {len(self.cases)}", "$muted")),
            id="clusters-heading",
        )
        yield self._rows
        yield Rule(classes="rule")
        yield Static("", id="cluster-words")
        yield KeyFooter()

    def on_mount(self) -> None:
        """Ask all clusters at once."""
        self._rows.focus()
        self.redraw()
        for case in self.cases:
            self.look(case)

    @work(group="look", exit_on_error=False)
    async def look(self, case: Case) -> None:
        """Ask one cluster's nodes."""
        await case.look(lambda: None)
        self.redraw()

    def redraw(self) -> None:
        """All rows."""
        if not self.drawable:
            return
        self._rows.show_rows([Row(str(i), _row(case)) for i, case in enumerate(self.cases)])
        self._explain()

    def _explain(self) -> None:
        """What is wrong with the cluster under the cursor, and what to do."""
        case = self.cases[int(self._rows.key)] if self._rows.key is not None else None
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

    def action_help(self) -> None:
        """What the screen is for, and its keys."""
        self.app.push_screen(HelpDialog(self, self.title_words, self.EXPLAINED))

    def action_open(self) -> None:
        """Its snapshots."""
        from screens.snapshots import SnapshotsScreen

        if self._rows.key is not None:
            self.app.push_screen(SnapshotsScreen(self.cases[int(self._rows.key)]))


def _row(case: Case) -> Callable[[int], Content]:
    def draw(width: int) -> Content:
        mark, label = case.label() if case.incident.facts else (Mark.RUNNING, "LOOKING")
        kind = "control-plane node" if width >= 100 else "node"
        nodes = plural(len(case.node_names), kind)
        name_width = min(34, width // 3)
        return line(
            " ",
            cell(Content.styled(cut(case.cluster_name, name_width), "bold"), name_width),
            "  ",
            cell(mark.say(label), 34),
            (nodes, "$muted"),
        )

    return draw
