"""Snapshots kept on this machine, so that what was fetched once need not come again.

Layout under the cache directory (mode 0700), every file written whole or not at all, so that
several processes can use it at once:

- `snapshots/<sha256 of the stored bytes>.db` and `.json`: an unpacked database, and its facts;
- `copies/<sha256 of where it lay, its size and times>.json`: which database a copy holds;
- `scratch/`: a directory a download, removed with it, or by a later process after a crash.

A database in use is locked (flock, shared); only one that nobody uses is ever removed.
"""

from __future__ import annotations

import asyncio
import fcntl
import hashlib
import json
import os
import shutil
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from recovery.backups.cache_leases import Leases, locked
from recovery.backups.disk import disk_error, sha256_of, whole_file
from recovery.backups.model import Copy
from recovery.errors import DiskError
from recovery.places import make_private
from recovery.snapshots.unpack import Unpacked

DEFAULT_LIMIT = 8 << 30
"""Bytes."""

_STALE_SCRATCH = 60.0
"""Seconds; a younger directory may not have its lock yet."""


@dataclass(frozen=True, slots=True)
class CachedDatabase:
    """An unpacked database in the cache. Its path stays valid while it is leased."""

    path: Path
    stored_sha256: str
    """Of the bytes as they lay in the store."""
    sha256: str
    """Of the unpacked file."""
    size: int
    """Of the unpacked file, in bytes."""
    wrappings: tuple[str, ...]


class SnapshotCache:
    """The cache directory as one process uses it. `root` is made on first use.

    Every database that this process got stays leased, so that no other process removes it. When
    room is needed, this process gives up its own oldest leases, but never the newest and never
    what is pinned.
    """

    def __init__(self, root: Path, limit: int = DEFAULT_LIMIT) -> None:
        self.root = root
        self.limit = limit
        self._leases = Leases()
        self._proven: dict[str, tuple[int, int, int]] = {}

    async def find(self, copy: Copy) -> CachedDatabase | None:
        """What this copy holds, if it was fetched before and is unchanged in the cache."""
        return await asyncio.to_thread(self._find, copy)

    async def get(self, stored_sha256: str) -> CachedDatabase | None:
        """The database unpacked from these bytes, if it is here and unchanged."""
        return await asyncio.to_thread(self._get, stored_sha256)

    async def keep(
        self, copy: Copy, stored_sha256: str, database: Path, unpacked: Unpacked
    ) -> CachedDatabase:
        """Take over a database that lies in scratch. Raises DiskError where there is no room."""
        return await asyncio.to_thread(self._keep, copy, stored_sha256, database, unpacked)

    async def remember(self, copy: Copy, stored_sha256: str) -> None:
        """Note that the copy holds these bytes. Raises DiskError where there is no room."""
        await asyncio.to_thread(self._remember, copy, stored_sha256)

    @asynccontextmanager
    async def scratch(self, size: int) -> AsyncIterator[Path]:
        """A directory for a download that takes that many bytes, removed in the end.

        Raises DiskError where the disk has no room for it even without what can be spared.
        """
        directory, lock = await asyncio.to_thread(self._open_scratch, size)
        try:
            yield directory
        finally:
            # Not in a thread: a cancelled task must not be cancelled out of its own clean-up.
            shutil.rmtree(directory, ignore_errors=True)
            os.close(lock)

    def pin(self, database: Path) -> None:
        """Never let go of this database while the process lives: a restore uses it."""
        self._leases.pin(database)

    def close(self) -> None:
        """Give up all leases but the pinned ones."""
        self._leases.close()

    @property
    def _snapshots(self) -> Path:
        return self.root / "snapshots"

    def _database(self, stored_sha256: str) -> Path:
        return self._snapshots / f"{stored_sha256}.db"

    def _note(self, copy: Copy) -> Path:
        told_by = (copy.location, copy.size, copy.modified_at.timestamp(), copy.identity)
        key = hashlib.sha256(json.dumps(told_by).encode()).hexdigest()
        return self.root / "copies" / f"{key}.json"

    def _find(self, copy: Copy) -> CachedDatabase | None:
        if not copy.identity:
            return None
        noted = _read_json(self._note(copy)).get("storedSha256")
        return self._get(noted) if isinstance(noted, str) and _is_sha256(noted) else None

    def _get(self, stored_sha256: str) -> CachedDatabase | None:
        path = self._database(stored_sha256)
        try:
            handle = self._leases.open(path)
        except OSError:
            return None
        leased = False
        try:
            # Whoever removes a database does so under a lock: is this still the one of that name?
            if os.fstat(handle).st_ino != path.stat().st_ino:
                return None
            cached = _cached(path, stored_sha256)
            if cached is None or not self._is_whole(cached, handle):
                path.unlink(missing_ok=True)
                return None
            os.utime(path, ns=(time.time_ns(), os.fstat(handle).st_mtime_ns))
            self._leases.take(path, handle)
            leased = True
            return cached
        except OSError:
            return None
        finally:
            if not leased:
                os.close(handle)

    def _is_whole(self, cached: CachedDatabase, handle: int) -> bool:
        """Whether the file is what was put there. Its hash is taken once, unless it changes."""
        status = os.fstat(handle)
        state = (status.st_ino, status.st_size, status.st_mtime_ns)
        if self._proven.get(cached.stored_sha256) != state:
            if status.st_size != cached.size or sha256_of(cached.path) != cached.sha256:
                return False
            self._proven[cached.stored_sha256] = state
        return True

    def _keep(
        self, copy: Copy, stored_sha256: str, database: Path, unpacked: Unpacked
    ) -> CachedDatabase:
        try:
            make_private(self._snapshots)
            size = database.stat().st_size
            self._evict(lambda total, _: total + size <= self.limit)
            self._forget_what_is_gone()
            path = self._database(stored_sha256)
            sha256, wrappings = unpacked.sha256, unpacked.wrappings
            cached = CachedDatabase(path, stored_sha256, sha256, size, wrappings)
            facts = {"sha256": sha256, "size": size, "wrappings": wrappings}
            with whole_file(path.with_suffix(".json")) as file:
                file.write(json.dumps(facts).encode())
            database.chmod(0o600)
            # The lock is the file's own and comes along when it gets its name.
            handle = self._leases.open(database)
            database.replace(path)
            self._leases.take(path, handle)
        except OSError as error:
            raise disk_error(error, self.root) from error
        self._remember(copy, stored_sha256)
        return cached

    def _remember(self, copy: Copy, stored_sha256: str) -> None:
        if not copy.identity:
            return
        note = self._note(copy)
        try:
            make_private(note.parent)
            with whole_file(note) as file:
                file.write(json.dumps({"storedSha256": stored_sha256}).encode())
        except OSError as error:
            raise disk_error(error, self.root) from error

    def _open_scratch(self, size: int) -> tuple[Path, int]:
        make_private(self.root)
        parent = make_private(self.root / "scratch")
        try:
            _sweep(parent)
            free = self._evict(lambda _, free: size <= free)
            if size > free:
                raise DiskError(
                    f"this machine has no room for {size} bytes",
                    where=str(self.root),
                    remedy=f"free {size - free} bytes there, or set XDG_CACHE_HOME to a directory"
                    " on a larger disk",
                )
            directory = Path(tempfile.mkdtemp(dir=parent))
            lock = os.open(directory, os.O_RDONLY)
        except OSError as error:
            raise disk_error(error, self.root) from error
        locked(lock, fcntl.LOCK_SH)
        return directory, lock

    def _evict(self, enough: Callable[[int, int], bool]) -> int:
        """Remove unused databases, those used longest ago first, until there is enough.

        `enough` judges the bytes in the cache and those free on its disk; the latter are returned.
        """
        entries = sorted(_entries(self._snapshots))
        total = sum(size for _, size, _ in entries)
        free = shutil.disk_usage(self.root).free
        for _, size, path in entries:
            if enough(total, free):
                break
            if self._leases.remove_unused(path):
                total -= size
                free += size
        return free

    def _forget_what_is_gone(self) -> None:
        for note in (self.root / "copies").glob("*.json"):
            noted = _read_json(note).get("storedSha256")
            if not isinstance(noted, str) or not self._database(noted).exists():
                note.unlink(missing_ok=True)


