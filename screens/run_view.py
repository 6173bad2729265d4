"""A run as a person sees it: built from its events alone, without a screen."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from datetime import datetime

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
from recovery.restore.plan import Plan, Risk, Step
from screens.marks import OF_OUTCOME, Mark
from screens.run_words import RESTORING, RunWords

KEPT_LINES = 5000
"""Lines of a node's output that are kept for the screen; the log has them all."""

_RATE_WINDOW = 5.0


@dataclass
class Transfer:
    """A file on its way to a node. Bytes."""

    what: str
    done: int = 0
    total: int = 0
    samples: deque[tuple[datetime, int]] = field(default_factory=deque)

    def arrived(self, at: datetime, done: int, total: int) -> None:
        """Note how far it has come."""
        self.done, self.total = done, total
        self.samples.append((at, done))
        while len(self.samples) > 2 and (at - self.samples[0][0]).total_seconds() > _RATE_WINDOW:
            self.samples.popleft()

    @property
    def rate(self) -> float:
        """Bytes a second over the last seconds; 0 where that is not known yet."""
        (first, done), (last, more) = self.samples[0], self.samples[-1]
        seconds = (last - first).total_seconds()
        return (more - done) / seconds if seconds > 0 else 0.0

    @property
    def complete(self) -> bool:
        """Whether all of it has arrived."""
        return bool(self.total) and self.done >= self.total

    @property
    def seconds_left(self) -> float | None:
        """None where it cannot be known."""
        rate = self.rate
        return (self.total - self.done) / rate if rate > 0 and self.total else None


@dataclass
class StepView:
    """One step: its mark and its times."""

    step: Step
    mark: Mark = Mark.WAITING
    started: datetime | None = None
    ended: datetime | None = None


@dataclass
class NodeView:
    """One node: its mark in the action at hand, that action, and output not yet drawn."""

    name: str
    mark: Mark = Mark.WAITING
    action: str = ""
    message: str = ""
    transfer: Transfer | None = None
    waiting_output: deque[tuple[Stream, tuple[str, ...]]] = field(default_factory=deque)
    waiting_lines: int = 0

    def heard(self, stream: Stream, lines: tuple[str, ...]) -> None:
        """Keep output until the screen takes it; the oldest goes when the screen is slow."""
        self.waiting_output.append((stream, lines))
        self.waiting_lines += len(lines)
        while self.waiting_lines > KEPT_LINES and len(self.waiting_output) > 1:
            self.waiting_lines -= len(self.waiting_output.popleft()[1])

    def take_output(self) -> list[tuple[Stream, tuple[str, ...]]]:
        """All output since the last call."""
        taken = list(self.waiting_output)
        self.waiting_output.clear()
        self.waiting_lines = 0
        return taken


class RunView:
    """Takes a run's events in; says what a screen shows of it."""

    def __init__(self, plan: Plan, words: RunWords = RESTORING) -> None:
        self.plan = plan
        self.words = words
        self.steps = [StepView(step) for step in plan.steps]
        names = dict.fromkeys((*plan.nodes, *plan.absent))
        for step in plan.steps:
            for action in step.actions:
                names.update(dict.fromkeys(action.nodes))
        self.nodes = {name: NodeView(name) for name in names}
        self.current: StepView | None = None
        self.started: datetime | None = None
        self.ended: datetime | None = None
        self.outcome: Outcome | None = None
        self.message = ""
        self.log = ""
        self.journal = ""
        self.gate: str | None = None
        self.version = 0
        """Counts every event that is not output; a screen redraws when it has changed."""
        self._titles = {
            (step.id, action.id): action.title for step in plan.steps for action in step.actions
        }

    @property
    def under_way(self) -> bool:
        """Whether it has begun and not ended."""
        return self.started is not None and self.outcome is None

    @property
    def position(self) -> int:
        """The number of the step at hand, from 1; 0 before the first."""
        return self.steps.index(self.current) + 1 if self.current is not None else 0

    @property
    def holds(self) -> str:
        """What holds if one stops now: what the last step left, and whether one was begun since."""
        current = self.current
        if current is None or current.step.id in self.words.behind:
            return self.words.stood
        done = [view.step.safe_after for view in self.steps if view.mark is Mark.OK]
        before = next((words for words in reversed(done) if words), self.words.stood)
        if current.mark is Mark.OK or current.step.risk is Risk.READ:
            return before
        return f"Step {self.position} is partly done. Before it: {before}"

    def elapsed(self, now: datetime) -> float:
        """Seconds since it began, or was taken up again, up to its end."""
        return 0.0 if self.started is None else ((self.ended or now) - self.started).total_seconds()

    def total(self, now: datetime) -> float:
        """The same since it first began, however often it was taken up."""
        if self.words.began is None:
            return self.elapsed(now)
        return ((self.ended or now) - self.words.began).total_seconds()

    def api_down(self) -> float | None:
        """Seconds from the first start of the first to the end of the last step behind a DANGER
        gate; in a run that was taken up again the API was down meanwhile."""
        for gate in self.plan.gates:
            if gate.risk is Risk.DESTROY and gate.steps:
                first, last = (self._view(gate.steps[index]) for index in (0, -1))
                began = self.words.first_starts.get(first.step.id, first.started)
                if began is not None and last.ended is not None:
                    return (last.ended - began).total_seconds()
        return None

    def take(self, event: Event) -> None:
        """Take an event in. Cheap: it may be called 100 000 times a second."""
        if isinstance(event, Output):
            self._node(event.node).heard(event.stream, event.lines)
            return
        self.version += 1
        match event:
            case TransferProgress():
                self._transfer(event)
            case ActionStarted():
                node = self._node(event.node)
                node.mark, node.message, node.transfer = Mark.RUNNING, "", None
                node.action = self._titles.get((event.step, event.action), event.action)
            case ActionEnded():
                node = self._node(event.node)
                node.mark, node.message = OF_OUTCOME[event.outcome], event.message
            case StepStarted():
                self._step_started(event)
            case StepEnded():
                view = self._view(event.step)
                view.mark, view.ended = OF_OUTCOME[event.outcome], event.at
            case GateAsked():
                self.gate = event.gate
            case GateAnswered():
                self.gate = None
            case RunStarted():
                self.started, self.log, self.journal = event.at, event.log, event.journal
            case RunEnded():
                self.ended, self.outcome, self.message = event.at, event.outcome, event.message
            case _:
                pass

    def broke_off(self, at: datetime, message: str) -> None:
        """The run ended without saying so: an error of this program, not of the cluster."""
        self.version += 1
        self.started = self.started or at
        self.ended, self.outcome, self.message = at, Outcome.FAILED, message

    def _step_started(self, event: StepStarted) -> None:
        self.current = self._view(event.step)
        self.current.mark, self.current.started = Mark.RUNNING, event.at
        for node in self.nodes.values():
            node.mark, node.action, node.message, node.transfer = Mark.WAITING, "", "", None

    def _transfer(self, event: TransferProgress) -> None:
        node = self._node(event.node)
        if node.transfer is None or node.transfer.what != event.what:
            node.transfer = Transfer(event.what)
        node.transfer.arrived(event.at, event.done, event.total)

    def _node(self, name: str) -> NodeView:
        return self.nodes.setdefault(name, NodeView(name))

    def _view(self, step: str) -> StepView:
        return next(view for view in self.steps if view.step.id == step)
