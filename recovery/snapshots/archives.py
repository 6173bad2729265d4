"""The files of a tar, one after another, as streams: nothing is extracted, no name is a path."""

from __future__ import annotations

import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, cast

from recovery.errors import SnapshotError
from recovery.snapshots.wrappings import CHUNK, Source

_MOST_ENTRIES = 100_000
_BUFFER = 1 << 18
_MOST_HEADER = (1 << 20) + _BUFFER
_NAMES_SHOWN = 8
_EMPTY_READS = 16
"""tarfile skips a file by reading it, and goes on at the archive's end if its size is absurd."""


@dataclass(frozen=True, slots=True)
class TarEntry:
    """One entry. Read its content before going on to the next one."""

    name: str
    """Quoted, safe on one line of a terminal."""
    described: str
    """The name and what it is: "'pki' (a directory)"."""
    content: Source | None
    """None for what is no regular file."""


def tar_entries(source: Source, where: str) -> Iterator[TarEntry]:
    """The entries in order. Raises SnapshotError where the tar is damaged or cut short."""
    archive = _Archive(source, where)
    archive.allowance = _MOST_HEADER
    count = 0
    try:
        with tarfile.open(fileobj=cast(IO[bytes], archive), mode="r|", bufsize=_BUFFER) as tar:
            while (entry := tar.next()) is not None:
                tar.members.clear()  # type: ignore[attr-defined]
                archive.allowance = None
                count += 1
                if count > _MOST_ENTRIES:
                    raise SnapshotError(
                        f"the tar holds more than {_MOST_ENTRIES} files", where=where
                    )
                if entry.size < 0:
                    raise tarfile.ReadError("a file of less than nothing")
                member = _member(tar, entry, archive)
                yield TarEntry(_shown(entry.name), _described(entry), member)
                if member is not None:
                    while member.read(CHUNK):
                        pass
                archive.allowance = _MOST_HEADER
    except (tarfile.TarError, ValueError, OverflowError, RecursionError) as error:
        # What tarfile lets escape where a header gives a size below zero or beyond all files.
        raise SnapshotError(
            "it is corrupt: the tar is damaged or cut short between its files",
            where=where,
            remedy="choose another copy",
            detail=str(error),
        ) from error


def listed(names: list[str]) -> str:
    """Names in one line, the first few of them."""
    more = len(names) - _NAMES_SHOWN
    return ", ".join(names[:_NAMES_SHOWN]) + (f" and {more} more" if more > 0 else "")


class _Archive:
    """A tar's bytes; while its headers are read it gives out no more than a header may take."""

    def __init__(self, source: Source, where: str) -> None:
        self._source = source
        self.where = where
        self.total = 0
        self.allowance: int | None = None
        self._empty = 0

    def read(self, size: int, /) -> bytes:
        piece = self._source.read(size)
        self.total += len(piece)
        self._empty = 0 if piece else self._empty + 1
        if self._empty > _EMPTY_READS:
            raise tarfile.ReadError("a file in it goes on behind its end")
        if self.allowance is not None:
            self.allowance -= len(piece)
            if self.allowance < 0:
                raise SnapshotError("the tar has a header of absurd size", where=self.where)
        return piece


class _Member:
    """One regular file of a tar, whose end is known beforehand."""

    def __init__(self, file: IO[bytes], entry: tarfile.TarInfo, archive: _Archive) -> None:
        self._file = file
        self._entry = entry
        self._archive = archive
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
            end = max(0, self._archive.total - self._entry.offset_data)
            raise SnapshotError(
                f"it is cut short: {_shown(self._entry.name)} in the tar ends at byte "
                f"{end} of {self._entry.size}",
                where=self._archive.where,
                remedy="fetch it again, or choose another copy",
            )
        self._given += len(piece)
        return piece


def _member(tar: tarfile.TarFile, entry: tarfile.TarInfo, archive: _Archive) -> _Member | None:
    if entry.issparse():
        raise SnapshotError(
            f"{_shown(entry.name)} in the tar is stored as a sparse file, which is not read",
            where=archive.where,
            remedy="unpack it by hand with tar, and name the file itself",
        )
    file = tar.extractfile(entry) if entry.isreg() else None
    return None if file is None else _Member(file, entry, archive)


def _shown(name: str) -> str:
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
