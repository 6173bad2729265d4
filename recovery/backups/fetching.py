"""From a snapshot in the catalog, or one copy, to a verdict, or to a database on this machine."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Sequence

from recovery.backups.disk import disk_error
from recovery.backups.first_good import first_good, place_of
from recovery.backups.known_verdicts import KnownVerdicts
from recovery.backups.local_store import LocalStore
from recovery.backups.model import Copy, Integrity, Snapshot, StoreKind
from recovery.backups.outside_text import one_line
from recovery.backups.snapshot_cache import CachedDatabase, SnapshotCache
from recovery.backups.stores import BytesProgress, Store
from recovery.errors import SnapshotError, UsageError
from recovery.snapshots.model import FetchedSnapshot, JudgedSnapshot, Verdict
from recovery.snapshots.unpack import unpack
from recovery.snapshots.verify import verify_database

Progress = Callable[[str, int, int], None]
"""Called with what is moving, bytes done, and bytes in all (0 where unknown)."""


class Fetching:
    """The stores of a cluster, the cache of this machine, and what is known of copies already.

    Copies are tried in the catalog's order: the odd ones last, nodes before S3, because the
    sessions to the nodes stand already and need no keys. A copy that cannot be had, or is
    corrupt, leads to the next. Where only corrupt ones can be had, one of them is returned, and
    its verdict says so. A file on this machine needs no store. Where a database's sha256 is given,
    a copy that holds another one leads to the next as well.

    Both ways raise UsageError for a place that is not the cluster's, SnapshotError where every
    copy was seen and none is a snapshot (or there is none), StoreError where one that may be good
    could not be had, and DiskError where this machine has no room.
    """

    def __init__(self, stores: Sequence[Store], cache: SnapshotCache, known: KnownVerdicts) -> None:
        self._stores = (*stores, LocalStore())
        self._cache = cache
        self._known = known

    async def fetch(
        self, wanted: Snapshot | Copy, progress: Progress | None = None, sha256: str = ""
    ) -> FetchedSnapshot:
        """The snapshot here, unpacked and verified, from the first copy that is good."""
        name, copies = await self._copies(wanted)
        attempt = self._attempt(name, progress)
        return await first_good(name, copies, attempt.fetched, sha256)

    async def judge(
        self, wanted: Snapshot | Copy, progress: Progress | None = None, sha256: str = ""
    ) -> JudgedSnapshot:
        """What the snapshot is worth and what is in it, with as little moved as possible.

        What is known already, or is here, is not read again on its node; what a node can read
        where it lies is not fetched.
        """
        name, copies = await self._copies(wanted)
        known = await self._known.of(copies)
        for copy in copies:
            verdict = known[copy].verdict if copy in known else None
            if verdict is None or verdict.integrity is Integrity.CORRUPT:
                continue
            if sha256 in ("", verdict.sha256):
                return _judged(name, copy, verdict, known[copy].wrappings)
        attempt = self._attempt(name, progress)
        return await first_good(name, copies, attempt.judged, sha256)

    def _attempt(self, name: str, progress: Progress | None) -> _Attempt:
        return _Attempt(name, self._store_of, self._cache, self._known, progress)

    async def _copies(self, wanted: Snapshot | Copy) -> tuple[str, Sequence[Copy]]:
        if isinstance(wanted, Snapshot):
            return wanted.name, [await self._as_it_is_now(copy) for copy in wanted.copies]
        copy = await self._store_of(wanted).look_up(wanted)
        name = copy.location if copy.store is StoreKind.MEMBER else posixpath.basename(copy.path)
        return name, (copy,)

    async def _as_it_is_now(self, copy: Copy) -> Copy:
        """A backup stays what it was when it was listed; a member's own data does not."""
        if copy.store is not StoreKind.MEMBER:
            return copy
        return await self._store_of(copy).look_up(copy)

    def _store_of(self, copy: Copy) -> Store:
        for store in self._stores:
            if store.holds(copy):
                return store
        raise UsageError(
            f"{one_line(copy.location)} lies in no place that the inventory names",
            remedy="name one of the cluster's control-plane nodes, or its S3 storage",
        )


