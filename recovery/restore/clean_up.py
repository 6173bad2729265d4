"""What a run has left on the nodes, and what comes free when it is deleted."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Cleared:
    """What is deleted on one node."""

    node: str
    paths: tuple[str, ...]
    size: int
    """Bytes that come free."""


@dataclass(frozen=True, slots=True)
class CleanUp:
    """What cleaning up after a run deletes. Nothing is deleted by weighing it."""

    run_id: str
    cluster: str
    nodes: tuple[Cleared, ...]

    @property
    def size(self) -> int:
        """Bytes that come free on all nodes together."""
        return sum(node.size for node in self.nodes)
