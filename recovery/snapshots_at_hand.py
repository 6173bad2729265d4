"""The snapshots of one cluster: listed, judged, compared, tried; the catalog learns each answer."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeVar

from recovery.backups.belonging import ClusterIdentity, identity_of, marked
from recovery.backups.catalog import keep_verdicts, list_catalog, with_verdict
from recovery.backups.model import Catalog, Copy, Integrity, Record, Snapshot
from recovery.cluster.facts import ClusterFacts
from recovery.cluster.most_clocks import clock_of_most
from recovery.errors import RefusedError, SnapshotError
from recovery.places import cache_directory, state_directory
from recovery.rehearsal.trial.kept_trials import KeptTrial, KeptTrials
from recovery.seen_cluster import SeenCluster
from recovery.snapshots.model import FetchedSnapshot, JudgedSnapshot, Verdict
from recovery.warming import S3, SSH_AND_ETCD, warmed

if TYPE_CHECKING:
    from recovery.backups.own_records import OwnRecords
    from recovery.backups.stores import BytesProgress
    from recovery.rehearsal.trial.model import TrialReport
    from recovery.rehearsal.trial.stages import OnStage
    from recovery.snapshots.comparison import Comparison
    from recovery.snapshots.key_catalog import SnapshotKeys

Progress = Callable[[str, int, int], None]
"""Called with what is moving, bytes done, and bytes in all (0 where unknown)."""

Looked = TypeVar("Looked", FetchedSnapshot, JudgedSnapshot)
Found_co = TypeVar("Found_co", FetchedSnapshot, JudgedSnapshot, covariant=True)


class LookFor(Protocol[Found_co]):
    """`verify` or `ready`."""

    def __call__(self, wanted: Snapshot | Copy, *, sha256: str) -> Awaitable[Found_co]:
        """Looks for a database of that sha256."""
        ...


class SnapshotsAtHand(SeenCluster):
    """A cluster that is looked at, and what there is to restore it from."""

    @property
    def identity(self) -> ClusterIdentity:
        """What tells this cluster's snapshots from others', as far as the nodes have told it."""
        return identity_of(self.cluster, self.facts)

    async def look(
        self, on_node: Callable[[str, str], None] | None = None, *, hasty: bool = False
    ) -> ClusterFacts:
        """Ask all nodes and members; what they say tells whose the snapshots are."""
        facts = await super().look(on_node, hasty=hasty)
        if self.catalog is not None:
            self.catalog = self._marked(self.catalog)
        return facts

    async def list_snapshots(
        self, on_update: Callable[[Catalog], None] | None = None, *, records: bool = True
    ) -> Catalog:
        """List every store, and the records where asked; `on_update` hears the catalog as it grows.

        The records are in the cluster itself, so that looking for them takes longest. Verdicts of
        an earlier listing are kept where the copies are the same.
        """
        earlier = self.catalog
        spec = self.cluster.backup
        await self._kept_trials.read()
        await warmed(*SSH_AND_ETCD, *(S3 if spec is not None and spec.s3 is not None else ()))

        def updated(catalog: Catalog) -> None:
            self.catalog = self._marked(keep_verdicts(catalog, earlier) if earlier else catalog)
            if on_update is not None:
                on_update(self.catalog)

        reading = self._read_records if records else None
        own = self._own_records.read if records else None
        updated(await list_catalog(self._doors.stores, reading, updated, own_records=own))
        assert self.catalog is not None
        self.catalog = self._marked(await self._doors.known_verdicts.applied_to(self.catalog))
        if on_update is not None:
            on_update(self.catalog)
        return self.catalog

    async def with_identity(self) -> Catalog:
        """The catalog, after the nodes were asked who they are: a name alone proves nothing.

        Raises RefusedError before the first listing.
        """
        if self.catalog is None:
            raise RefusedError("nothing has been listed yet", remedy="list the snapshots first")
        await self.glance()
        return self.catalog

    async def judge(
        self, wanted: Snapshot | Copy, progress: Progress | None = None, *, sha256: str = ""
    ) -> JudgedSnapshot:
        """What the snapshot is worth; read on its node where that can be done.

        A node without python3 may leave the contents untold. The catalog learns the answer.
        Raises what `verify` raises.
        """
        return await self._learning(wanted, self._doors.fetching.judge(wanted, progress, sha256))

    async def inspect(
        self, wanted: Snapshot | Copy, progress: Progress | None = None
    ) -> JudgedSnapshot:
        """What the snapshot is worth and what is in it; fetched only where nothing else helps."""
        judged = await self.judge(wanted, progress)
        untold = judged.verdict.contents is None
        if untold and judged.verdict.integrity is not Integrity.CORRUPT:
            return (await self.verify(wanted, progress)).judged
        return judged

    async def verify(
        self, wanted: Snapshot | Copy, progress: Progress | None = None, *, sha256: str = ""
    ) -> FetchedSnapshot:
        """Fetch the snapshot here, unpack and verify it; the catalog learns the answer.

        `sha256`: of the database that it must be; copies of another one are passed over.

        Raises SnapshotError where no copy of it is a snapshot, StoreError where one that may be
        good cannot be fetched, DiskError where this machine has no room. A corrupt one is no
        exception: the verdict says so.
        """
        return await self._learning(wanted, self._doors.fetching.fetch(wanted, progress, sha256))

    async def ready(
        self, wanted: Snapshot | Copy, progress: Progress | None = None, *, sha256: str = ""
    ) -> JudgedSnapshot:
        """The snapshot judged for a restore; brought here only where a node may need it from here.

        Where every control-plane node has the backup itself, it is read on one of them, and each
        unpacks its own: what comes out is compared with the sha256 that was read. Raises what
        `verify` raises.
        """
        from recovery.backups.other_copies import lies_on_all

        names = [node.name for node in self.cluster.control_plane]
        if lies_on_all(names, wanted, self.catalog):
            judged = await self.judge(wanted, progress, sha256=sha256)
            if judged.verdict.contents is not None and judged.verdict.sha256:
                return judged
        return (await self.verify(wanted, progress, sha256=sha256)).judged

    async def compare(
        self, old: FetchedSnapshot, new: FetchedSnapshot, progress: BytesProgress | None = None
    ) -> Comparison:
        """What changed from the one to the other. Raises SnapshotError where one is unreadable."""
        from recovery.snapshots.comparison import compare_databases

        return await compare_databases(old.database, new.database, progress)

    async def keys_of(
        self, fetched: FetchedSnapshot, progress: BytesProgress | None = None
    ) -> SnapshotKeys:
        """Every live key. Raises SnapshotError where it is unreadable."""
        from recovery.snapshots.key_catalog import read_keys

        return await read_keys(fetched.database, progress)

    async def rehearse(
        self,
        fetched: FetchedSnapshot,
        on_stage: OnStage | None = None,
        *,
        etcd_dir: Path | None = None,
    ) -> TrialReport:
        """Restore it into a scratch cluster on this machine, and compare; touches no node.

        Raises SnapshotError where it is corrupt, RehearsalError where there is no etcd to try it
        with, DiskError where this machine has no room.
        """
        from recovery.rehearsal.trial.trial import try_snapshot

        self._doors.cache.pin(fetched.database)
        report = await try_snapshot(
            fetched,
            cache_directory(self._environ),
            etcd_dir=etcd_dir,
            nodes=lambda: [
                self._doors.fleet.session(node.name) for node in self.cluster.control_plane
            ],
            on_stage=on_stage,
        )
        await self._kept_trials.keep(fetched.verdict.sha256, report, datetime.now(UTC))
        return report

    def earlier_trial(self, judged: JudgedSnapshot) -> KeptTrial | None:
        """What rehearsing this database has shown last, on this machine."""
        return self._kept_trials.of(judged.verdict.sha256)

    async def _read_records(self) -> Sequence[Record]:
        return await self.backups.records()

    async def _learning(self, wanted: Snapshot | Copy, looking: Awaitable[Looked]) -> Looked:
        """The answer, after the catalog has learned it."""
        try:
            found = await looking
        except SnapshotError as error:
            if isinstance(wanted, Snapshot):
                self._learn(wanted.name, Verdict(Integrity.CORRUPT, error.what, None))
            raise
        self._learn(found.name, found.verdict)
        return found

    def _learn(self, name: str, verdict: Verdict) -> None:
        if self.catalog is not None:
            self.catalog = self._marked(with_verdict(self.catalog, name, verdict))

    def _marked(self, catalog: Catalog) -> Catalog:
        """With what seems to be another cluster's, as far as this one is known by now."""
        return marked(catalog, self.identity, clock_of_most(self.facts, datetime.now(UTC)).now)

    def _taken_at(self, name: str) -> datetime | None:
        listed = self.catalog.snapshots if self.catalog is not None else ()
        return next((each.taken_at for each in listed if each.name == name), None)

    @cached_property
    def _kept_trials(self) -> KeptTrials:
        return KeptTrials(state_directory(self._environ))

    @cached_property
    def _own_records(self) -> OwnRecords:
        """Of backups that were taken without the platform."""
        from recovery.backups.assembling import own_records

        return own_records(
            self.cluster, self._doors.fleet, self._doors.stores, state_directory(self._environ)
        )
