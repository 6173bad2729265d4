"""The restore: steps, what happens now, and every node's output as it comes."""

from __future__ import annotations

from typing import ClassVar

from textual import work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal
from textual.content import Content
from textual.widgets import Static

from recovery.errors import RescueError
from recovery.restore.events import Outcome
from recovery.restore.lock import LockedError
from recovery.restore.operator import Operator
from recovery.restore.plan import Plan
from recovery.restore.run_control import RestoreRun
from recovery.snapshots.model import JudgedSnapshot
from recovery.ssh.turns import turns
from screens.case import Case
from screens.dialogs.reading import ReadingDialog
from screens.explained import RESTORE, Help
from screens.incident_screen import IncidentScreen, Rule
from screens.keys import KeysOf, common_keys
from screens.lock_questions import may_take_over
from screens.pacing import Pace
from screens.run_drawing import now_of, steps_of
from screens.run_fitting import RunStage
from screens.run_panes import STEPS_WIDTH, RunPanes
from screens.run_questions import stop_question, turning_question
from screens.run_view import RunView
from screens.run_words import RESTORING, RunWords
from screens.screen_operator import ScreenOperator
from screens.taking_up import Begin, Listener, resume, roll_back

REDRAWS_A_SECOND = 30
"""Each time one node's pane: with three of them each is drawn ten times a second."""


_key = KeysOf("restore")


