"""The nodes of a run: one live pane each, side by side or stacked, else one at a time."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widgets import Static

from recovery.restore.plan import Plan
from screens.incident_screen import WIDE
from screens.marks import line
from screens.run_view import NodeView, RunView
from screens.widgets.node_pane import NodePane, node_tabs

STEPS_WIDTH = 36
_PANE_WIDTH, _PANE_HEIGHT = 38, 7
_ABOVE_AND_BELOW = 8
"""Lines of the screen that are no pane's: where the run stands, and what holds."""


class RunPanes(Vertical):
    """A line with all nodes, and the panes of as many as fit; the chosen one is among them."""

    def __init__(self, view: RunView, plan: Plan) -> None:
        super().__init__(id="run-nodes")
        self.run_view = view
        self.plan = plan
        self._panes = {name: NodePane(node) for name, node in view.nodes.items()}
        self._turns = list(self._panes)
        """The names, that which was drawn last at the end."""
        self.chosen = next(iter(self._panes), "")
        self._offered: tuple[str, ...] = ()
        self._tabs = Content("")

    def compose(self) -> ComposeResult:
        """Names, then panes."""
        yield Static("", id="run-tabs")
        with Horizontal(id="run-panes"):
            yield from self._panes.values()

    @property
    def copy_text(self) -> str:
        """The chosen node's output."""
        return self._panes[self.chosen].output.text if self.chosen in self._panes else ""

    def draw(self) -> None:
        """Take what the nodes that are seen have said since the last call."""
        for pane in self._panes.values():
            if pane.display:
                pane.draw()

    def draw_one(self) -> bool:
        """Take what one of them has said, in turn: a key waits for no more than one pane.

        Returns whether there was anything.
        """
        for name in self._turns:
            pane = self._panes[name]
            if pane.display:
                lines = pane.view.waiting_lines
                pane.draw()
                if lines:
                    self._turns.remove(name)
                    self._turns.append(name)
                    return True
        return False

    def draw_tabs(self) -> None:
        """The nodes with their states; a node that has a part in the run from now on comes in."""
        offered = self._shown_nodes()
        if tuple(view.name for view in offered) != self._offered:
            self.show_panes()
        width = self.app.size.width - STEPS_WIDTH - 2
        tabs = line(" ", node_tabs(offered, self.chosen, width))
        if not tabs.is_same(self._tabs):
            self._tabs = tabs
            self.query_one("#run-tabs", Static).update(tabs, layout=False)

    def _shown_nodes(self) -> list[NodeView]:
        """Control-plane nodes always, others once they have a part in the run."""
        return [
            view
            for name, view in self.run_view.nodes.items()
            if name in self.plan.nodes or name == self.chosen or view.action
        ]

    def go(self, by: int) -> None:
        """Another node's pane."""
        names = list(self._panes)
        if names:
            self.chosen = names[(names.index(self.chosen) + by) % len(names)]
            self.show_panes()
            self._panes[self.chosen].draw()

    def _room(self) -> int:
        """How many panes are seen: stacked, where more of the plan's nodes are seen that way.

        Only the plan's own count, so that panes stay as they are when a worker comes in.
        """
        width, height = self.app.size
        beside = max(1, (width - STEPS_WIDTH) // _PANE_WIDTH)
        below = max(1, (height - _ABOVE_AND_BELOW) // _PANE_HEIGHT)
        nodes = len(self.plan.nodes)
        stacked = width >= WIDE and min(nodes, below) > min(nodes, beside)
        self.query_one("#run-panes").set_class(stacked, "-stacked")
        if width < WIDE:
            return 1
        return below if stacked else beside

    def show_panes(self) -> None:
        """Show as many panes as there is room for."""
        names = [view.name for view in self._shown_nodes()]
        self._offered = tuple(names)
        room = self._room()
        place = names.index(self.chosen) if self.chosen in names else 0
        first = max(0, min(place - room + 1, len(names) - room))
        if place < room:
            first = 0
        seen = names[first : first + room]
        for name, pane in self._panes.items():
            pane.display = name in seen
            pane.set_class(name == self.chosen, "-chosen")
        if self.chosen:
            self._panes[self.chosen].output.focus()
