"""The line at the top of every screen: which cluster, how it is, what is under way, the time."""

from __future__ import annotations

from textual.content import Content
from textual.widget import Widget

from screens.case import Case
from screens.marks import Mark, line, spread
from screens.wording import cut, stopwatch


class TopLine(Widget):
    """Cluster name, diagnosis or run, and the UTC clock. Redraws itself when any has changed."""

    def __init__(self, case: Case) -> None:
        super().__init__()
        self.case = case
        self._shown: tuple[object, ...] = ()

    def on_mount(self) -> None:
        """Keep the clock going."""
        self.set_interval(self.case.tick, self.refresh_if_changed)

    def refresh_if_changed(self) -> None:
        """Draw anew only what would look different."""
        state = (self._state(), self._right())
        if state != self._shown:
            self._shown = state
            self.refresh()

    def render(self) -> Content:
        """The line."""
        width = self.size.width
        mark, words = self._state()
        name = cut(self.case.cluster_name, max(12, width // 3))
        left = line(" ", (name, "bold"), "   ", mark.say(words, strong=True))
        return spread(left, line((f"  {self._right()} ", "$muted")), width)

    def _state(self) -> tuple[Mark, str]:
        run = self.case.run
        if run is None or not run.under_way:
            return self._at_rest()
        if run.gate is not None:
            return Mark.WARNING, f"YOUR ANSWER  before step {run.position + 1} of {len(run.steps)}"
        title = f": {run.current.step.title}" if run.current else ""
        return Mark.RUNNING, f"{run.words.doing}  step {run.position} of {len(run.steps)}{title}"

    def _at_rest(self) -> tuple[Mark, str]:
        mark, label = self.case.label()
        if self.case.recovered and self.case.incident.facts is None:
            return Mark.OK, "RECOVERED"
        if self.case.recovered and mark is Mark.OK:
            return mark, label.replace("HEALTHY", "RECOVERED")
        return mark, label

    def _right(self) -> str:
        now = self.case.clock()
        run = self.case.run
        if run is not None and run.under_way:
            return f"{stopwatch(run.elapsed(now))}  {now:%H:%M}Z"
        return f"etcd-rescue {now:%H:%M}Z"
