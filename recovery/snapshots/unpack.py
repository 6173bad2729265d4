"""Take the wrappings off a stored snapshot: tar, gzip, zstd, or several of them, by content."""

from __future__ import annotations

import asyncio
import contextlib
import os
import struct
import tarfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import IO, cast

from recovery.errors import SnapshotError
from recovery.snapshots.sniffing import Shape, describe, shape_of
from recovery.snapshots.wrappings import CHUNK, Gunzipped, Peekable, Source, Unzstd

Progress = Callable[[int, int], None]
"""Called on the event loop's thread with bytes of the source read, and bytes in all."""

_MOST_WRAPPINGS = 4
_MOST_BYTES = 64 << 30
_MOST_TAR_ENTRIES = 100_000
_TAR_BUFFER = 1 << 18
_MOST_TAR_HEADER = (1 << 20) + _TAR_BUFFER
_NAMES_SHOWN = 8
_REPORT_EVERY = 4 << 20


async def unpack(source: Path, target: Path, progress: Progress | None = None) -> tuple[str, ...]:
    """Write the database that `source` holds to `target`, and tell the wrappings taken off.

    The shape is told from the content, never from the name: a bare database, a tar with one
    database among its regular files, gzip, zstd, and one inside the other, for example
    ("gzip", "tar"), outermost first. Only the database's bytes are written, to a file beside
    `target` with mode 0600, which gets its name when it is whole. Cancelling leaves nothing
    behind. Raises SnapshotError for what is cut short, damaged, or holds no database.
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


class _Archive:
    """A tar's bytes; while its headers are read it gives out no more than a header may take."""

    def __init__(self, source: Source, where: str) -> None:
        self._source = source
        self._where = where
        self.allowance: int | None = None

    def read(self, size: int, /) -> bytes:
        piece = self._source.read(size)
        if self.allowance is not None:
            self.allowance -= len(piece)
            if self.allowance < 0:
                raise SnapshotError("the tar has a header of absurd size", where=self._where)
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

    def unpack(self) -> tuple[str, ...]:
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
        return wrappings

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
        if wrappings is None:
            if len(outer) and outer[-1] == Shape.TAR.value:
                return None
            raise SnapshotError(
                f"it is no snapshot: inside {' and '.join(inner)} it is {describe(head)}",
                where=self._where,
                remedy="choose another copy",
            )
        self._drain(content)
        return wrappings

    def _search(self, stream: Peekable, inner: tuple[str, ...]) -> tuple[str, ...]:
        archive = _Archive(stream, self._where)
        found: list[str] = []
        others: list[str] = []
        wrappings: tuple[str, ...] | None = None
        archive.allowance = _MOST_TAR_HEADER
        try:
            with tarfile.open(
                fileobj=cast(IO[bytes], archive), mode="r|", bufsize=_TAR_BUFFER
            ) as tar:
                while (entry := tar.next()) is not None:
                    archive.allowance = None
                    tar.members.clear()  # type: ignore[attr-defined]
                    self._refuse(entry, len(found) + len(others))
                    opened = self._open_entry(tar, entry, inner, bool(found))
                    if opened is None:
                        others.append(_described(entry))
                    else:
                        found.append(_shown(entry.name))
                        wrappings = opened
                    archive.allowance = _MOST_TAR_HEADER
        except tarfile.TarError as error:
            raise SnapshotError(
                "it is corrupt: the tar is damaged or cut short between its files",
                where=self._where,
                remedy="choose another copy",
                detail=str(error),
            ) from error
        if len(found) > 1:
            raise SnapshotError(
                f"the tar holds {len(found)} databases: {_listed(found)}",
                where=self._where,
                remedy="unpack it by hand and name the one that is meant",
            )
        if wrappings is None:
            raise SnapshotError(
                f"the tar holds no etcd database, but {_listed(others) or 'nothing'}",
                where=self._where,
                remedy="choose another copy",
            )
        return wrappings

    def _open_entry(
        self, tar: tarfile.TarFile, entry: tarfile.TarInfo, inner: tuple[str, ...], again: bool
    ) -> tuple[str, ...] | None:
        if not entry.isreg():
            return None
        file = tar.extractfile(entry)
        if file is None:
            return None
        member = _Member(file, entry, self._where)
        content = Peekable(member)
        if again:
            shape = shape_of(content.head())
            self._drain(content)
            return inner if shape is Shape.DATABASE else None
        wrappings = self._open(content, inner)
        self._drain(content)
        return wrappings

    def _refuse(self, entry: tarfile.TarInfo, earlier: int) -> None:
        if entry.issparse():
            raise SnapshotError(
                f"{_shown(entry.name)} in the tar is stored as a sparse file, which is not read",
                where=self._where,
                remedy="unpack it by hand with tar, and name the file itself",
            )
        if earlier >= _MOST_TAR_ENTRIES:
            raise SnapshotError(
                f"the tar holds more than {_MOST_TAR_ENTRIES} files", where=self._where
            )

    def _write(self, stream: Peekable) -> None:
        most = min(_MOST_BYTES, _plausible_size(stream.head()))
        self._partial.unlink(missing_ok=True)
        handle = os.open(self._partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        written = 0
        with os.fdopen(handle, "wb", buffering=CHUNK) as target:
            while piece := stream.read(CHUNK):
                written += len(piece)
                if written > most:
                    raise SnapshotError(
                        f"it unpacks to more than {most} bytes, which no etcd database "
                        "with its header has",
                        where=self._where,
                    )
                target.write(piece)
            target.flush()
            os.fsync(target.fileno())

    def _drain(self, stream: Source) -> None:
        """Read to the end, so that a checksum there is checked and the next file is reached."""
        while piece := stream.read(CHUNK):
            self._drained += len(piece)
            if self._drained > _MOST_BYTES:
                raise SnapshotError(
                    f"it unpacks to more than {_MOST_BYTES >> 30} GiB", where=self._where
                )


class _Member:
    """One file of a tar, whose end is known beforehand."""

    def __init__(self, file: IO[bytes], entry: tarfile.TarInfo, where: str) -> None:
        self._file = file
        self._entry = entry
        self._where = where
        self._given = 0

    def read(self, size: int, /) -> bytes:
        size = min(size, self._entry.size - self._given)
        if not size:
            return b""
        try:
            piece = self._file.read(size)
        except tarfile.ReadError:
            piece = b""
        if not piece:
            raise SnapshotError(
                f"it is cut short: {_shown(self._entry.name)} in the tar ends at byte "
                f"{self._given} of {self._entry.size}",
                where=self._where,
                remedy="fetch it again, or choose another copy",
            )
        self._given += len(piece)
        return piece


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
    return most + (2 << 30)


def _shown(name: str) -> str:
    """A name out of an archive, safe on one line of a terminal."""
    text = name.encode("utf-8", "backslashreplace").decode()
    return repr(text if len(text) <= 80 else text[:77] + "...")


def _described(entry: tarfile.TarInfo) -> str:
    kinds = (
        (entry.isdir(), "a directory"),
        (entry.issym() or entry.islnk(), "a link"),
        (entry.isdev(), "a device"),
    )
    kind = next((words for holds, words in kinds if holds), f"{entry.size} bytes")
    return f"{_shown(entry.name)} ({kind})"


def _listed(names: list[str]) -> str:
    more = len(names) - _NAMES_SHOWN
    return ", ".join(names[:_NAMES_SHOWN]) + (f" and {more} more" if more > 0 else "")