class RestoreScreen(IncidentScreen):
    """Draws a run's events and puts its questions to the person. It decides nothing."""

    EXPLAINED: ClassVar[Help] = RESTORE
    title_words: ClassVar[str] = "Restore"

    BINDINGS: ClassVar[list[BindingType]] = [
        _key("enter", "health", "health", "See the proof"),
        _key("p", "pause", "pause", "Hold before the next action, or go on"),
        _key("tab", "node(1)", "next node", "Show the next node", name="next"),
        _key(
            "shift+tab",
            "node(-1)",
            "previous node",
            "Show the node before",
            name="previous",
            hidden=True,
        ),
        _key("x", "abort", "stop here", "Stop before the next action"),
        _key("R", "roll_back", "roll back", "Put the old data and configuration in place again"),
        _key("r", "resume", "resume", "Take the stopped run up again"),
        _key("l", "log", "log", "Where the journal and the logs are"),
        *common_keys(
            copy=("copy output", "Copy the chosen node's output"),
            back=("back", "Back, once the run is over"),
        ),
    ]

    def __init__(
        self,
        case: Case,
        judged: JudgedSnapshot | None,
        plan: Plan,
        begin: Begin | None = None,
        words: RunWords = RESTORING,
    ) -> None:
        """`begin` makes the run, where it is not a restore of `judged` by this plan."""
        super().__init__(case)
        self.judged = judged
        self.plan = plan
        self.words = words
        self._begin = begin or self._restore
        self.view = RunView(plan, words)
        self.restore_run: RestoreRun | None = None
        self.aborting = False
        self._roll_back_next = False
        self.panes = RunPanes(self.view, plan)
        self._pace = Pace()
        self._drawn = (-1, -1)
        self._told = -1
        """The events up to which the panes have all lines."""
        self._said_now = Content("")

    def compose_body(self) -> ComposeResult:
        """Steps, panes, and what happens now."""
        with Horizontal(id="run-body"):
            yield Static("", id="run-steps")
            yield self.panes
        yield Rule(classes="rule")
        yield Static("", id="run-now")

    def on_mount(self) -> None:
        """Begin the run, and draw it as it goes."""
        self.case.run = self.view
        self.case.recovered = False
        self.panes.show_panes()
        self.set_interval(1 / REDRAWS_A_SECOND, self._draw_in_time)
        self.draw()
        self.execute()

    @work(group="run", exclusive=True, exit_on_error=False)
    async def execute(self) -> None:
        """The run itself."""
        message = "etcd-rescue met an error; the journal says how far the run came."
        try:
            outcome = await self._executed()
        except RescueError as error:
            message = str(error)
            raise
        finally:
            self.case.stale = True
            if self.view.outcome is None:
                self.view.broke_off(self.case.clock(), message)
            self.draw()
        if outcome is None:
            self.leave_unstarted()
        elif self._roll_back_next:
            await roll_back(self, self.case, self.run_id)
        elif outcome is Outcome.DONE and not self.words.back:
            # What was known of the cluster is over, and health looks at it anew.
            self.case.incident.forget_facts()
            self.action_health()
        else:
            self.look_again()

    @work(group="look", exclusive=True, exit_on_error=False)
    async def look_again(self) -> None:
        """What was known of the cluster is over: the top line must not go on saying it."""
        self.case.incident.forget_facts()
        self.top_line_changed()
        await self.case.look(self.top_line_changed)
        self.top_line_changed()

    async def _executed(self) -> Outcome | None:
        """The run's outcome; None where somebody else holds the lock, and a person left it so."""
        operator = ScreenOperator(self.app, self.view, self.draw, self._want_roll_back)
        while True:
            self.restore_run = await self._begin(operator, self.view.take)
            try:
                return await self.restore_run.execute()
            except LockedError as error:
                if not await may_take_over(self, self.case, error.holder):
                    return None

    def leave_unstarted(self) -> None:
        """Nothing was begun: back to where the run was asked for."""
        self.case.run = None
        self.say("Nothing was done: somebody else works on this cluster.")
        self.dismiss()

    async def _restore(self, operator: Operator, listener: Listener) -> RestoreRun:
        assert self.judged is not None
        told = self.case.told(self.judged)
        return self.case.incident.restore(self.plan, self.judged, operator, listener, told)

    @property
    def run_id(self) -> str:
        """The run's id, the same when it is taken up again and on the way back."""
        return self.plan.run_id

    def _want_roll_back(self) -> None:
        """Once the run has stopped."""
        self._roll_back_next = True

    def _draw_in_time(self) -> None:
        if turns().stands_back or not self._pace.begins():
            return
        news = self._drawn_state() != self._drawn
        if news:
            self.draw()
        elif self.drawable:
            news = self.panes.draw_one()
        if news:
            self.call_after_refresh(self._pace.ended)
        else:
            # Waiting for a drawing that does not come would itself have things drawn anew.
            self._pace.nothing_new()

    def _drawn_state(self) -> tuple[int, int]:
        """What the steps and the words depend on: the events so far, and the second."""
        return self.view.version, int(self.view.elapsed(self.case.clock()))

    def draw(self) -> None:
        """Draw what has changed, whatever the events' rate.

        The run calls it too, and must not end because something cannot be drawn.
        """
        if not self.drawable:
            return
        try:
            self._draw()
        except Exception as error:  # noqa: BLE001
            self.app._handle_exception(error)

    def _draw(self) -> None:
        state = self._drawn_state()
        if state == self._drawn:
            return
        changed = state[0] != self._drawn[0]
        if state[0] != self._told:
            # Nobody sees an action end before its last lines.
            self.panes.draw()
            self._told = state[0]
        self._drawn = state
        self.query_one("#run-steps", Static).update(self._steps(), layout=False)
        self.panes.draw_tabs()
        now = self._now()
        # Every second only the steps' times are others: what is sent over SSH is little then.
        if not now.is_same(self._said_now):
            rows = now.plain.count("\n")
            layout = rows != self._said_now.plain.count("\n") or not self._said_now
            self.query_one("#run-now", Static).update(now, layout=layout)
            self._said_now = now
        self.top_line_changed()
        if changed:
            self.refresh_bindings()

    def on_resize(self) -> None:
        """More panes where there is room."""
        self.set_class(self.wide, "-wide")
        self.call_after_refresh(self._panes_anew)

    def _panes_anew(self) -> None:
        self.panes.show_panes()
        self._told = -1
        self.draw_anew()

    def draw_anew(self) -> None:
        """Draw whether or not the run has told anything new."""
        self._drawn = (-1, -1)
        self.draw()

    def _steps(self) -> Content:
        return steps_of(self.view, self.case.clock(), STEPS_WIDTH - 1)

    def _now(self) -> Content:
        paused = self.restore_run is not None and self.restore_run.paused
        words = self.words.endings
        width = self.app.size.width
        return now_of(self.view, width, words, aborting=self.aborting, paused=paused)

    @property
    def stage(self) -> RunStage:
        """Where the run stands."""
        return RunStage(self.view.outcome, self.aborting, self.words.back)

    @property
    def staying(self) -> str:
        """A run is not left alone."""
        return self.stage.refusal("back")

    def unavailable(self, action: str) -> str:
        """What fits the state of the run."""
        return self.stage.refusal(action)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Keys for a run under way go when it is over, and the other way round."""
        return super().check_action(action, parameters) if self.stage.has(action) else False

    def copy_text(self) -> str:
        """The chosen node's output."""
        return self.panes.copy_text

    def action_node(self, by: int) -> None:
        """Another node's pane."""
        self.panes.go(by)
        self.draw_anew()

    def action_pause(self) -> None:
        """Hold, or go on."""
        if self.restore_run is not None:
            if self.restore_run.paused:
                self.restore_run.go_on()
            else:
                self.restore_run.pause()
            self.draw_anew()

    def action_abort(self) -> None:
        """Ask, then stop before the next action."""
        self.app.push_screen(stop_question(self.view.holds), self._abort_answered)

    def _abort_answered(self, yes: bool | None) -> None:
        if yes and self.restore_run is not None and self.view.outcome is None:
            self.aborting = True
            self.restore_run.abort()
            self.draw_anew()

    def action_roll_back(self) -> None:
        """Stop first where it is under way; then the way back, which asks before it changes."""
        if self.view.outcome is not None:
            self.turn_back()
            return
        self.app.push_screen(turning_question(self.view.holds), self._turning_answered)

    def _turning_answered(self, yes: bool | None) -> None:
        if yes:
            self._want_roll_back()
            self._abort_answered(True)

    @work(group="turn", exclusive=True, exit_on_error=False)
    async def turn_back(self) -> None:
        """The way back, on a screen of its own."""
        await roll_back(self, self.case, self.run_id)

    @work(group="turn", exclusive=True, exit_on_error=False)
    async def action_resume(self) -> None:
        """The same run, taken up again."""
        if not self.unavailable("resume"):
            await resume(self, self.case, self.run_id)

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

        expected = self.restore_run.expected if self.restore_run else None
        self.app.push_screen(HealthScreen(self.case, expected, self.view))

    def action_back(self) -> None:
        """Home: preflight and plan describe a cluster that is no more."""
        from screens.snapshots import SnapshotsScreen

        while not isinstance(self.app.screen, SnapshotsScreen):
            self.app.pop_screen()
