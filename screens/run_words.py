"""What the restore screen says of a restore, of one taken up again, and of the way back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from recovery.restore.events import Outcome

_RESTORE = {
    Outcome.DONE: "The restore is done.",
    Outcome.SHORT: "The restore is done, but for what a resumed run does.",
    Outcome.FAILED: "The restore stopped at a failure.",
    Outcome.REFUSED: "You said no: the restore ended there.",
    Outcome.ABORTED: "The restore was stopped.",
    Outcome.SKIPPED: "The restore was skipped.",
    Outcome.ALREADY_DONE: "There was nothing left to do.",
}

_BACK = {
    Outcome.DONE: "Rolled back: the cluster is as it was before the restore.",
    Outcome.SHORT: "Rolled back on the nodes that can be reached.",
    Outcome.FAILED: "The way back stopped at a failure.",
    Outcome.REFUSED: "You said no: nothing was rolled back.",
    Outcome.ABORTED: "The way back was stopped.",
    Outcome.SKIPPED: "The way back was skipped.",
    Outcome.ALREADY_DONE: "There was nothing to roll back.",
}


@dataclass(frozen=True, slots=True)
class RunWords:
    """The words for one kind of run."""

    doing: str
    """In the top line: `RESTORING`."""
    back: bool = False
    """Whether it leads back, so that no proof of health follows."""
    endings: Mapping[Outcome, str] = field(default_factory=lambda: _RESTORE)
    beginning: str = "The run begins."
    """What happens before its first step."""
    stood: str = "Nothing was written."
    """What holds before it: not nothing, where an earlier part of the run has written."""
    behind: frozenset[str] = frozenset()
    """Steps that the earlier part has done: while these are looked at again, that still holds."""
    began: datetime | None = None
    """When the earlier part began; None where there is none."""
    first_starts: Mapping[str, datetime] = field(default_factory=dict)
    """When it first began each of its steps."""


RESTORING = RunWords("RESTORING")
RESUMING = RunWords("RESUMING", beginning="The run is taken up again.")
ROLLING_BACK = RunWords("ROLLING BACK", back=True, endings=_BACK, beginning="The way back begins.")
