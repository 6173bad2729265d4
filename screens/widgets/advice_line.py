"""One line of advice, where the highlighted way on the screen is not what is advised."""

from __future__ import annotations

from textual.content import Content
from textual.widget import Widget

from recovery.cluster.facts import ClusterState
from screens.case import Case
from screens.marks import Mark, line, spread
from screens.wording import clipped

_RESTORE_IS_RIGHT = (ClusterState.QUORUM_LOST, ClusterState.HEALTHY, ClusterState.UNKNOWN)


class AdviceLine(Widget):
    """Shown while a restore is not the first thing to think of."""

    def __init__(self, case: Case) -> None:
        super().__init__(id="advice")
        self.case = case
        self.display = False

    def look_again(self) -> None:
        """The facts have changed."""
        self.display = self.case.incident.diagnosis.state not in _RESTORE_IS_RIGHT
        self.refresh()

    def render(self) -> Content:
        """The beginning of the advice; all of it is one key away."""
        width = self.size.width
        more = line(("  i: all of it ", "$accent"))
        words = clipped(self.case.incident.diagnosis.advice, max(20, width - 18))
        return spread(line(" ", Mark.WARNING.beside(words)), more, width)
