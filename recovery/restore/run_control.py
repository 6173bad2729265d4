"""What a screen may do with a run under way."""

from __future__ import annotations

from recovery.health.expected import Expected
from recovery.restore.events import Outcome
from recovery.restore.plan import Plan


class RestoreRun:
    """One execution of a plan."""

    plan: Plan
    """What it executes; a rollback's plan has steps of its own."""
    run_id: str
    log_path: str
    """The directory on this machine that holds the journal, the logs and the runbook."""

    expected: Expected | None = None
    """What the cluster must hold in the end; None where nobody knows."""

    async def execute(self) -> Outcome:
        """Do the plan, asking the operator; returns DONE, FAILED, REFUSED or ABORTED."""
        raise NotImplementedError

    def pause(self) -> None:
        """Hold before the next action; the one under way goes on to its end."""
        raise NotImplementedError

    def go_on(self) -> None:
        """Take up a paused run again."""
        raise NotImplementedError

    def abort(self) -> None:
        """Stop before the next action; nothing is cut off in the middle."""
        raise NotImplementedError

    @property
    def paused(self) -> bool:
        """Whether it holds, or will hold before the next action."""
        raise NotImplementedError