def _sweep(scratch: Path) -> None:
    """Remove what a process that died left behind."""
    for directory in scratch.iterdir():
        with suppress(OSError):
            if time.time() - directory.stat().st_mtime < _STALE_SCRATCH:
                continue
            lock = os.open(directory, os.O_RDONLY)
            try:
                if locked(lock, fcntl.LOCK_EX | fcntl.LOCK_NB):
                    shutil.rmtree(directory, ignore_errors=True)
            finally:
                os.close(lock)


def _cached(path: Path, stored_sha256: str) -> CachedDatabase | None:
    facts = _read_json(path.with_suffix(".json"))
    sha256, size, wrappings = facts.get("sha256"), facts.get("size"), facts.get("wrappings")
    if not isinstance(sha256, str) or not isinstance(size, int) or not isinstance(wrappings, list):
        return None
    return CachedDatabase(path, stored_sha256, sha256, size, tuple(map(str, wrappings)))


def _entries(directory: Path) -> Iterator[tuple[int, int, Path]]:
    """When it was used last, size, path, of every database."""
    for path in directory.glob("*.db"):
        with suppress(OSError):
            status = path.stat()
            yield status.st_atime_ns, status.st_size, path


def _read_json(path: Path) -> dict[str, object]:
    try:
        document = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return document if isinstance(document, dict) else {}


def _is_sha256(text: str) -> bool:
    return len(text) == 64 and set(text) <= set("0123456789abcdef")
