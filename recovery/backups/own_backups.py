"""Backups of a cluster without the platform: taken, recorded and cleared, under its lock."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeVar

from recovery.backups.backup_result import BackupResult
from recovery.backups.choosing_member import cluster_addresses, disagreement
from recovery.backups.expiring import Cleared, Say, clear
from recovery.backups.model import Catalog
from recovery.backups.own_records import OwnRecords
from recovery.backups.retention import what_expires
from recovery.backups.stores import WritableStore
from recovery.backups.taking import Taker
from recovery.backups.writing_everywhere import Progress
from recovery.cluster.clocks import clock_offsets
from recovery.cluster.facts import ClusterFacts
from recovery.errors import RescueError, TakenOverError
from recovery.inventory.model import Cluster
from recovery.restore.cluster_lock import ClusterLock
from recovery.ssh.fleet import Fleet

Answer = TypeVar("Answer")

RUN_PREFIX = "backup-"
"""What the lock of a backup names instead of a run's id."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What taking a backup asks of whoever cares for the cluster."""

    look: Callable[[], Awaitable[ClusterFacts]]
    """Asks all nodes now."""
    list: Callable[[], Awaitable[Catalog]]
    """Lists every store, with what is known of each backup."""
    unfinished: Callable[[], Awaitable[str | None]]
    """Which restore was left in the middle, in words; None where none was."""


@dataclass(frozen=True, slots=True)
class BackupDone:
    """A backup that was taken, and what went because its time was over."""

    result: BackupResult
    cleared: Cleared


class OwnBackups:
    """Takes backups of one cluster, one at a time, whoever asks from wherever."""

    def __init__(
        self,
        fleet: Fleet,
        cluster: Cluster,
        stores: tuple[WritableStore, ...],
        taker: Taker,
        records: OwnRecords,
        surroundings: Surroundings,
    ) -> None:
        self.records = records
        self._fleet = fleet
        self._cluster = cluster
        self._stores = stores
        self._taker = taker
        self._surroundings = surroundings

    async def take(
        self, say: Say, progress: Progress | None = None, ttl_seconds: int | None = None
    ) -> BackupDone:
        """Take a backup, then delete those older than the ttl, each named to `say` before.

        Raises LockedError where a restore or another backup is at work, TakenOverError where
        somebody took the cluster over meanwhile, and what `Taker.take` raises.
        """
        facts = await self._surroundings.look()
        async with self._alone(facts, say) as lost:
            result = await _unless(lost, self._taker.take(facts, progress))
            try:
                cleared = await _unless(lost, self._clear(ttl_seconds, facts, say))
            except RescueError as error:
                # The backup is there, whatever stops the tidying: saying that it failed, or taking
                # another one because of it, would be wrong.
                cleared = Cleared(kept=(f"deleting old backups was broken off: {error.what}",))
            return BackupDone(result, cleared)

    async def _clear(self, ttl_seconds: int | None, facts: ClusterFacts, say: Say) -> Cleared:
        if ttl_seconds is None:
            return Cleared()
        # Where something is wrong, an old backup may be the one that is needed.
        wrong = disagreement(facts) or await self._surroundings.unfinished()
        if wrong:
            return Cleared(kept=(f"no backup is deleted now: {wrong}",))
        catalog = await self._surroundings.list()
        retention = what_expires(
            catalog.snapshots,
            ttl_seconds,
            datetime.now(UTC),
            await clock_offsets(self._fleet, self._cluster),
            addresses=cluster_addresses(facts, self._cluster),
            recorded={record.file_name for record in await self.records.read()},
        )
        cleared = await clear(retention, self._stores, say)
        deleted = set(cleared.deleted)
        gone = [
            snapshot.name
            for snapshot in catalog.snapshots
            if snapshot.copies and deleted.issuperset(snapshot.copies)
        ]
        if gone:
            await self.records.forget(gone)
        return cleared

    @asynccontextmanager
    async def _alone(self, facts: ClusterFacts, say: Say) -> AsyncIterator[asyncio.Future[str]]:
        """The cluster's lock, as a restore takes it; gives what is done once it is lost."""
        works = {node.name: node.paths.work for node in self._cluster.control_plane}
        run_id = f"{RUN_PREFIX}{datetime.now(UTC):%Y%m%d-%H%M%S}"
        lock = ClusterLock(self._fleet, self._cluster.name, works, run_id)
        lost: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        lock.doing("taking a backup")
        for note in await lock.take(without=facts.unreachable):
            say(note)
        try:
            lock.keep(lambda by: None if lost.done() else lost.set_result(by))
            yield lost
        finally:
            await lock.give_back()


async def _unless(lost: asyncio.Future[str], work: Awaitable[Answer]) -> Answer:
    """The work's answer; TakenOverError, and the work ended, where the lock is lost before."""
    task = asyncio.ensure_future(work)
    lost.add_done_callback(lambda _: task.cancel())
    try:
        return await task
    except asyncio.CancelledError:
        this = asyncio.current_task()
        if not lost.done() or (this is not None and this.cancelling()):
            raise
        raise TakenOverError(
            f"{lost.result()} has taken the cluster over, so this was given up",
            remedy="take another backup when they are done; nothing half-written is left",
        ) from None