class _Attempt:
    """One snapshot, looked for in copy after copy."""

    def __init__(
        self,
        name: str,
        store_of: Callable[[Copy], Store],
        cache: SnapshotCache,
        known: KnownVerdicts,
        progress: Progress | None,
    ) -> None:
        self._name = name
        self._store_of = store_of
        self._cache = cache
        self._known = known
        self._progress = progress
        self._corrupt: dict[str, Verdict] = {}
        """By the sha256 of stored bytes, which several copies may have."""

    async def fetched(self, copy: Copy) -> FetchedSnapshot | None:
        """The copy here, verified; None where its bytes were seen before, and were corrupt."""
        cached = await self._cache.find(copy) or await self._bring(copy)
        if cached is None or await self._seen_corrupt(copy, cached.stored_sha256):
            return None
        if self._progress is not None:
            self._progress("verifying", 0, cached.size)
        verdict = await verify_database(cached.path, self._telling("verifying"))
        if verdict.integrity is Integrity.CORRUPT:
            self._corrupt[cached.stored_sha256] = verdict
        await self._known.learn(copy, verdict, cached.wrappings)
        return FetchedSnapshot(
            name=self._name,
            location=copy.location,
            database=cached.path,
            sha256=cached.sha256,
            size=cached.size,
            verdict=verdict,
            unpacked_from=cached.wrappings,
            member=_member(copy),
        )

    async def judged(self, copy: Copy) -> JudgedSnapshot | None:
        """The copy read where it lies, or fetched where that is not possible."""
        if await self._cache.find(copy) is None:
            reading = f"reading on {place_of(copy)}"
            if self._progress is not None:
                self._progress(reading, 0, copy.size)
            store = self._store_of(copy)
            found = await store.read_in_place(copy, self._telling(reading))
            if found is not None:
                await self._known.learn(copy, found.verdict, found.wrappings)
                return _judged(self._name, copy, found.verdict, found.wrappings)
        fetched = await self.fetched(copy)
        return None if fetched is None else fetched.judged

    async def _bring(self, copy: Copy) -> CachedDatabase | None:
        # The stored bytes and the database lie beside each other until it is unpacked.
        async with self._cache.scratch(2 * copy.size) as scratch:
            stored, database = scratch / "stored", scratch / "database"
            moving = self._telling(f"fetching from {place_of(copy)}")
            stored_sha256 = await self._store_of(copy).fetch(copy, stored, moving)
            if await self._seen_corrupt(copy, stored_sha256):
                return None
            known = await self._cache.get(stored_sha256)
            if known is not None:
                await self._cache.remember(copy, stored_sha256)
                return known
            try:
                unpacked = await unpack(stored, database, self._telling("unpacking"))
            except SnapshotError as error:
                if isinstance(error.__cause__, OSError):
                    raise disk_error(error.__cause__, self._cache.root) from error
                self._corrupt[stored_sha256] = Verdict(Integrity.CORRUPT, error.what, None)
                await self._known.learn(copy, self._corrupt[stored_sha256])
                raise
            return await self._cache.keep(copy, stored_sha256, database, unpacked)

    async def _seen_corrupt(self, copy: Copy, stored_sha256: str) -> bool:
        verdict = self._corrupt.get(stored_sha256)
        if verdict is not None:
            await self._known.learn(copy, verdict)
        return verdict is not None

    def _telling(self, what: str) -> BytesProgress | None:
        progress = self._progress
        if progress is None:
            return None
        return lambda done, total: progress(what, done, total)


def _member(copy: Copy) -> str | None:
    return copy.node if copy.store is StoreKind.MEMBER else None


def _judged(name: str, copy: Copy, verdict: Verdict, wrappings: tuple[str, ...]) -> JudgedSnapshot:
    return JudgedSnapshot(
        name=name,
        location=copy.location,
        verdict=verdict,
        unpacked_from=wrappings,
        member=_member(copy),
    )
