"""Snapshot files on this machine, which a person names."""

from __future__ import annotations

import asyncio
import hashlib
import os
import posixpath
import threading
from datetime import UTC, datetime
from pathlib import Path

from recovery.backups.disk import disk_error, whole_file
from recovery.backups.model import Copy, StoreKind
from recovery.backups.outside_text import one_line
from recovery.backups.stores import BytesProgress, ReadInPlace
from recovery.errors import StoreError

_CHUNK = 4 << 20


class LocalStore:
    """This machine's files. It lists none: only what a person names is looked at.

    A file is copied before it is verified, so that what was verified is what is restored, whatever
    happens to the file meanwhile.
    """

    kind = StoreKind.BASTION
    label = "this machine"

    def holds(self, copy: Copy) -> bool:
        """Every copy on this machine."""
        return copy.store is StoreKind.BASTION

    async def list(self) -> tuple[Copy, ...]:
        """Nothing."""
        return ()

    async def look_up(self, copy: Copy) -> Copy:
        """The file as it is now; StoreError where there is none, or nothing to be read."""
        return await asyncio.to_thread(describe_file, Path(copy.path))

    async def fetch(self, copy: Copy, target: Path, progress: BytesProgress | None = None) -> str:
        """Copy the file; StoreError where it cannot be read, or where there is no room."""
        loop = asyncio.get_running_loop()
        stop = threading.Event()

        def report(done: int) -> None:
            if progress is not None and not stop.is_set():
                loop.call_soon_threadsafe(progress, done, copy.size)

        def duplicate() -> str:
            digest = hashlib.sha256()
            done = 0
            try:
                source = Path(copy.path).open("rb")  # noqa: SIM115 - closed by the `with` below
            except OSError as error:
                raise _unreadable(error, Path(copy.path)) from error
            try:
                with source, whole_file(target) as file:
                    while chunk := source.read(_CHUNK):
                        if stop.is_set():
                            raise InterruptedError
                        digest.update(chunk)
                        file.write(chunk)
                        done += len(chunk)
                        report(done)
            except OSError as error:
                raise disk_error(error, target.parent) from error
            return digest.hexdigest()

        try:
            return await asyncio.to_thread(duplicate)
        finally:
            stop.set()

    async def read_in_place(
        self, copy: Copy, progress: BytesProgress | None = None
    ) -> ReadInPlace | None:
        """It is here: None, because fetching it costs nothing."""
        return None


def describe_file(path: Path) -> Copy:
    """A file on this machine as a copy. Blocks; raises StoreError where there is no such file."""
    absolute = posixpath.abspath(path)
    try:
        status = os.stat(absolute)  # noqa: PTH116 - works for every path, also one that is odd
    except (OSError, ValueError) as error:
        raise _unreadable(error, path) from error
    if not os.path.isfile(absolute):  # noqa: PTH113
        raise StoreError("it is no file", where=one_line(path), remedy="name the file itself")
    return Copy(
        store=StoreKind.BASTION,
        path=absolute,
        size=status.st_size,
        modified_at=datetime.fromtimestamp(status.st_mtime, UTC),
        identity=f"{status.st_dev} {status.st_ino} {status.st_ctime_ns}",
    )


def _unreadable(error: Exception, path: Path) -> StoreError:
    why = (error.strerror if isinstance(error, OSError) else None) or str(error)
    return StoreError(
        f"the file cannot be read: {why}", where=one_line(path), remedy="check the path"
    )
