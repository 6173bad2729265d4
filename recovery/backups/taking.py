"""Takes a backup without the platform: from a member's API, checked here, written everywhere."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from recovery.backups.backup_result import BackupResult, PlaceFailure
from recovery.backups.choosing_member import address_in_name, disagreement, members_to_ask
from recovery.backups.disk import sha256_of
from recovery.backups.known_verdicts import KnownVerdicts
from recovery.backups.model import Copy, Integrity
from recovery.backups.naming import write_name
from recovery.backups.own_records import SUCCESS, OwnRecords, entry_of
from recovery.backups.snapshot_cache import SnapshotCache
from recovery.backups.stores import WritableStore
from recovery.backups.streaming import stream_from
from recovery.backups.tar_spool import packed_size
from recovery.backups.writing_everywhere import Progress, named, write_everywhere
from recovery.cluster.facts import ClusterFacts
from recovery.cluster.most_clocks import clock_of_most
from recovery.errors import (
    DiskError,
    EtcdError,
    InventoryError,
    NodeError,
    RefusedError,
    RescueError,
    SnapshotError,
    StoreError,
)
from recovery.inventory.model import Cluster
from recovery.snapshots.model import SnapshotContents, Verdict
from recovery.snapshots.verify import verify_database
from recovery.ssh.fleet import Fleet

_GROWTH = 64 << 20
"""Bytes by which a database may grow, beside an eighth, while it streams."""


@dataclass(frozen=True, slots=True)
class Taken:
    """A backup that lies here, packed and verified, and nowhere else yet."""

    file: Path
    sha256: str
    size: int
    member: str
    name: str
    taken_at: datetime
    verdict: Verdict
    contents: SnapshotContents
    notes: tuple[str, ...] = ()


class Taker:
    """Takes backups of one cluster. `stores`: every place that a backup is written to."""

    def __init__(
        self,
        fleet: Fleet,
        cluster: Cluster,
        stores: Sequence[WritableStore],
        cache: SnapshotCache,
        verdicts: KnownVerdicts,
        records: OwnRecords,
    ) -> None:
        self._fleet = fleet
        self._cluster = cluster
        self._stores = tuple(stores)
        self._cache = cache
        self._verdicts = verdicts
        self._records = records

    async def take(self, facts: ClusterFacts, progress: Progress | None = None) -> BackupResult:
        """A backup of the cluster as it is now. `facts` are those of a moment ago.

        Nothing has a final name anywhere before the backup was read and found whole. Raises
        RefusedError without a quorum, InventoryError where no place is configured, DiskError
        where this machine has no room, EtcdError where no member gave a sound one, StoreError
        where no place took it. A place that fails beside others is in the result.
        """
        if not self._stores:
            raise InventoryError(
                "nobody has said where backups go",
                where=self._cluster.name,
                remedy="give backup.localStorage.path, backup.remoteStorage.s3, or both",
            )
        try:
            members = members_to_ask(facts, self._cluster)
            largest = max(facts.members[name].database_size for name in members)
            room = packed_size(largest + largest // 8 + _GROWTH)
            async with self._cache.scratch(room) as scratch:
                taken = await self._from_first_good(members, facts, scratch, progress)
                return await self._written(taken, progress)
        except RescueError as error:
            await self._record_failure(facts, error)
            raise

    async def _from_first_good(
        self,
        members: Iterable[str],
        facts: ClusterFacts,
        scratch: Path,
        progress: Progress | None,
    ) -> Taken:
        passed_over: list[str] = []
        for name in members:
            try:
                taken = await self._from_member(name, facts, scratch, progress)
            except DiskError:
                # Another member's database would find no more room.
                raise
            except (EtcdError, NodeError, SnapshotError) as error:
                passed_over.append(f"{name}: {error.what}")
                continue
            notes = [f"passed over {each}" for each in passed_over]
            apart = disagreement(facts)
            return replace(taken, notes=(*notes, *taken.notes, *([apart] if apart else [])))
        raise EtcdError(
            f"no member gave a backup that is whole: {'; '.join(passed_over)}",
            where=self._cluster.name,
            remedy="etcd-rescue health says what is wrong; nothing was written anywhere",
        )

    async def _from_member(
        self, name: str, facts: ClusterFacts, scratch: Path, progress: Progress | None
    ) -> Taken:
        manifest = facts.nodes[name].manifest
        assert manifest is not None
        session = self._fleet.session(name)
        address = address_in_name(manifest, session.node) or await _resolved(session.node.host)
        file = scratch / f"{name}.tar"
        told = named(f"snapshot of {name}", progress)
        clock = clock_of_most(facts, datetime.now(UTC))
        taken_at = clock.now.replace(microsecond=0)
        at_least = await stream_from(
            session, manifest, file, taken_at, facts.members[name].database_size, told
        )
        try:
            verdict = await verify_database(file, named("checking it", progress))
            contents = _require_whole(verdict, at_least, name)
        except BaseException:
            await asyncio.to_thread(file.unlink, missing_ok=True)
            raise
        return Taken(
            file=file,
            sha256=await asyncio.to_thread(sha256_of, file),
            size=(await asyncio.to_thread(file.stat)).st_size,
            member=name,
            name=write_name(taken_at, address),
            taken_at=taken_at,
            verdict=verdict,
            contents=contents,
            notes=(f"{clock.doubt}: the backup is named {taken_at:%Y-%m-%d %H:%M:%S} UTC",)
            if clock.doubt
            else (),
        )

    async def _written(self, taken: Taken, progress: Progress | None) -> BackupResult:
        written = await write_everywhere(
            self._stores, taken.file, taken.name, taken.sha256, progress
        )
        if not written.copies:
            first, *others = written.failures
            told = "".join(f"; {each.location}: {each.message}" for each in others)
            raise StoreError(
                f"the backup was taken and is whole, but no place took it: {first.message}{told}",
                where=first.location,
                remedy=first.remedy,
            )
        for copy in written.copies:
            await self._verdicts.learn(copy, taken.verdict, ("tar",))
        notes = await self._record_success(taken, written.copies, written.failures)
        return BackupResult(
            name=taken.name,
            taken_at=taken.taken_at,
            member=taken.member,
            revision=taken.contents.revision,
            live_keys=taken.contents.live_keys,
            sha256=taken.sha256,
            size=taken.size,
            copies=written.copies,
            failures=written.failures,
            notes=(*taken.notes, *notes, *written.notes),
        )

    async def _record_success(
        self, taken: Taken, copies: Iterable[Copy], failures: Iterable[PlaceFailure]
    ) -> tuple[str, ...]:
        entry = entry_of(
            taken.name,
            taken.taken_at,
            SUCCESS,
            member=taken.member,
            revision=taken.contents.revision,
            size=taken.size,
            sha256=taken.sha256,
            missingOn=[f"{each.location}: {each.message}" for each in failures],
        )
        return await self._records.add(entry, [copy.node for copy in copies if copy.node])

    async def _record_failure(self, facts: ClusterFacts, error: RescueError) -> None:
        """The platform records failures by the name that the file would have had.

        A cluster without quorum is left alone: its failure is written down here only.
        """
        now = clock_of_most(facts, datetime.now(UTC)).now
        for node in self._cluster.control_plane:
            known = facts.nodes.get(node.name)
            if known is not None and known.manifest is not None:
                address = address_in_name(known.manifest, node)
                if address:
                    entry = entry_of(write_name(now, address), now, f"Failed: {error.what}")
                    nodes = () if isinstance(error, RefusedError) else facts.nodes
                    await self._records.add(entry, nodes)
                    return


def _require_whole(verdict: Verdict, at_least: int, member: str) -> SnapshotContents:
    """The contents; SnapshotError unless the hash fits and nothing agreed on before is missing."""
    if verdict.integrity is not Integrity.VERIFIED or verdict.contents is None:
        raise SnapshotError(
            f"what it gave is not whole: {verdict.reason or 'it has no hash'}",
            where=member,
            remedy="try again",
        )
    if verdict.contents.revision < at_least:
        raise SnapshotError(
            f"what it gave ends at revision {verdict.contents.revision}, "
            f"and the cluster was at {at_least}",
            where=member,
            remedy="try again; if it stays so, look at that member",
        )
    return verdict.contents


async def _resolved(host: str) -> str:
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except OSError as error:
        raise NodeError(
            "its address is not known, and the name of a backup carries it",
            where=host,
            remedy="give the node's address as `host` in the inventory",
            detail=str(error),
        ) from error
    return str(found[0][4][0])
