"""A run: executes a plan, asks at its gates, keeps the journal, tells its listener everything."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from recovery.restore.events import (
    ActionEnded,
    ActionStarted,
    Event,
    GateAnswered,
    GateAsked,
    Outcome,
    Output,
    RunEnded,
    RunStarted,
    StepEnded,
    StepStarted,
    Stream,
    TransferProgress,
)
from recovery.restore.journal import JournalEntry, JournalEvent
from recovery.restore.node_work import NodeWorker, WorkResult
from recovery.restore.operator import ActionFailure, Decision, NodeFailure, Operator
from recovery.restore.plan import Action, Gate, NodeWork, Plan, Step
from recovery.restore.run_control import RestoreRun
from recovery.restore.run_record import RunRecord
from recovery.restore.watcher import Watcher


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
    ) -> None:
        self.run_id = plan.run_id
        self.log_path = str(record.directory)
        self._plan = plan
        self._record = record
        self._worker = worker
        self._watcher = watcher
        self._operator = operator
        self._listener = listener
        self._may_go = asyncio.Event()
        self._may_go.set()
        self._aborted = False
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
        """Do the plan's steps in order; the journal and the listener hear how each ends."""
        self._record.began(self._plan)
        self._emit(RunStarted(_now(), self.run_id, str(self._record.journal.path), self.log_path))
        try:
            outcome = await self._steps()
            message = self._last_words(outcome)
            self._write(JournalEvent.RUN_ENDED, outcome=outcome.value, message=message)
            self._emit(RunEnded(_now(), outcome, message))
            return outcome
        finally:
            self._record.close()

    async def _steps(self) -> Outcome:
        refused: set[str] = set()
        for step in self._plan.steps:
            await self._may_go.wait()
            if self._aborted:
                return Outcome.ABORTED
            gate = self._plan.gate_before(step.id)
            if gate is not None and not await self._granted(gate):
                if not self._can_do_without(gate):
                    return Outcome.REFUSED
                refused |= set(gate.steps)
            if step.id in refused:
                self._write(JournalEvent.STEP_ENDED, step=step.id, outcome=Outcome.SKIPPED.value)
                self._emit(StepEnded(_now(), step.id, Outcome.SKIPPED))
                continue
            outcome = await self._step(step)
            if outcome is not Outcome.DONE:
                return outcome
            self._under_way = None
            self._holds_now = step.safe_after or self._holds_now
        return Outcome.DONE

    def _can_do_without(self, gate: Gate) -> bool:
        """Whether the restore is good without what was refused, so that it goes on."""
        steps = [self._plan.step(step) for step in gate.steps]
        return not any(action.essential for step in steps for action in step.actions)

    async def _granted(self, gate: Gate) -> bool:
        self._write(JournalEvent.GATE_ASKED, gate=gate.id)
        self._emit(GateAsked(_now(), gate.id))
        granted = await self._operator.consent(self._plan, gate)
        event = JournalEvent.GATE_GRANTED if granted else JournalEvent.GATE_REFUSED
        self._write(event, gate=gate.id)
        self._emit(GateAnswered(_now(), gate.id, granted))
        return granted

    async def _step(self, step: Step) -> Outcome:
        self._under_way = step
        self._write(JournalEvent.STEP_STARTED, step=step.id)
        self._emit(StepStarted(_now(), step.id))
        outcome = Outcome.DONE
        for action in step.actions:
            await self._may_go.wait()
            if self._aborted:
                outcome = Outcome.ABORTED
                break
            outcome = await self._action(step, action)
            if outcome is not Outcome.DONE:
                break
        self._record.flush()
        self._write(JournalEvent.STEP_ENDED, step=step.id, outcome=outcome.value)
        self._emit(StepEnded(_now(), step.id, outcome))
        return outcome

    async def _action(self, step: Step, action: Action) -> Outcome:
        works: Sequence[NodeWork] = action.works
        attempt = 1
        while True:
            failures = await self._attempt(step, action, works, attempt)
            if not failures:
                return Outcome.DONE
            failure = ActionFailure(step, action, tuple(failures), attempt)
            choice = await self._operator.decide(self._plan, failure)
            self._write(
                JournalEvent.DECISION,
                step=step.id,
                action=action.id,
                outcome=choice.decision.value,
                message=choice.reason or None,
            )
            if choice.decision is Decision.SKIP:
                for node in (item.node for item in failures):
                    self._emit(
                        ActionEnded(
                            _now(), step.id, action.id, node, Outcome.SKIPPED, choice.reason
                        )
                    )
                return Outcome.DONE
            if choice.decision is Decision.ABORT:
                return Outcome.FAILED
            failed = {item.node for item in failures}
            works = [work for work in works if work.node in failed]
            attempt += 1

    async def _attempt(
        self, step: Step, action: Action, works: Sequence[NodeWork], attempt: int
    ) -> list[NodeFailure]:
        """One try on all these nodes at once; what fails on one does not stop the others."""
        for work in works:
            self._write(
                JournalEvent.ACTION_STARTED,
                step=step.id,
                action=action.id,
                node=work.node,
                attempt=attempt,
            )
            self._emit(ActionStarted(_now(), step.id, action.id, work.node))
        if action.watch is not None:
            return await self._watched(step, action, works, attempt)
        # Not a TaskGroup: what breaks here, such as a full disk under the journal, must not cut
        # off the scripts that are under way on other nodes.
        results = await asyncio.gather(
            *(self._on_node(step, action, work, attempt) for work in works), return_exceptions=True
        )
        failures = []
        for result in results:
            if isinstance(result, BaseException):
                raise result
            if result.failure is not None:
                failures.append(result.failure)
        return failures

    async def _on_node(
        self, step: Step, action: Action, work: NodeWork, attempt: int
    ) -> WorkResult:
        self._say(work.node, Stream.NOTE, [action.title])
        result = await self._worker.do(
            work,
            timeout=action.timeout,
            again=attempt > 1,
            say=lambda stream, lines: self._say(work.node, stream, lines),
            moved=lambda what, done, total: self._emit(
                TransferProgress(_now(), work.node, what, done, total)
            ),
        )
        self._ended(step, action, work.node, attempt, result)
        return result

    async def _watched(
        self, step: Step, action: Action, works: Sequence[NodeWork], attempt: int
    ) -> list[NodeFailure]:
        assert action.watch is not None
        for work in works:
            self._say(work.node, Stream.NOTE, [action.title])
        reasons = await self._watcher.watch(
            action.watch,
            self._plan,
            timeout=action.timeout,
            note=lambda node, words: self._say(node, Stream.NOTE, [words]),
        )
        failures = []
        known = {work.node for work in works}
        strangers = [f"{node}: {words}" for node, words in reasons.items() if node not in known]
        for index, work in enumerate(works):
            words = [reasons[work.node]] if work.node in reasons else []
            words += strangers if index == 0 else []
            if words:
                failures.append(NodeFailure(work.node, "; ".join(words), None, "\n".join(words)))
                result = WorkResult(Outcome.FAILED, None, failures[-1])
            else:
                result = WorkResult(Outcome.DONE)
            self._ended(step, action, work.node, attempt, result)
        return failures

    def _ended(
        self, step: Step, action: Action, node: str, attempt: int, result: WorkResult
    ) -> None:
        message = result.failure.message if result.failure else ""
        self._write(
            JournalEvent.ACTION_ENDED,
            step=step.id,
            action=action.id,
            node=node,
            attempt=attempt,
            outcome=result.outcome.value,
            exit_status=result.exit_status,
            message=message or None,
        )
        self._emit(ActionEnded(_now(), step.id, action.id, node, result.outcome, message))

    def _say(self, node: str, stream: Stream, lines: Sequence[str]) -> None:
        trouble = self._record.log(node, lines)
        self._emit(Output(_now(), node, stream, tuple(lines)))
        if trouble is not None:
            self._emit(Output(_now(), node, Stream.NOTE, (trouble,)))

    def _write(self, event: JournalEvent, **fields: str | int | None) -> None:
        self._record.journal.append(JournalEntry(event, **fields))  # type: ignore[arg-type]

    def _emit(self, event: Event) -> None:
        try:
            self._listener(event)
        except OSError:
            # A terminal or a pipe that went away: the journal and the logs still say everything,
            # and half a restore is worse than one that nobody sees.
            return

    def _last_words(self, outcome: Outcome) -> str:
        if outcome is Outcome.DONE:
            return (
                f"The restore is done. The old data is kept on every node; {self.log_path} "
                "holds the journal and the logs."
            )
        holds = self._holds_now
        if self._under_way is not None:
            holds = f"It stopped inside “{self._under_way.title}”. Before that: {holds}"
        return (
            f"{holds} Nothing was deleted. The way back, script by script, is in "
            f"{self._record.way_back}; the journal and the logs are in {self.log_path}."
        )


def _now() -> datetime:
    return datetime.now(UTC)
