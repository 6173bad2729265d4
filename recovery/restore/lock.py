"""The lock of a cluster, as its nodes hold it: who works on it, and whether they still do."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from recovery.errors import RefusedError


class HolderState(enum.Enum):
    """Whether the program that took the lock still runs."""

    ALIVE = "alive"
    SILENT = "silent"
    """It has not given a sign of life for a while; nobody knows."""
    DEAD = "dead"
    """It ran on this machine, and is gone."""


@dataclass(frozen=True, slots=True)
class LockHolder:
    """Whoever holds the lock."""

    cluster: str
    run_id: str
    operator: str
    """`user@host` of the program that took it."""
    since: str
    """RFC 3339 UTC."""
    doing: str
    """The step under way when it last gave a sign of life."""
    heard: float
    """Seconds since that sign, by the node's own clock."""
    node: str
    """The node that told."""
    state: HolderState
    token: str = ""
    """Tells one taking of the lock from every other."""

    def in_words(self) -> str:
        """One sentence for a person."""
        return (
            f"{self.operator} has been working on {self.cluster} since {self.since} "
            f"({self.doing}; last sign of life {self.heard:.0f} s ago)"
        )


class LockedError(RefusedError):
    """Somebody else works on this cluster."""

    def __init__(self, holder: LockHolder) -> None:
        self.holder = holder
        remedy = {
            HolderState.ALIVE: "speak to them; watch their run, or take over with --take-over",
            HolderState.SILENT: "speak to them; if their program is gone, add --take-over",
            HolderState.DEAD: "their program is gone: add --take-over",
        }[holder.state]
        super().__init__(holder.in_words(), where=holder.node, remedy=remedy)
