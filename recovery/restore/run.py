"""A run: executes a plan, asks at its gates, keeps the journal, tells its listener everything."""

from __future__ import annotations

import asyncio
import shlex
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from recovery.cluster.diagnosis import majority
from recovery.errors import RescueError, TakenOverError
from recovery.restore.attempting import Attempts
from recovery.restore.events import (
    ActionEnded,
    Event,
    GateAnswered,
    GateAsked,
    Outcome,
    RunEnded,
    RunStarted,
    StepEnded,
    StepStarted,
    Stream,
)
from recovery.restore.gates import ALARM_GATE
from recovery.restore.holding import Holding, Unheld
from recovery.restore.journal import JournalEvent
from recovery.restore.node_work import NodeWorker
from recovery.restore.operator import ActionFailure, Choice, Decision, NodeFailure, Operator
from recovery.restore.plan import CLEARING, Action, Gate, NodeWork, Plan, Step
from recovery.restore.progress import Progress
from recovery.restore.report_keeping import ReportKeeper
from recovery.restore.run_control import RestoreRun
from recovery.restore.run_record import RunRecord
from recovery.restore.run_words import last_words
from recovery.restore.telling import Telling, now
from recovery.restore.watcher import Watcher


@dataclass(frozen=True, slots=True)
class Beginning:
    """How a program takes a run up: from the start, or where another one has left it."""

    event: JournalEvent = JournalEvent.RUN_STARTED
    progress: Progress = field(default_factory=Progress)
    reason: str = ""
    """Why, in the operator's own words."""

    @property
    def resumed(self) -> bool:
        """Whether something may be done already."""
        return self.event is not JournalEvent.RUN_STARTED


