"""One cluster under care: what screens and commands ask of the engine, in one place.

An `Incident` owns the sessions to the nodes and the stores, remembers the latest facts and the
catalog, and hands out plans, runs and health reports. It decides nothing and draws nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import Self

from recovery.backups.model import Catalog, Snapshot
from recovery.cluster.facts import ClusterFacts, Diagnosis
from recovery.health.model import Check, HealthReport
from recovery.inventory.model import Cluster
from recovery.restore.events import Event
from recovery.restore.operator import Operator
from recovery.restore.plan import Plan
from recovery.restore.run_control import RestoreRun
from recovery.snapshots.model import FetchedSnapshot

Progress = Callable[[str, int, int], None]
"""Called with what is moving, bytes done, and bytes in all (0 where unknown)."""


class Incident:
    """One cluster under care. Use as an async context manager, so that sessions are closed."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self.facts: ClusterFacts | None = None
        self.catalog: Catalog | None = None
        self.preflight_checks: tuple[Check, ...] = ()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close every session and tunnel."""
        raise NotImplementedError

    @property
    def diagnosis(self) -> Diagnosis:
        """The diagnosis from the latest facts; state UNKNOWN before the first look."""
        raise NotImplementedError

    async def look(self, on_node: Callable[[str, str], None] | None = None) -> ClusterFacts:
        """Ask all nodes and members; never raises for a node that is down.

        `on_node` hears a node's name and a few words ("etcd running, no leader", "unreachable")
        as each answers.
        """
        raise NotImplementedError

    async def list_snapshots(self, on_update: Callable[[Catalog], None] | None = None) -> Catalog:
        """List every store and the records; `on_update` hears the catalog as it grows."""
        raise NotImplementedError

    async def verify(self, snapshot: Snapshot, progress: Progress | None = None) -> FetchedSnapshot:
        """Fetch the snapshot here, unpack and verify it; the catalog learns the answer.

        Raises SnapshotError where no copy of it can be fetched or unpacked. A corrupt one is no
        exception: the verdict says so.
        """
        raise NotImplementedError

    async def preflight(
        self, fetched: FetchedSnapshot, on_check: Callable[[Check], None] | None = None
    ) -> tuple[Check, ...]:
        """Look again, and judge whether a restore of this snapshot can go well."""
        raise NotImplementedError

    def plan(self, fetched: FetchedSnapshot) -> Plan:
        """The plan for this snapshot from the latest facts; raises RefusedError where none is."""
        raise NotImplementedError

    def restore(
        self,
        plan: Plan,
        fetched: FetchedSnapshot,
        operator: Operator,
        listener: Callable[[Event], None],
    ) -> RestoreRun:
        """A run of the plan, not yet started. The listener is called on the event loop's thread."""
        raise NotImplementedError

    async def health(
        self,
        fetched: FetchedSnapshot | None = None,
        on_check: Callable[[Check], None] | None = None,
    ) -> HealthReport:
        """The final checks, once; compared with the snapshot where one is given."""
        raise NotImplementedError
