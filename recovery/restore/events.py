"""What a run says while it goes: screens draw these, the command line prints them, one by one."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from datetime import datetime


class Outcome(enum.Enum):
    """How a step, an action on a node, or a run ended."""

    DONE = "done"
    ALREADY_DONE = "already-done"
    FAILED = "failed"
    SKIPPED = "skipped"
    REFUSED = "refused"
    ABORTED = "aborted"
    SHORT = "short"
    """Done but for nodes out of reach or an alarm that stays; a resumed run does the rest."""


class Stream(enum.Enum):
    """Where a line of output came from."""

    COMMAND = "command"
    """A line of the script that is about to run, shown with `$ `."""
    OUT = "out"
    ERR = "err"
    NOTE = "note"
    """etcd-rescue's own words."""


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened at `at` (UTC)."""

    at: datetime


@dataclass(frozen=True, slots=True)
class RunStarted(Event):
    """The run begins; `journal` and `log` are paths on this machine."""

    run_id: str
    journal: str
    log: str


@dataclass(frozen=True, slots=True)
class StepStarted(Event):
    """A step begins."""

    step: str


@dataclass(frozen=True, slots=True)
class StepEnded(Event):
    """A step ended."""

    step: str
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class ActionStarted(Event):
    """An action begins on a node."""

    step: str
    action: str
    node: str


@dataclass(frozen=True, slots=True)
class ActionEnded(Event):
    """An action ended on a node; `message` says why where it did not go well."""

    step: str
    action: str
    node: str
    outcome: Outcome
    message: str = ""


@dataclass(frozen=True, slots=True)
class Output(Event):
    """Whole lines from a node, already free of control sequences. Plain text, never markup."""

    node: str
    stream: Stream
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TransferProgress(Event):
    """Bytes that have arrived of a file on its way to a node."""

    node: str
    what: str
    done: int
    total: int


@dataclass(frozen=True, slots=True)
class GateAsked(Event):
    """The run waits for a person's answer."""

    gate: str


@dataclass(frozen=True, slots=True)
class GateAnswered(Event):
    """A person answered."""

    gate: str
    granted: bool


@dataclass(frozen=True, slots=True)
class RunEnded(Event):
    """The run is over; `message` says what holds now and what to do next."""

    outcome: Outcome
    message: str
