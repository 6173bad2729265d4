"""Which keys of the restore screen fit the state of its run, and why the others do not."""

from __future__ import annotations

from dataclasses import dataclass

from recovery.restore.events import Outcome


@dataclass(frozen=True, slots=True)
class RunStage:
    """Where a run stands, as far as keys go. `outcome` is None while it is under way."""

    outcome: Outcome | None
    aborting: bool = False
    """Whether it was told to stop, and still brings an action to its end."""
    way_back: bool = False
    """Whether it leads an earlier run back."""

    @property
    def over(self) -> bool:
        """Whether nothing is under way any more."""
        return self.outcome is not None

    @property
    def done(self) -> bool:
        """Whether all was done."""
        return self.outcome is Outcome.DONE

    def refusal(self, action: str) -> str:
        """Why the action cannot be done now; empty where it can."""
        match action:
            case "pause" | "abort" if self.over:
                return "The run is over."
            case "abort" if self.aborting:
                return "It stops before the next action."
            case "health" if not self.done:
                return "Health follows when the run is done."
            case "roll_back" | "resume" if self.way_back:
                return "The way back is taken up again from the runs (home, then u)."
            case "roll_back" if not self.over and self.aborting:
                return "It stops before the next action."
            case "resume" if not self.over or self.done:
                return "There is nothing to take up."
            case "back" if not self.over:
                return "The run goes on; x stops it, p holds it."
        return ""

    def has(self, action: str) -> bool:
        """Whether the key is there at all: those of a run under way go when it is over."""
        match action:
            case "pause" | "abort":
                return not self.over
            case "health":
                return self.done and not self.way_back
            case "resume":
                return self.over and not self.done and not self.way_back
            case "roll_back":
                return not self.way_back
        return True
