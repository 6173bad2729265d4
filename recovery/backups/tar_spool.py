"""A backup as it lies in a store, written while the database streams in: a tar of one file.

The platform packs each snapshot into a tar. Its header says how long the database is, which is
known at the end only: so room is left for it, and it is written last. Nothing is copied twice.
"""

from __future__ import annotations

import os
import tarfile
from datetime import datetime
from typing import BinaryIO

MEMBER_NAME = "snapshot.db"
"""What the database is called inside."""

_OVERHEAD = tarfile.BLOCKSIZE + tarfile.RECORDSIZE


def packed_size(database: int) -> int:
    """The most bytes that a tar of a database of that many bytes takes."""
    return database + 2 * _OVERHEAD


class TarSpool:
    """One tar on its way to `file`, which is empty and open for writing."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.done = 0
        """Bytes of the database so far."""
        file.write(bytes(tarfile.BLOCKSIZE))

    def write(self, part: bytes) -> None:
        """Add the next bytes of the database."""
        self._file.write(part)
        self.done += len(part)

    def finish(self, at: datetime) -> None:
        """Pad it and write the header; afterwards it is a whole tar."""
        entry = tarfile.TarInfo(MEMBER_NAME)
        entry.size = self.done
        entry.mtime = int(at.timestamp())
        entry.mode = 0o600
        header = entry.tobuf(tarfile.GNU_FORMAT)
        # Two empty blocks end a tar, which is filled up to whole records.
        end = tarfile.BLOCKSIZE + self.done + 2 * tarfile.BLOCKSIZE
        whole = -(-end // tarfile.RECORDSIZE) * tarfile.RECORDSIZE
        self._file.write(bytes(whole - tarfile.BLOCKSIZE - self.done))
        self._file.seek(0, os.SEEK_SET)
        self._file.write(header)
