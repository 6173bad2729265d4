"""The restore: steps, what happens now, and every node's output as it comes."""

from __future__ import annotations

from typing import ClassVar

from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widgets import Static

from recovery.errors import RescueError
from recovery.restore.events import Outcome
from recovery.restore.plan import Plan
from recovery.restore.run_control import RestoreRun
from recovery.snapshots.model import FetchedSnapshot
from screens.case import Case
from screens.dialogs.question import QuestionDialog
from screens.dialogs.reading import ReadingDialog
from screens.incident_screen import IncidentScreen, Rule, common_keys
from screens.marks import OF_OUTCOME, cell, hanging, line, stacked
from screens.run_view import NodeView, RunView, StepView
from screens.screen_operator import ScreenOperator
from screens.widgets.node_pane import NodePane, node_tabs
from screens.wording import sentence, span

REDRAWS_A_SECOND = 10
STEPS_WIDTH = 36
_PANE_WIDTH = 38


class RestoreScreen(IncidentScreen):
    """Draws a run's events and puts its questions to the person. It decides nothing."""

    HELP_TEXT = (
        "The run goes on by itself and asks where it must. Each pane is one node; a line with $ "
        "is a command, ! is what it wrote to its error output, · is a note by etcd-rescue.\n\n"
        "Pause holds before the next action; what runs on a node is never cut off in the middle. "
        "Stopping leaves the cluster as the line above the keys says. The full output is in the "
        "run's directory on this machine (l)."
    )
    title_words: ClassVar[str] = "Restore"

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "health", "health", id="restore.health", tooltip="See the proof"),
        Binding(
            "p",
            "pause",
            "pause",
            id="restore.pause",
            tooltip="Hold before the next action, or go on",
        ),
        Binding("tab", "node(1)", "next node", id="restore.next", tooltip="Show the next node"),
        Binding(
            "shift+tab",
            "node(-1)",
            "previous node",
            show=False,
            id="restore.previous",
            tooltip="Show the node before",
        ),
        Binding(
            "x", "abort", "stop here", id="restore.abort", tooltip="Stop before the next action"
        ),
        Binding("y", "copy", "copy output", id="copy", tooltip="Copy the chosen node's output"),
        Binding("l", "log", "log", id="restore.log", tooltip="Where the journal and the logs are"),
        Binding(
            "escape",
            "back",
            "back",
            key_display="esc",
            id="back",
            tooltip="Back, once the run is over",
        ),
        *common_keys("copy", "back"),
    ]

    def __init__(self, case: Case, fetched: FetchedSnapshot, plan: Plan) -> None:
        super().__init__(case)
        self.fetched = fetched
        self.plan = plan
        self.view = RunView(plan)
        self.restore_run: RestoreRun | None = None
        self.aborting = False
        self._panes = {name: NodePane(node) for name, node in self.view.nodes.items()}
        self.chosen_node = next(iter(self._panes), "")
        self._drawn_version = -1
        self._drawn_second = -1
        self._drawn_rows = -1

    def compose_body(self) -> ComposeResult:
        """Steps, panes, and what happens now."""
        with Horizontal(id="run-body"):
            yield Static("", id="run-steps")
            with Vertical(id="run-nodes"):
                yield Static("", id="run-tabs")
                with Horizontal(id="run-panes"):
                    yield from self._panes.values()
        yield Rule(classes="rule")
        yield Static("", id="run-now")

    def on_mount(self) -> None:
        """Begin the run, and draw it ten times a second."""
        self.case.run = self.view
        self.case.recovered = False
        self._show_panes()
        self.set_interval(1 / REDRAWS_A_SECOND, self.draw)
        self.draw()
        self.execute()

    @work(group="run", exclusive=True, exit_on_error=False)
    async def execute(self) -> None:
        """The run itself."""
        operator = ScreenOperator(self.app, self.view, self.draw)
        message = "etcd-rescue met an error; the journal says how far the run came."
        try:
            self.restore_run = self.case.incident.restore(
                self.plan, self.fetched, operator, self.view.take
            )
            outcome = await self.restore_run.execute()
        except RescueError as error:
            message = str(error)
            raise
        finally:
            self.case.stale = True
            if self.view.outcome is None:
                self.view.broke_off(self.case.clock(), message)
            self.draw()
        if outcome is Outcome.DONE:
            self.action_health()

    def draw(self) -> None:
        """Draw what has changed. Called ten times a second, whatever the events' rate."""
        for pane in self._visible_panes():
            pane.draw()
        second = int(self.view.elapsed(self.case.clock()))
        if (self.view.version, second) == (self._drawn_version, self._drawn_second):
            return
        changed = self.view.version != self._drawn_version
        self._drawn_version, self._drawn_second = self.view.version, second
        self.query_one("#run-steps", Static).update(self._steps(), layout=False)
        tabs = line(" ", node_tabs(self._tabs(), self.chosen_node, self._tabs_width))
        self.query_one("#run-tabs", Static).update(tabs, layout=False)
        now = self._now()
        rows = now.plain.count("\n")
        self.query_one("#run-now", Static).update(now, layout=rows != self._drawn_rows)
        self._drawn_rows = rows
        self.top_line_changed()
        if changed:
            self.refresh_bindings()

    def on_resize(self) -> None:
        """More panes where there is room."""
        self.set_class(self.wide, "-wide")
        self.call_after_refresh(self._show_panes)

    def _tabs(self) -> list[NodeView]:
        """Control-plane nodes always, others once they have a part in the run."""
        return [
            view
            for name, view in self.view.nodes.items()
            if name in self.plan.nodes or name == self.chosen_node or view.action
        ]

    @property
    def _tabs_width(self) -> int:
        return self.app.size.width - STEPS_WIDTH - 2

    def _visible_panes(self) -> list[NodePane]:
        return [pane for pane in self._panes.values() if pane.display]

    def _show_panes(self) -> None:
        names = list(self._panes)
        room = max(1, (self.app.size.width - STEPS_WIDTH) // _PANE_WIDTH) if self.wide else 1
        place = names.index(self.chosen_node) if self.chosen_node in names else 0
        first = max(0, min(place - room + 1, len(names) - room))
        if place < room:
            first = 0
        for index, name in enumerate(names):
            pane = self._panes[name]
            pane.display = first <= index < first + room
            pane.set_class(name == self.chosen_node, "-chosen")
        if self.chosen_node:
            self._panes[self.chosen_node].output.focus()
        self._drawn_version = -1
        self.draw()

    def _steps(self) -> Content:
        width = STEPS_WIDTH - 1
        return stacked(
            [self._step(number, view, width) for number, view in enumerate(self.view.steps, 1)]
        )

    def _step(self, number: int, view: StepView, width: int) -> Content:
        now = self.case.clock()
        time = ""
        if view.started is not None:
            time = span(((view.ended or now) - view.started).total_seconds())
        here = view is self.view.current and self.view.under_way
        title = cell(f"{number:>2} {view.step.title}", width - 10)
        return line(
            " ",
            (view.mark.shape, view.mark.colour),
            " ",
            Content.styled(title.plain, "bold") if here else title,
            cell(Content.styled(time, "$muted"), 7, right=True),
        )

    def _now(self) -> Content:
        view = self.view
        width = self.app.size.width
        if view.outcome is not None:
            mark = OF_OUTCOME[view.outcome]
            rows = [line(" ", mark.say(_ENDINGS[view.outcome], strong=True))]
            if view.outcome is not Outcome.DONE and "partly done" in view.holds:
                rows += hanging("", view.holds.partition(".")[0] + ".", width, 3)
            return stacked([*rows, *hanging("", sentence(view.message), width, 3)])
        paused = self.restore_run is not None and self.restore_run.paused
        purpose = view.current.step.purpose if view.current else "The run begins."
        if self.aborting:
            purpose = "Stopping: the action under way goes to its end, nothing new is started."
        elif paused:
            purpose = "Paused: the action under way goes to its end. p goes on."
        return stacked(
            [
                *hanging("Now", purpose, width, 14),
                *hanging("If you stop", view.holds, width, 14),
            ]
        )

    def unavailable(self, action: str) -> str:
        """What fits the state of the run."""
        over = self.view.outcome is not None
        if action in ("pause", "abort") and over:
            return "The run is over."
        if action == "abort" and self.aborting:
            return "It stops before the next action."
        if action == "health" and self.view.outcome is not Outcome.DONE:
            return "Health follows when the run is done."
        if action == "back" and not over:
            return "The run goes on; x stops it, p holds it."
        return ""

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Keys for a run under way go when it is over, and the other way round."""
        over = self.view.outcome is not None
        done = self.view.outcome is Outcome.DONE
        if (action in ("pause", "abort") and over) or (action == "health" and not done):
            return False
        return super().check_action(action, parameters)

    def copy_text(self) -> str:
        """The chosen node's output."""
        return self._panes[self.chosen_node].output.text if self.chosen_node in self._panes else ""

    def action_node(self, by: int) -> None:
        """Another node's pane."""
        names = list(self._panes)
        if names:
            self.chosen_node = names[(names.index(self.chosen_node) + by) % len(names)]
            self._show_panes()

    def action_pause(self) -> None:
        """Hold, or go on."""
        if self.restore_run is not None:
            if self.restore_run.paused:
                self.restore_run.go_on()
            else:
                self.restore_run.pause()
            self._drawn_version = -1
            self.draw()

    def action_abort(self) -> None:
        """Ask, then stop before the next action."""
        dialog = QuestionDialog(
            "Stop the restore here?",
            "What runs on a node now goes to its end; nothing new is started.\n\n"
            f"What holds now: {self.view.holds}",
            yes="stop here",
            no="No, go on",
        )
        self.app.push_screen(dialog, self._abort_answered)

    def _abort_answered(self, yes: bool | None) -> None:
        if yes and self.restore_run is not None and self.view.outcome is None:
            self.aborting = True
            self.restore_run.abort()
            self._drawn_version = -1
            self.draw()

    def action_log(self) -> None:
        """Where the full output is."""
        directory = self.restore_run.log_path if self.restore_run else "not made yet"
        text = f"The run's directory on this machine:\n{directory}\n"
        if self.view.journal:
            text += f"\nIts journal:\n{self.view.journal}\n"
        self.app.push_screen(ReadingDialog("Journal and logs", text))

    def action_health(self) -> None:
        """The proof."""
        from screens.health import HealthScreen

        self.app.push_screen(HealthScreen(self.case, self.fetched, self.view))

    def action_back(self) -> None:
        """Home: preflight and plan describe a cluster that is no more."""
        from screens.snapshots import SnapshotsScreen

        while not isinstance(self.app.screen, SnapshotsScreen):
            self.app.pop_screen()


_ENDINGS = {
    Outcome.DONE: "The restore is done.",
    Outcome.FAILED: "The restore stopped at a failure.",
    Outcome.REFUSED: "You said no: the restore ended there.",
    Outcome.ABORTED: "The restore was stopped, as you asked.",
    Outcome.SKIPPED: "The restore was skipped.",
    Outcome.ALREADY_DONE: "There was nothing left to do.",
}
