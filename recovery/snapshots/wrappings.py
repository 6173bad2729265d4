"""Streams out of compressed files, with bounded memory and clear words where they end early."""

from __future__ import annotations

import gzip
import zlib
from typing import IO, Protocol, cast

from recovery.errors import SnapshotError
from recovery.snapshots.sniffing import HEAD_SIZE

CHUNK = 1 << 20
"""Bytes that move at once."""

_ZSTD_BITE = 1024
"""Compressed bytes given to zstd at once: 4 bytes of it can stand for 128 KiB."""
_ZSTD_WINDOW = 1 << 27


class Source(Protocol):
    """Anything that bytes can be read from, front to back."""

    def read(self, size: int, /) -> bytes:
        """Up to `size` bytes; none at the end."""
        ...


class Peekable:
    """A source whose first bytes can be looked at before they are read."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._waiting = b""

    def head(self) -> bytes:
        """The next `HEAD_SIZE` bytes, fewer only at the end; they stay unread."""
        while len(self._waiting) < HEAD_SIZE:
            more = self._source.read(HEAD_SIZE - len(self._waiting))
            if not more:
                break
            self._waiting += more
        return self._waiting

    def read(self, size: int, /) -> bytes:
        """Up to `size` bytes, those looked at first."""
        if self._waiting:
            taken, self._waiting = self._waiting[:size], self._waiting[size:]
            return taken
        return self._source.read(size)


class Gunzipped:
    """What a gzip stream holds."""

    def __init__(self, source: Source, where: str) -> None:
        self._file = gzip.GzipFile(fileobj=cast(IO[bytes], source), mode="rb")
        self._where = where
        self._given = 0

    def read(self, size: int, /) -> bytes:
        """Up to `size` bytes. Raises SnapshotError where it is cut short or damaged."""
        try:
            piece = self._file.read(size)
        except EOFError as error:
            raise _cut_short("gzip", self._given, self._where) from error
        except (gzip.BadGzipFile, zlib.error) as error:
            raise _damaged("gzip", self._given, str(error), self._where) from error
        self._given += len(piece)
        return piece


class Unzstd:
    """What a zstd stream of one or several frames holds."""

    def __init__(self, source: Source, where: str) -> None:
        import zstandard

        self._error = zstandard.ZstdError
        self._frames = zstandard.ZstdDecompressor(max_window_size=_ZSTD_WINDOW)
        self._frame = self._frames.decompressobj()
        self._started = False
        self._source = source
        self._where = where
        self._compressed = b""
        self._eaten = 0
        self._ready = b""
        self._given = 0

    def read(self, size: int, /) -> bytes:
        """Up to `size` bytes. Raises SnapshotError where it is cut short or damaged."""
        while not self._ready:
            if self._eaten == len(self._compressed):
                self._compressed, self._eaten = self._source.read(CHUNK), 0
            if not self._compressed:
                if self._started and not self._frame.eof:
                    raise _cut_short("zstd", self._given, self._where)
                return b""
            self._bite()
        piece, self._ready = self._ready[:size], self._ready[size:]
        self._given += len(piece)
        return piece

    def _bite(self) -> None:
        if self._frame.eof:
            self._frame, self._started = self._frames.decompressobj(), False
        bite = self._compressed[self._eaten : self._eaten + _ZSTD_BITE]
        try:
            self._ready = self._frame.decompress(bite)
        except self._error as error:
            raise _damaged("zstd", self._given, str(error), self._where) from error
        self._started = True
        self._eaten += len(bite) - len(self._frame.unused_data)


def _cut_short(kind: str, given: int, where: str) -> SnapshotError:
    return SnapshotError(
        f"it is cut short: its {kind} stream ends in the middle, after {given} unpacked bytes",
        where=where,
        remedy="fetch it again, or choose another copy",
    )


def _damaged(kind: str, given: int, detail: str, where: str) -> SnapshotError:
    return SnapshotError(
        f"it is corrupt: its {kind} stream is damaged after {given} unpacked bytes",
        where=where,
        remedy="choose another copy",
        detail=detail,
    )
