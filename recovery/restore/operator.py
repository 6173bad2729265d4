"""The person at the keyboard, as a run sees them: someone who consents, and decides on failure."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Protocol

from recovery.restore.plan import Action, Gate, Plan, Step


class Decision(enum.Enum):
    """What to do about an action that failed."""

    RETRY = "retry"
    SKIP = "skip"
    WITHOUT = "without"
    """Go on without the nodes on which it failed; a resumed run brings them in."""
    ABORT = "abort"


@dataclass(frozen=True, slots=True)
class NodeFailure:
    """How an action failed on one node."""

    node: str
    message: str
    exit_status: int | None
    """None: nobody knows how it ended (a lost connection, a timeout)."""
    output: str
    """The last lines of its output, free of control sequences."""


@dataclass(frozen=True, slots=True)
class ActionFailure:
    """An action that failed on at least one node."""

    step: Step
    action: Action
    failures: tuple[NodeFailure, ...]
    attempt: int
    can_go_on_without: bool = False
    """Whether the other nodes are enough to go on, so that these can be brought in later."""


@dataclass(frozen=True, slots=True)
class Choice:
    """A decision, with the person's reason where they skip."""

    decision: Decision
    reason: str = ""


class Operator(Protocol):
    """Whoever answers a run's questions: dialogs on the screen, or the command line's arguments."""

    async def consent(self, plan: Plan, gate: Gate) -> bool:
        """Whether the steps that the gate covers may be done."""
        ...

    async def decide(self, plan: Plan, failure: ActionFailure) -> Choice:
        """What to do after an action failed."""
        ...
