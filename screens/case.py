"""What all screens on one incident share: the incident, what it has answered, and the clock."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING

from recovery.backups.best_first import best_first
from recovery.backups.model import Catalog, Copy, Integrity, Snapshot
from recovery.backups.newest_state import (
    NewestState,
    newest_state,
    of_a_new_beginning,
    revision_of,
)
from recovery.backups.same_backup import siblings_of
from recovery.cluster.facts import ClusterFacts
from recovery.errors import RescueError, SnapshotError
from recovery.incident import Incident, Looked, Progress
from recovery.restore.circumstances import Told
from recovery.snapshots.comparison import Comparison
from recovery.snapshots.model import FetchedSnapshot, JudgedSnapshot
from screens.marks import OF_CLUSTER, OF_INTEGRITY, Mark
from screens.run_view import RunView

if TYPE_CHECKING:
    from recovery.rehearsal.trial.kept_trials import KeptTrial
    from recovery.rehearsal.trial.model import TrialReport
    from recovery.snapshots.key_catalog import SnapshotKeys


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
    health_refresh: float = 30.0
    """Seconds between two looks at a cluster's health that nobody waits for."""
    log_path: Path | None = None
    """The file that unexpected errors are written to."""
    tick: float = 0.5
    """Seconds between two redraws of clocks and percentages."""
    node_words: dict[str, str] = field(default_factory=dict)
    fetched: dict[str, FetchedSnapshot] = field(default_factory=dict)
    judged: dict[str, JudgedSnapshot] = field(default_factory=dict)
    """What is known of snapshots by name, whether or not they were fetched."""
    failures: dict[str, RescueError] = field(default_factory=dict)
    comparisons: dict[tuple[str, str], Comparison] = field(default_factory=dict)
    """By the names of the older and the newer snapshot."""
    trials: dict[str, TrialReport] = field(default_factory=dict)
    """What rehearsing a snapshot has shown in this session, by its name."""
    stored_keys: dict[str, SnapshotKeys] = field(default_factory=dict)
    """All keys of the snapshot that was searched last: they may take a hundred MiB."""
    moving: dict[str, Moving] = field(default_factory=dict)
    run: RunView | None = None
    recovered: bool = False
    """Whether a run's end was proven by every check."""
    offered: bool = False
    """Whether a run that was left in the middle was offered, which is done once."""
    cleaned: set[str] = field(default_factory=set)
    """The ids of runs that were cleaned up in this session."""
    stale: bool = False
    """Whether the cluster was changed since it was looked at."""
    _locks: dict[str, asyncio.Lock] = field(default_factory=dict)
    _under_way: dict[str, object] = field(default_factory=dict)
    _read: dict[str, tuple[Copy, ...]] = field(default_factory=dict)
    """The copies that there were when a snapshot was read."""

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

        return await self.incident.look(heard, hasty=True)

    def forget(self, snapshot: Snapshot) -> None:
        """Have it read anew: it may have changed."""
        for known in (self.judged, self.fetched, self.failures, self._read, self.trials):
            known.pop(snapshot.name, None)
        self.stored_keys.pop(snapshot.name, None)
        for pair in [pair for pair in self.comparisons if snapshot.name in pair]:
            del self.comparisons[pair]

    def forget_what_changed(self) -> None:
        """What was read of copies that are others now, as a member's data is after a restore."""
        listed = self.incident.catalog.snapshots if self.incident.catalog is not None else ()
        for snapshot in listed:
            if self._read.get(snapshot.name, snapshot.copies) != snapshot.copies:
                self.forget(snapshot)

    async def judge(self, snapshot: Snapshot) -> JudgedSnapshot:
        """The snapshot judged, once, however many screens ask; where it lies, if that can be done.

        Raises RescueError where nobody can say what it is.
        """
        async with self._lock_of(snapshot):
            if snapshot.name not in self.judged:
                asking = self.incident.inspect(snapshot, self._progress_of(snapshot))
                self.judged[snapshot.name] = await self._told(snapshot, asking)
            return self.judged[snapshot.name]

    async def verified(self, snapshot: Snapshot) -> FetchedSnapshot:
        """The snapshot fetched and judged, once, however many screens ask.

        Raises RescueError where it cannot be fetched or unpacked.
        """
        async with self._lock_of(snapshot):
            if snapshot.name not in self.fetched:
                asking = self.incident.verify(snapshot, self._progress_of(snapshot))
                fetched = await self._told(snapshot, asking)
                self.fetched[snapshot.name] = fetched
                self.judged[snapshot.name] = fetched.judged
            return self.fetched[snapshot.name]

    async def ready(self, snapshot: Snapshot) -> JudgedSnapshot:
        """The snapshot judged for a restore: fetched where a node may need it from here.

        Raises RescueError where nobody can say what it is.
        """
        async with self._lock_of(snapshot):
            if snapshot.name in self.fetched:
                return self.fetched[snapshot.name].judged
            asking = self.incident.ready(snapshot, self._progress_of(snapshot))
            judged = await self._told(snapshot, asking)
            self.judged[snapshot.name] = judged
            return judged

    def _lock_of(self, snapshot: Snapshot) -> asyncio.Lock:
        if self._read.setdefault(snapshot.name, snapshot.copies) != snapshot.copies:
            self.forget(snapshot)
            self._read[snapshot.name] = snapshot.copies
        return self._locks.setdefault(snapshot.name, asyncio.Lock())

    def _progress_of(self, snapshot: Snapshot) -> Progress:
        self._under_way[snapshot.name] = under_way = object()

        def progress(what: str, done: int, total: int) -> None:
            # A thread may go on for a moment after its reading was stopped: nobody listens then.
            if self._under_way.get(snapshot.name) is under_way:
                self.moving[snapshot.name] = Moving(what, done, total)

        progress("reading", 0, 0)
        return progress

    async def _told(self, snapshot: Snapshot, asking: Awaitable[Looked]) -> Looked:
        try:
            answer = await asking
        except RescueError as error:
            self.failures[snapshot.name] = error
            raise
        finally:
            self._under_way.pop(snapshot.name, None)
            self.moving.pop(snapshot.name, None)
        self.failures.pop(snapshot.name, None)
        return answer

    async def keys_of(
        self, snapshot: Snapshot, progress: Callable[[int, int], None]
    ) -> SnapshotKeys:
        """All its live keys, read once. `progress` hears bytes.

        Raises RescueError where it cannot be fetched or read.
        """
        if snapshot.name not in self.stored_keys:
            fetched = await self.verified(snapshot)
            keys = await self.incident.keys_of(fetched, progress)
            self.stored_keys.clear()
            self.stored_keys[snapshot.name] = keys
        return self.stored_keys[snapshot.name]

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
        if snapshot.copies[0].in_use and self.integrity(snapshot) is Integrity.UNVERIFIED:
            word = "running"
        if snapshot.reason is not None and mark is not Mark.FAILED:
            return Mark.FAILED, "unusable"
        if snapshot.strange is not None and mark is not Mark.FAILED:
            sure = snapshot.strange.certain
            return (Mark.FAILED, "another's") if sure else (Mark.WARNING, "another's?")
        return mark, word

    def integrity(self, snapshot: Snapshot) -> Integrity:
        """What the catalog says, or what verifying it here has told since."""
        judged = self.judged.get(snapshot.name)
        if judged is not None and snapshot.integrity is Integrity.UNVERIFIED:
            return judged.verdict.integrity
        return snapshot.integrity

    def newest_verified(self, catalog: Catalog | None) -> Snapshot | None:
        """The newest usable backup whose hash matches, if one is known by now.

        Not one that seems to be another cluster's, or of a cluster which had begun anew.
        """
        for snapshot in best_first(catalog.snapshots if catalog else ()):
            sound = self.integrity(snapshot) is Integrity.VERIFIED
            if not snapshot.usable or not sound:
                continue
            if catalog is not None and not of_a_new_beginning(snapshot, catalog):
                return snapshot
        return None

    def trial(self, snapshot: Snapshot) -> TrialReport | KeptTrial | None:
        """What rehearsing it has shown, in this session or before."""
        judged = self.judged.get(snapshot.name)
        earlier = self.incident.earlier_trial(judged) if judged is not None else None
        return self.trials.get(snapshot.name, earlier)

    def siblings(self, snapshot: Snapshot) -> tuple[Snapshot, ...]:
        """The other files of the same backup, where each node wrote one of its own."""
        catalog = self.incident.catalog
        return siblings_of(snapshot, catalog.snapshots) if catalog is not None else ()

    @property
    def newest(self) -> NewestState | None:
        """The newest state that anybody is known to hold."""
        return newest_state(self.incident.catalog, self.incident.facts)

    def revision(self, snapshot: Snapshot) -> int | None:
        """A snapshot's revision, as soon as it is known."""
        return revision_of(snapshot, self.incident.facts)

    def changes_since(self, snapshot: Snapshot) -> Comparison | None:
        """What changed from it to the newest state, where somebody has compared them."""
        newest = self.newest
        if newest is None or newest.snapshot is None:
            return None
        return self.comparisons.get((snapshot.name, newest.snapshot.name))

    def told(self, judged: JudgedSnapshot) -> Told:
        """What is known before a run of this snapshot, for its report.

        Preflight lets nobody pass who has not acknowledged its warnings.
        """
        newest = self.newest
        compared = newest.snapshot.name if newest and newest.snapshot else ""
        comparison = self.comparisons.get((judged.name, compared))
        return Told("", True, comparison, compared if comparison is not None else "")

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
