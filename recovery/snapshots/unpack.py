"""Take the wrappings off a stored snapshot: tar, gzip, zstd, or several of them, by content."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import struct
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from recovery.errors import SnapshotError
from recovery.snapshots.archives import listed, tar_entries
from recovery.snapshots.sniffing import Shape, describe, shape_of
from recovery.snapshots.wrappings import CHUNK, Gunzipped, Peekable, Source, Unzstd

Progress = Callable[[int, int], None]
"""Called on the event loop's thread with bytes of the source read, and bytes in all."""

_MOST_WRAPPINGS = 4
_MOST_BYTES = 64 << 30
_GROWN_AHEAD = 2 << 30
_REPORT_EVERY = 4 << 20


@dataclass(frozen=True, slots=True)
class Unpacked:
    """What was taken out of a stored file."""

    wrappings: tuple[str, ...]
    """What was taken off, outermost first: for example ("gzip", "tar")."""
    sha256: str
    """Of the database's bytes as they were written, lower-case hex."""


async def unpack(source: Path, target: Path, progress: Progress | None = None) -> Unpacked:
    """Write the database that `source` holds to `target`.

    The shape is told from the content, never from the name: a bare database, a tar with one
    database among its regular files, gzip, zstd, and one inside the other, for example
    ("gzip", "tar"), outermost first. Only the database's bytes are written, to a file beside
    `target` with mode 0600, which gets its name when it is whole. It is not waited for on disk:
    whoever uses it after a crash compares its sha256. Cancelling leaves nothing behind. Raises
    SnapshotError for what is cut short, damaged, or holds no database.
    """
    loop = asyncio.get_running_loop()
    stop = threading.Event()

    def report(done: int, total: int) -> None:
        if progress is not None:
            loop.call_soon_threadsafe(progress, done, total)

    work = asyncio.ensure_future(asyncio.to_thread(_Unpacking(source, target, report, stop).unpack))
    try:
        return await asyncio.shield(work)
    except asyncio.CancelledError:
        stop.set()
        with contextlib.suppress(SnapshotError, _StoppedError):
            await work
        raise


class _StoppedError(Exception):
    """Somebody cancelled; seen in the thread only."""


class _StoredFile:
    """The file as it is stored: reports how far it was read, and notices a cancel."""

    def __init__(self, file: IO[bytes], report: Progress, stop: threading.Event) -> None:
        self._file = file
        self._report = report
        self._stop = stop
        self.size = os.fstat(file.fileno()).st_size
        self._done = 0
        self._reported = 0

    def read(self, size: int, /) -> bytes:
        if self._stop.is_set():
            raise _StoppedError
        piece = self._file.read(size)
        self._done += len(piece)
        if self._done - self._reported >= _REPORT_EVERY or not piece:
            self._reported = self._done
            self._report(self._done, self.size)
        return piece


