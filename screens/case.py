"""What all screens on one incident share: the incident, what it has answered, and the clock."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic

from recovery.backups.model import Catalog, Integrity, Snapshot
from recovery.cluster.facts import ClusterFacts
from recovery.errors import RescueError, SnapshotError
from recovery.incident import Incident
from recovery.snapshots.comparison import Comparison
from recovery.snapshots.model import FetchedSnapshot
from screens.marks import OF_CLUSTER, OF_INTEGRITY, Mark
from screens.run_view import RunView


def utc_now() -> datetime:
    """The clock that the screens read."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Moving:
    """How far a fetch or a verification has come. Bytes; `total` is 0 where unknown."""

    what: str
    done: int
    total: int

    @property
    def words(self) -> str:
        """`62 %`, or what is being done where there is nothing to divide."""
        return f"{min(100, self.done * 100 // self.total)} %" if self.total else self.what


@dataclass
class Case:
    """One incident on the screens. Nothing here decides; it remembers what the engine said."""

    incident: Incident
    clock: Callable[[], datetime] = utc_now
    seconds: Callable[[], float] = monotonic
    """For rates and elapsed time."""
    exports: Path = field(default_factory=Path.cwd)
    """The directory that `e` writes to."""
    health_pause: float = 3.0
    """Seconds between two looks while waiting for health."""
    log_path: Path | None = None
    """The file that unexpected errors are written to."""
    tick: float = 0.5
    """Seconds between two redraws of clocks and percentages."""
    node_words: dict[str, str] = field(default_factory=dict)
    fetched: dict[str, FetchedSnapshot] = field(default_factory=dict)
    failures: dict[str, RescueError] = field(default_factory=dict)
    comparisons: dict[tuple[str, str], Comparison] = field(default_factory=dict)
    """By the names of the older and the newer snapshot."""
    moving: dict[str, Moving] = field(default_factory=dict)
    run: RunView | None = None
    recovered: bool = False
    """Whether a run's end was proven by every check."""
    stale: bool = False
    """Whether the cluster was changed since it was looked at."""
    _locks: dict[str, asyncio.Lock] = field(default_factory=dict)

    @property
    def cluster_name(self) -> str:
        """As the inventory has it, and as a person must type it."""
        return self.incident.cluster.name

    @property
    def node_names(self) -> tuple[str, ...]:
        """The control-plane nodes, in the inventory's order."""
        return tuple(node.name for node in self.incident.cluster.control_plane)

    @property
    def has_s3(self) -> bool:
        """Whether there can be copies in S3."""
        spec = self.incident.cluster.backup
        return spec is not None and spec.s3 is not None

    @property
    def run_under_way(self) -> bool:
        """Whether a run has begun and not ended."""
        return self.run is not None and self.run.under_way

    async def look(self, changed: Callable[[], None]) -> ClusterFacts:
        """Ask all nodes; `changed` is called as each answers."""

        def heard(node: str, words: str) -> None:
            self.node_words[node] = words
            changed()

        return await self.incident.look(heard)

    async def verified(self, snapshot: Snapshot) -> FetchedSnapshot:
        """The snapshot fetched and judged, once, however many screens ask.

        Raises RescueError where it cannot be fetched or unpacked.
        """
        lock = self._locks.setdefault(snapshot.name, asyncio.Lock())
        async with lock:
            if snapshot.name in self.fetched:
                return self.fetched[snapshot.name]

            def progress(what: str, done: int, total: int) -> None:
                self.moving[snapshot.name] = Moving(what, done, total)

            progress("fetching", 0, 0)
            try:
                fetched = await self.incident.verify(snapshot, progress)
            except RescueError as error:
                self.failures[snapshot.name] = error
                raise
            finally:
                self.moving.pop(snapshot.name, None)
            self.failures.pop(snapshot.name, None)
            self.fetched[snapshot.name] = fetched
            return fetched

    def known(self, snapshot: Snapshot) -> tuple[Mark, str]:
        """A snapshot's integrity as it stands now: its mark and a few words."""
        if snapshot.name in self.moving:
            return Mark.RUNNING, self.moving[snapshot.name].words
        if not snapshot.copies:
            return Mark.SKIPPED, "no file"
        error = self.failures.get(snapshot.name)
        if error is not None and snapshot.integrity is Integrity.UNVERIFIED:
            return Mark.FAILED, "unusable" if isinstance(error, SnapshotError) else "not fetched"
        mark, word = OF_INTEGRITY[self.integrity(snapshot)]
        if snapshot.reason is not None and mark is not Mark.FAILED:
            return Mark.FAILED, "unusable"
        return mark, word

    def integrity(self, snapshot: Snapshot) -> Integrity:
        """What the catalog says, or what verifying it here has told since."""
        fetched = self.fetched.get(snapshot.name)
        if fetched is not None and snapshot.integrity is Integrity.UNVERIFIED:
            return fetched.verdict.integrity
        return snapshot.integrity

    def newest_verified(self, catalog: Catalog | None) -> Snapshot | None:
        """The newest usable snapshot whose hash matches, if one is known by now."""
        for snapshot in catalog.snapshots if catalog else ():
            if snapshot.usable and self.integrity(snapshot) is Integrity.VERIFIED:
                return snapshot
        return None

    def node_mark(self, name: str) -> Mark:
        """A control-plane node's mark from the latest facts."""
        facts = self.incident.facts
        if facts is None:
            return Mark.RUNNING
        if name in facts.unreachable:
            return Mark.FAILED
        member = facts.members.get(name)
        if member is not None:
            return Mark.OK if member.leader_id else Mark.WARNING
        return Mark.FAILED if name in facts.silent or name in facts.nodes else Mark.RUNNING

    def label(self) -> tuple[Mark, str]:
        """The diagnosis for the top line."""
        diagnosis = self.incident.diagnosis
        return OF_CLUSTER[diagnosis.state], diagnosis.label
