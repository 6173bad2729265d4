"""How far a run came: what is done, what is under way, what is next, and what can be done now."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from recovery.restore.past_runs import PastRun
from recovery.restore.plan import Plan


class StepState(enum.Enum):
    """How far one step came."""

    DONE = "done"
    UNDER_WAY = "under-way"
    FAILED = "failed"
    SKIPPED = "skipped"
    OPEN = "open"


@dataclass(frozen=True, slots=True)
class StepStanding:
    """One step of an earlier run."""

    id: str
    title: str
    state: StepState
    nodes_open: tuple[str, ...] = ()
    """Nodes on which something of it is still to be done."""


@dataclass(frozen=True, slots=True)
class RunStanding:
    """An earlier run and what can be done about it."""

    run: PastRun
    plan: Plan
    steps: tuple[StepStanding, ...]
    under_way: tuple[str, ...]
    """What had begun and whose end is not written down, for example `stop kubelet on etcd-2`."""
    next: str
    """The title of the step that a resumed run begins with; empty where nothing is left."""
    holds: str
    """What holds now, in a sentence or two."""
    left_out: tuple[str, ...] = ()
    """Nodes that a resumed run will bring in."""
    resume_refused: str = ""
    """Why it cannot be resumed; empty where it can."""
    roll_back_refused: str = ""
    clean_refused: str = ""