class _Unpacking:
    """One source on its way to one target. Runs in a thread."""

    def __init__(self, source: Path, target: Path, report: Progress, stop: threading.Event) -> None:
        self._path = source
        self._where = str(source)
        self._target = target
        self._partial = target.with_name(target.name + ".partial")
        self._report = report
        self._stop = stop
        self._drained = 0
        self._sha256 = ""

    def unpack(self) -> Unpacked:
        try:
            with self._path.open("rb") as file:
                wrappings = self._found(_StoredFile(file, self._report, self._stop))
            self._partial.replace(self._target)
        except OSError as error:
            raise SnapshotError(
                f"it cannot be unpacked: {error.strerror or error}",
                where=str(error.filename or self._where),
                remedy="look at the disk's space and the directory's permissions",
            ) from error
        finally:
            self._partial.unlink(missing_ok=True)
        return Unpacked(wrappings, self._sha256)

    def _found(self, source: Source) -> tuple[str, ...]:
        stream = Peekable(source)
        head = stream.head()
        wrappings = self._open(stream, ())
        if wrappings is None:
            raise SnapshotError(
                f"it is no snapshot: it is {describe(head)}",
                where=self._where,
                remedy="choose another copy",
            )
        return wrappings

    def _open(self, stream: Peekable, outer: tuple[str, ...]) -> tuple[str, ...] | None:
        """Unwrap until the database; None where there is none and nothing is to be said."""
        shape = shape_of(stream.head())
        if shape is Shape.DATABASE:
            self._write(stream)
            return outer
        if shape is Shape.OTHER:
            return None
        if len(outer) >= _MOST_WRAPPINGS:
            raise SnapshotError(
                f"it is wrapped more than {_MOST_WRAPPINGS} times", where=self._where
            )
        inner = (*outer, shape.value)
        if shape is Shape.TAR:
            return self._search(stream, inner)
        unwrapped = (Gunzipped if shape is Shape.GZIP else Unzstd)(stream, self._where)
        content = Peekable(unwrapped)
        head = content.head()
        wrappings = self._open(content, inner)
        if wrappings is None and Shape.TAR.value not in inner:
            raise SnapshotError(
                f"it is no snapshot: inside {' and '.join(inner)} it is {describe(head)}",
                where=self._where,
                remedy="choose another copy",
            )
        self._drain(content)
        return wrappings

    def _search(self, stream: Peekable, inner: tuple[str, ...]) -> tuple[str, ...] | None:
        """The one database among a tar's files; None where it is a tar inside a tar without."""
        found: list[tuple[str, tuple[str, ...]]] = []
        others: list[str] = []
        trouble: SnapshotError | None = None
        for entry in tar_entries(stream, self._where):
            opened = None
            if entry.content is not None:
                content = Peekable(entry.content)
                shape = shape_of(content.head())
                if found:
                    opened = inner if shape is Shape.DATABASE else None
                else:
                    try:
                        opened = self._open(content, inner)
                    except SnapshotError as error:
                        if shape is Shape.DATABASE:
                            raise
                        trouble = error
                self._drain(content)
            if opened is None:
                others.append(entry.described)
            else:
                found.append((entry.name, opened))
        if len(found) > 1:
            raise SnapshotError(
                f"the tar holds {len(found)} databases: {listed([name for name, _ in found])}",
                where=self._where,
                remedy="unpack it by hand and name the one that is meant",
            )
        if found:
            return found[0][1]
        if trouble is not None:
            raise trouble
        if inner.count(Shape.TAR.value) > 1:
            return None
        raise SnapshotError(
            f"the tar holds no etcd database, but {listed(others) or 'nothing'}",
            where=self._where,
            remedy="choose another copy",
        )

    def _write(self, stream: Peekable) -> None:
        most = min(_MOST_BYTES, _plausible_size(stream.head()))
        self._partial.unlink(missing_ok=True)
        handle = os.open(self._partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        written = 0
        digest = hashlib.sha256()
        hashed: Future[None] | None = None
        with (
            os.fdopen(handle, "wb", buffering=CHUNK) as target,
            ThreadPoolExecutor(1, "hashing") as beside,
        ):
            while piece := stream.read(CHUNK):
                written += len(piece)
                if written > most:
                    raise SnapshotError(
                        f"it unpacks to more than {most} bytes, which no etcd database "
                        "with its header has",
                        where=self._where,
                    )
                if hashed is not None:
                    hashed.result()
                hashed = beside.submit(digest.update, piece)
                target.write(piece)
        self._sha256 = digest.hexdigest()

    def _drain(self, stream: Source) -> None:
        """Read to the end, so that a checksum there is checked and the next file is reached."""
        while piece := stream.read(CHUNK):
            self._drained += len(piece)
            if self._drained > _MOST_BYTES:
                raise SnapshotError(
                    f"it unpacks to more than {_MOST_BYTES >> 30} GiB", where=self._where
                )


def _plausible_size(head: bytes) -> int:
    """What a database of this header can take at most: bbolt grows a file ahead of its use."""
    most = 0
    for size in (512 << shift for shift in range(8)):
        for place in (0, size):
            meta = head[place + 16 : place + 80]
            if len(meta) == 64 and meta.startswith(b"\xed\xda\x0c\xed"):
                (page_size,) = struct.unpack_from("<I", meta, 8)
                (pages,) = struct.unpack_from("<Q", meta, 40)
                most = max(most, page_size * pages)
    return most + _GROWN_AHEAD
