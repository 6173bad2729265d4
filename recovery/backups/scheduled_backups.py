"""The backups that a schedule takes: the inventory is read anew, and sessions are opened, each
time, so that nothing of a night ago is trusted."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from datetime import datetime

from recovery.backups.belonging import ClusterIdentity, is_surely_own
from recovery.backups.clearing_right import clearing_right
from recovery.backups.configuration import BackupSpec
from recovery.backups.keeping_schedule import Level, Say, Settings
from recovery.backups.model import Integrity, Snapshot
from recovery.backups.own_backups import BackupDone
from recovery.errors import InventoryError
from recovery.incident import Incident
from recovery.inventory.model import Cluster


class ScheduledBackups:
    """The work of a `ScheduleKeeper` for one cluster of an inventory."""

    def __init__(
        self, read_cluster: Callable[[], Cluster], environ: Mapping[str, str] = os.environ
    ) -> None:
        self._read_cluster = read_cluster
        self._environ = environ
        self.at_work = False
        """Whether a backup is being taken."""

    async def settings(self) -> Settings:
        """What the inventory says now. Raises InventoryError where it cannot be used."""
        spec = _spec(self._read_cluster())
        return Settings(spec.schedule, spec.paused)

    async def newest(self) -> datetime | None:
        """Of this cluster's backups that lie on nodes and in S3 and that nobody knows to be bad;
        of the records of this machine where no place can be listed.

        One that may be another cluster's, or is dated in the future, counts for nothing: a backup
        too many costs less than one that is missing.
        """
        async with Incident(self._read_cluster(), environ=self._environ) as incident:
            # What the nodes say of their addresses tells backups of this cluster from others.
            await incident.look(hasty=True)
            catalog = await incident.list_snapshots(records=False)
            if catalog.places:
                times = [
                    each.taken_at
                    for each in catalog.snapshots
                    if each.taken_at is not None and _counts(each, incident.identity)
                ]
            else:
                records = await incident.own_backups.records.read_here()
                times = [
                    record.backup_timestamp
                    for record in records
                    if record.succeeded and record.backup_timestamp is not None
                ]
        return max(times, default=None)

    async def take(self, say: Say) -> None:
        """Take one, and tell the journal of it."""
        cluster = self._read_cluster()
        _spec(cluster)
        self.at_work = True
        try:
            # Nobody is there to be asked for keys.
            async with Incident(cluster, environ=self._environ) as incident:
                seen = await incident.backups.configuration()
                right = clearing_right(cluster.backup, seen)
                done = await incident.own_backups.take(
                    lambda line: say(Level.INFO, line), ttl_seconds=right.ttl_seconds
                )
        finally:
            self.at_work = False
        tell(done, say)
        if right.why_not:
            say(Level.INFO, right.why_not)


def _counts(snapshot: Snapshot, identity: ClusterIdentity) -> bool:
    sound = snapshot.size > 0 and snapshot.integrity is not Integrity.CORRUPT
    if snapshot.member is not None or snapshot.ahead or snapshot.strange is not None:
        return False
    return sound and is_surely_own(snapshot, identity)


def tell(done: BackupDone, say: Say) -> None:
    """What came of a backup, a line each."""
    result = done.result
    say(
        Level.INFO,
        f"took {result.name}: revision {result.revision}, {result.live_keys} keys, "
        f"{result.size} bytes, sha256 {result.sha256}, from {result.member}, "
        f"written to {', '.join(copy.node or 'S3' for copy in result.copies)}",
    )
    for failure in result.failures:
        say(
            Level.WARNING,
            f"not written to {failure.location}: {failure.message} → {failure.remedy}",
        )
    for line in (*result.notes, *done.cleared.kept):
        say(Level.INFO, line)
    for failure in done.cleared.failures:
        say(Level.WARNING, f"not deleted: {failure.location}: {failure.message}")


def _spec(cluster: Cluster) -> BackupSpec:
    if cluster.backup is None:
        raise InventoryError(
            f"{cluster.name} has no `backup` block, so nobody knows when and where",
            where=cluster.name,
            remedy="add backup.schedule and backup.localStorage or backup.remoteStorage",
        )
    return cluster.backup
