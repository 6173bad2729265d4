"""A scripted run: the events of a restore, fast and always the same."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

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
from recovery.restore.lock import LockedError, LockHolder
from recovery.restore.operator import ActionFailure, Decision, NodeFailure, Operator
from recovery.restore.plan import Action, Plan, Step
from recovery.restore.run_control import RestoreRun

START = datetime(2026, 11, 22, 13, 58, 48, tzinfo=UTC)


@dataclass
class Script:
    """How the run goes."""

    fail_at: str = ""
    """The id of an action that fails on its second node, once."""
    hold_at: str = ""
    """The id of an action in whose middle the run waits for `release`."""
    release: asyncio.Event = field(default_factory=asyncio.Event)
    crash: Exception | None = None
    locked_by: LockHolder | None = None
    can_go_on_without: bool = False


class CannedRun(RestoreRun):
    """Emits what a restore would. Every step takes some seconds of its own clock."""

    def __init__(
        self,
        plan: Plan,
        operator: Operator,
        listener: Callable[[Event], None],
        script: Script,
        ended: Callable[[Outcome], None],
        pace: float,
    ) -> None:
        self.plan = plan
        self.run_id = plan.run_id
        self.log_path = "/home/ops/.local/state/etcd-rescue/runs/7f3a"
        self._plan = plan
        self._operator = operator
        self.listen = listener
        self._script = script
        self._ended = ended
        self._pace = pace
        self._clock = START
        self._may_go = asyncio.Event()
        self._may_go.set()
        self._aborted = False
        self._failed_once = False

    @property
    def paused(self) -> bool:
        """Whether it holds."""
        return not self._may_go.is_set()

    def pause(self) -> None:
        """Hold before the next action."""
        self._may_go.clear()

    def go_on(self) -> None:
        """Go on."""
        self._may_go.set()

    def abort(self) -> None:
        """Stop before the next action."""
        self._aborted = True
        self._may_go.set()

    def _at(self, seconds: float = 0.0) -> datetime:
        self._clock += timedelta(seconds=seconds)
        return self._clock

    async def execute(self) -> Outcome:
        """Every step, or as far as it comes."""
        if self._script.locked_by is not None:
            raise LockedError(self._script.locked_by)
        self.listen(RunStarted(self._at(), self.run_id, f"{self.log_path}/journal", self.log_path))
        outcome, holds = Outcome.DONE, "Nothing was written."
        for step in self._plan.steps:
            outcome = await self._step(step)
            if outcome is not Outcome.DONE:
                break
            holds = step.safe_after
        message = f"The journal and the logs are in {self.log_path}."
        if outcome is not Outcome.DONE:
            message = f"{holds} The way back is in {self.log_path}/way-back.md."
        self.listen(RunEnded(self._at(1), outcome, message))
        self._ended(outcome)
        return outcome

    async def _step(self, step: Step) -> Outcome:
        gate = self._plan.gate_before(step.id)
        if gate is not None:
            self.listen(GateAsked(self._at(), gate.id))
            granted = await self._operator.consent(self._plan, gate)
            self.listen(GateAnswered(self._at(2), gate.id, granted))
            if not granted:
                return Outcome.REFUSED
        self.listen(StepStarted(self._at(), step.id))
        outcome = Outcome.DONE
        for action in step.actions:
            await self._may_go.wait()
            outcome = Outcome.ABORTED if self._aborted else await self._action(step, action)
            if outcome is not Outcome.DONE:
                break
        self.listen(StepEnded(self._at(1), step.id, outcome))
        return outcome

    async def _action(self, step: Step, action: Action) -> Outcome:
        if self._script.crash is not None and step.id == "stage":
            raise self._script.crash
        for node in action.nodes:
            self.listen(ActionStarted(self._at(), step.id, action.id, node))
            self._say(node, Stream.NOTE, action.title)
        for work in action.works:
            for text in work.script.splitlines():
                if text.startswith("run "):
                    self._say(work.node, Stream.COMMAND, f"$ {text[4:]}")
        if action.id == "deliver-snapshot":
            await self._deliver(action)
        if action.id == self._script.hold_at:
            self._say(action.nodes[0], Stream.OUT, "waiting for port 2380 to be free")
            self._say(action.nodes[-1], Stream.ERR, "crictl: no such container")
            await self._script.release.wait()
        await asyncio.sleep(self._pace)
        if action.id == self._script.fail_at and not self._failed_once:
            self._failed_once = True
            return await self._fail(step, action)
        for node in action.nodes:
            self._say(node, Stream.OUT, "done")
            self.listen(ActionEnded(self._at(1), step.id, action.id, node, Outcome.DONE))
        return Outcome.DONE

    async def _deliver(self, action: Action) -> None:
        total = 212 * 1024 * 1024
        for share in (8, 31, 62, 100):
            for index, node in enumerate(action.nodes):
                done = total * max(0, share - 4 * index * (share < 100)) // 100
                self.listen(TransferProgress(self._at(0.4), node, "snapshot", done, total))
            if share == 62 and self._script.hold_at == "deliver-snapshot":
                await self._script.release.wait()
            await asyncio.sleep(self._pace)

    async def _fail(self, step: Step, action: Action) -> Outcome:
        node = action.nodes[min(1, len(action.nodes) - 1)]
        text = "mv: cannot move '/var/lib/etcd/member': Read-only file system"
        self._say(node, Stream.ERR, text)
        for other in action.nodes:
            outcome = Outcome.FAILED if other == node else Outcome.DONE
            self.listen(ActionEnded(self._at(1), step.id, action.id, other, outcome, text))
        failure = NodeFailure(node, f"the script ended with status 1: {text}", 1, f"$ mv …\n{text}")
        without = self._script.can_go_on_without
        choice = await self._operator.decide(
            self._plan, ActionFailure(step, action, (failure,), 1, without)
        )
        if choice.decision is Decision.ABORT:
            return Outcome.FAILED
        left = (Decision.SKIP, Decision.WITHOUT)
        outcome = Outcome.SKIPPED if choice.decision in left else Outcome.DONE
        self.listen(ActionEnded(self._at(1), step.id, action.id, node, outcome, choice.reason))
        return Outcome.DONE

    def _say(self, node: str, stream: Stream, *lines: str) -> None:
        self.listen(Output(self._at(), node, stream, lines))
