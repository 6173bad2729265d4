"""From a snapshot in the catalog, or one copy, to a verified database on this machine."""

from __future__ import annotations

import dataclasses
import posixpath
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from recovery.backups.disk import DiskError, disk_error
from recovery.backups.local_store import LocalStore
from recovery.backups.model import Copy, Integrity, Snapshot
from recovery.backups.outside_text import one_line
from recovery.backups.snapshot_cache import CachedDatabase, SnapshotCache
from recovery.backups.stores import BytesProgress, Store
from recovery.errors import RescueError, SnapshotError, StoreError, UsageError
from recovery.snapshots.model import FetchedSnapshot
from recovery.snapshots.unpack import unpack
from recovery.snapshots.verify import verify_database

Progress = Callable[[str, int, int], None]
"""Called with what is moving, bytes done, and bytes in all (0 where unknown)."""


async def fetch_snapshot(
    wanted: Snapshot | Copy,
    stores: Sequence[Store],
    cache: SnapshotCache,
    progress: Progress | None = None,
) -> FetchedSnapshot:
    """The snapshot here, unpacked and verified, from the first copy that is good.

    Copies are tried in the catalog's order: the odd ones last, nodes before S3, because the
    sessions to the nodes stand already and need no keys. A copy that cannot be fetched, or is
    corrupt, leads to the next. Where only corrupt ones can be had, one of them is returned, and
    its verdict says so. A file on this machine needs no store.

    Raises UsageError for a place that is not the cluster's, SnapshotError where every copy was
    seen and none is a snapshot (or there is none), StoreError where one that may be good could
    not be fetched, and DiskError where this machine has no room.
    """
    attempt = _Attempt((*stores, LocalStore()), cache, progress)
    if isinstance(wanted, Copy):
        copy = await attempt.store_of(wanted).look_up(wanted)
        return await attempt.first_good(posixpath.basename(copy.path), (copy,))
    return await attempt.first_good(wanted.name, wanted.copies)


@dataclass(slots=True)
class _Attempt:
    """The copies of one snapshot, tried one after another."""

    stores: tuple[Store, ...]
    cache: SnapshotCache
    progress: Progress | None
    failures: list[tuple[Copy, RescueError]] = field(default_factory=list)
    corrupt: list[FetchedSnapshot] = field(default_factory=list)
    bad_bytes: set[str] = field(default_factory=set)
    """The sha256 of stored bytes that are known to be corrupt."""

    def store_of(self, copy: Copy) -> Store:
        """The store that the copy lies in."""
        for store in self.stores:
            if store.holds(copy):
                return store
        raise UsageError(
            f"{one_line(copy.location)} lies in no place that the inventory names",
            remedy="name one of the cluster's control-plane nodes, or its S3 storage",
        )

    async def first_good(self, name: str, copies: Sequence[Copy]) -> FetchedSnapshot:
        """The first copy that is not corrupt; or a corrupt one, where there is no other."""
        for copy in copies:
            try:
                fetched = await self._fetched(name, copy)
            except DiskError:
                raise
            except RescueError as error:
                self.failures.append((copy, error))
                continue
            if fetched is None:
                continue
            if fetched.verdict.integrity is not Integrity.CORRUPT:
                return fetched
            self.corrupt.append(fetched)
        if self.corrupt:
            return self._least_bad()
        raise self._nothing(name)

    async def _fetched(self, name: str, copy: Copy) -> FetchedSnapshot | None:
        """One copy, verified; None where its bytes were seen before, and were corrupt."""
        cached = await self.cache.find(copy) or await self._bring(copy)
        if cached is None or cached.stored_sha256 in self.bad_bytes:
            return None
        if self.progress is not None:
            self.progress("verifying", 0, cached.size)
        verdict = await verify_database(cached.path, self._telling("verifying"))
        if verdict.integrity is Integrity.CORRUPT:
            self.bad_bytes.add(cached.stored_sha256)
        return FetchedSnapshot(
            name=name,
            location=copy.location,
            database=cached.path,
            sha256=cached.sha256,
            size=cached.size,
            verdict=verdict,
            unpacked_from=cached.wrappings,
        )

    async def _bring(self, copy: Copy) -> CachedDatabase | None:
        # The stored bytes and the database lie beside each other until it is unpacked.
        async with self.cache.scratch(2 * copy.size) as scratch:
            stored, database = scratch / "stored", scratch / "database"
            moving = self._telling(f"fetching from {_place(copy)}")
            stored_sha256 = await self.store_of(copy).fetch(copy, stored, moving)
            if stored_sha256 in self.bad_bytes:
                return None
            known = await self.cache.get(stored_sha256)
            if known is not None:
                await self.cache.remember(copy, stored_sha256)
                return known
            try:
                wrappings = await unpack(stored, database, self._telling("unpacking"))
            except SnapshotError as error:
                if isinstance(error.__cause__, OSError):
                    raise disk_error(error.__cause__, self.cache.root) from error
                self.bad_bytes.add(stored_sha256)
                raise
            return await self.cache.keep(copy, stored_sha256, database, wrappings)

    def _telling(self, what: str) -> BytesProgress | None:
        progress = self.progress
        if progress is None:
            return None
        return lambda done, total: progress(what, done, total)

    def _least_bad(self) -> FetchedSnapshot:
        fetched = self.corrupt[0]
        if not self.failures:
            return fetched
        others = "; ".join(_told(copy, error) for copy, error in self.failures)
        verdict = dataclasses.replace(
            fetched.verdict, reason=f"{fetched.verdict.reason}; and no other copy is good: {others}"
        )
        return dataclasses.replace(fetched, verdict=verdict)

    def _nothing(self, name: str) -> RescueError:
        if not self.failures:
            return SnapshotError(
                "there is no copy of it in any place that could be listed",
                where=one_line(name),
                remedy="choose another snapshot, or look again once all places answer",
            )
        copy, first = self.failures[0]
        what, where, remedy = first.what, one_line(copy.location), first.remedy
        if len(self.failures) > 1:
            others = "; ".join(_told(copy, error) for copy, error in self.failures)
            what = f"none of its {len(self.failures)} copies can be used: {others}"
            where, remedy = one_line(name), ""
        # What nobody has seen is not known to be bad.
        all_seen = all(isinstance(error, SnapshotError) for _, error in self.failures)
        kind = SnapshotError if all_seen else StoreError
        return kind(
            what,
            where=where,
            remedy=remedy or "choose another snapshot",
            detail="\n".join(error.detail for _, error in self.failures if error.detail),
        )


def _place(copy: Copy) -> str:
    return copy.node or ("S3" if copy.bucket else "this machine")


def _told(copy: Copy, error: RescueError) -> str:
    return f"{_place(copy)}: {error.what}"