class PlanRun(RestoreRun):
    """One execution of one plan. `execute` is called once."""

    def __init__(
        self,
        plan: Plan,
        record: RunRecord,
        worker: NodeWorker,
        watcher: Watcher,
        operator: Operator,
        listener: Callable[[Event], None],
        *,
        beginning: Beginning | None = None,
        holding: Holding | None = None,
        write_report: Callable[[], None] = lambda: None,
    ) -> None:
        """`write_report` writes the report anew; it is called in a thread, and may fail."""
        self.plan = plan
        self.run_id = plan.run_id
        self.log_path = str(record.directory)
        self._beginning = beginning or Beginning()
        self._holding = holding or Unheld()
        self._record = record
        self._telling = Telling(record, listener, self._holding.written)
        self._attempts = Attempts(
            plan,
            self._telling,
            worker,
            watcher,
            self._beginning.progress,
            resumed=self._beginning.resumed,
        )
        self._report = ReportKeeper(
            write_report, lambda words: self._telling.say(plan.nodes[0], Stream.NOTE, [words])
        )
        self._operator = operator
        self._may_go = asyncio.Event()
        self._may_go.set()
        self._aborted = False
        self._taken_over = ""
        self._holds_now = "Nothing was written."
        self._under_way: Step | None = None

    @property
    def paused(self) -> bool:
        """Whether it holds, or will hold before the next action."""
        return not self._may_go.is_set()

    def pause(self) -> None:
        """Hold before the next action."""
        self._may_go.clear()

    def go_on(self) -> None:
        """Take up a paused run again."""
        self._may_go.set()

    def abort(self) -> None:
        """Stop before the next action."""
        self._aborted = True
        self._may_go.set()

    async def execute(self) -> Outcome:
        """Do the plan's steps in order; the journal and the listener hear how each ends.

        Raises LockedError, before anything was done, where somebody else works on the cluster.
        """
        began = False
        try:
            notes = await self._holding.take(self._lost)
            self._record.began(self.plan, self._beginning.event, self._beginning.reason)
            began = True
            self._holding.written()
            self._telling.emit(
                RunStarted(now(), self.run_id, str(self._record.journal.path), self.log_path)
            )
            for note in notes:
                self._telling.say(self.plan.nodes[0], Stream.NOTE, [note])
            outcome = await self._to_the_end()
            message = self._last_words(outcome)
            self._telling.write(JournalEvent.RUN_ENDED, outcome=outcome.value, message=message)
            began = False  # It is over: what is stopped from now on is only its report.
            await self._report.finish()
            self._telling.emit(RunEnded(now(), outcome, message))
            return outcome
        except asyncio.CancelledError:
            if began:
                self._interrupted()
            raise
        finally:
            self._report.stop()
            try:
                await self._holding.give_back()
            finally:
                self._record.close()

    async def _to_the_end(self) -> Outcome:
        try:
            outcome = await self._steps()
        except TakenOverError as error:
            self._taken_over = self._taken_over or error.what
            return Outcome.ABORTED
        short = self._missing or self._attempts.alarm_stays
        return Outcome.SHORT if outcome is Outcome.DONE and short else outcome

    @property
    def _missing(self) -> tuple[str, ...]:
        """The nodes on which there is more to do; what was never touched needs no way back."""
        back = self._beginning.event is JournalEvent.ROLLBACK_STARTED
        return (*(() if back else self.plan.absent), *self._attempts.left_out)

    def _interrupted(self) -> None:
        message = f"The program was stopped. {self._last_words(Outcome.ABORTED)}"
        with suppress(RescueError):  # the journal may be what broke
            self._telling.write(
                JournalEvent.RUN_ENDED, outcome=Outcome.ABORTED.value, message=message
            )
        self._report.at_once()

    def _lost(self, by: str) -> None:
        self._taken_over = f"{by} has taken this cluster over."
        self.abort()

    async def _steps(self) -> Outcome:
        refused: set[str] = set()
        for step in self.plan.steps:
            await self._may_go.wait()
            if self._aborted:
                return Outcome.ABORTED
            gate = self.plan.gate_before(step.id)
            if gate is not None and not await self._granted(gate):
                if not self._can_do_without(gate):
                    return Outcome.REFUSED
                refused |= set(gate.steps)
                self._attempts.alarm_stays |= gate.id == ALARM_GATE
            if step.id in refused:
                self._telling.write(
                    JournalEvent.STEP_ENDED, step=step.id, outcome=Outcome.SKIPPED.value
                )
                self._telling.emit(StepEnded(now(), step.id, Outcome.SKIPPED))
                continue
            outcome = await self._step(step)
            if outcome not in (Outcome.DONE, Outcome.SKIPPED):
                return outcome
            self._under_way = None
            if outcome is Outcome.DONE:
                self._holds_now = step.safe_after or self._holds_now
        return Outcome.DONE

    def _can_do_without(self, gate: Gate) -> bool:
        """Whether the restore is good without what was refused, so that it goes on."""
        steps = [self.plan.step(step) for step in gate.steps]
        return not any(action.essential for step in steps for action in step.actions)

    async def _granted(self, gate: Gate) -> bool:
        if self._all_done(gate):
            return True
        self._telling.write(JournalEvent.GATE_ASKED, gate=gate.id)
        self._telling.emit(GateAsked(now(), gate.id))
        granted = await self._operator.consent(self.plan, gate)
        event = JournalEvent.GATE_GRANTED if granted else JournalEvent.GATE_REFUSED
        self._telling.write(event, gate=gate.id)
        self._telling.emit(GateAnswered(now(), gate.id, granted))
        if granted:
            self._holding.may_write()
        return granted

    def _all_done(self, gate: Gate) -> bool:
        """Whether an earlier program has done all that this gate covers, having asked."""
        done = self._beginning.progress.done
        steps = [self.plan.step(step) for step in gate.steps]
        return self._beginning.resumed and all(
            (action.id, node) in done
            for step in steps
            for action in step.actions
            for node in action.nodes
        )

    async def _step(self, step: Step) -> Outcome:
        self._under_way = step
        self._holding.doing(step.title)
        self._telling.write(JournalEvent.STEP_STARTED, step=step.id)
        self._telling.emit(StepStarted(now(), step.id))
        outcome = Outcome.DONE
        for action in step.actions:
            await self._may_go.wait()
            if self._aborted:
                outcome = Outcome.ABORTED
                break
            outcome = await self._action(step, action)
            if outcome is Outcome.DONE and action.watch in CLEARING and self._attempts.alarm_stays:
                # What comes after it in its step needs it.
                outcome = Outcome.SKIPPED
            if outcome is not Outcome.DONE:
                break
        self._record.flush()
        self._telling.write(JournalEvent.STEP_ENDED, step=step.id, outcome=outcome.value)
        self._telling.emit(StepEnded(now(), step.id, outcome))
        self._report.soon()
        return outcome

    async def _action(self, step: Step, action: Action) -> Outcome:
        works = self._attempts.works(action)
        tries = 1
        while works:
            failures = await self._attempt(step, action, works, again=tries > 1)
            if not failures:
                return Outcome.DONE
            without = self._can_go_on_without(failures)
            failure = ActionFailure(step, action, tuple(failures), tries, without)
            choice = await self._operator.decide(self.plan, failure)
            failed = frozenset(item.node for item in failures)
            self._decided(step, action, failed, choice)
            if choice.decision is Decision.SKIP:
                return Outcome.DONE
            if choice.decision is Decision.ABORT:
                return Outcome.FAILED
            if choice.decision is Decision.WITHOUT and without:
                self._attempts.left_out.update(dict.fromkeys(sorted(failed)))
                # What the bastion sees of all members together is to be seen of the others.
                failed = frozenset(action.nodes) if action.watch else failed
            works = self._attempts.works(action, failed)
            tries += 1
        return Outcome.DONE

    async def _attempt(
        self, step: Step, action: Action, works: Sequence[NodeWork], *, again: bool
    ) -> list[NodeFailure]:
        if again:
            nodes = frozenset(work.node for work in works)
            for earlier_step, earlier in self._before(step, action):
                undone = [w for w in self._attempts.works(earlier, nodes) if w.probe]
                failures = await self._attempts.attempt(earlier_step, earlier, undone, again=True)
                if failures:
                    return failures
        return await self._attempts.attempt(step, action, works, again=again)

    def _before(self, step: Step, action: Action) -> Iterator[tuple[Step, Action]]:
        """What the same consent covers and comes earlier: a reboot may have undone it."""
        gate = next((gate for gate in self.plan.gates if step.id in gate.steps), None)
        for step_id in gate.steps if gate else ():
            for earlier in self.plan.step(step_id).actions:
                if step_id == step.id and earlier.id == action.id:
                    return
                if earlier.watch is None:
                    yield self.plan.step(step_id), earlier

    def _can_go_on_without(self, failures: Sequence[NodeFailure]) -> bool:
        present = set(self._attempts.present.nodes)
        failed = {item.node for item in failures}
        left = present - failed
        return failed <= present and len(left) >= majority(len(self.plan.members) or len(present))

    def _decided(self, step: Step, action: Action, failed: frozenset[str], choice: Choice) -> None:
        for node in sorted(failed):
            self._telling.write(
                JournalEvent.DECISION,
                step=step.id,
                action=action.id,
                node=node,
                outcome=choice.decision.value,
                message=choice.reason or None,
            )
        if choice.decision is Decision.SKIP and action.watch in CLEARING:
            self._attempts.alarm_stays = True
        if choice.decision in (Decision.SKIP, Decision.WITHOUT):
            words = choice.reason or "left for later"
            for node in sorted(failed):
                skipped = ActionEnded(now(), step.id, action.id, node, Outcome.SKIPPED, words)
                self._telling.emit(skipped)

    def _last_words(self, outcome: Outcome) -> str:
        return last_words(
            outcome,
            self._beginning.event,
            holds=self._holds_now,
            inside=self._under_way.title if self._under_way else "",
            taken_over=self._taken_over,
            missing=self._missing,
            alarm_stays=self._attempts.alarm_stays,
            consent=f"--confirm {shlex.quote(self.plan.cluster)}",
            way_back=str(self._record.way_back),
            log_path=self.log_path,
        )
