"""This machine's disk: errors in words, files that appear whole or not at all, checksums."""

from __future__ import annotations

import errno
import hashlib
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from recovery.errors import DiskError

_FULL = {errno.ENOSPC, errno.EDQUOT}


def disk_error(error: OSError, path: Path) -> DiskError:
    """The error as one for people; a full disk has a remedy of its own."""
    if error.errno in _FULL:
        return DiskError(
            "this machine's disk is full",
            where=str(path),
            remedy="make room there, or set XDG_CACHE_HOME to a directory on a larger disk",
        )
    return DiskError(
        f"a file cannot be written here: {error.strerror or error}",
        where=str(path),
        remedy="check the directory and its owner, or set XDG_CACHE_HOME to another one",
    )


@contextmanager
def whole_file(target: Path) -> Iterator[BinaryIO]:
    """A file to write (mode 0600) that gets its name only when all went well, synced to disk.

    Raises OSError as it comes; nothing is left behind then.
    """
    partial = target.with_name(f"{target.name}.{os.getpid()}-{threading.get_ident()}.partial")
    partial.unlink(missing_ok=True)
    try:
        with os.fdopen(os.open(partial, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)


def sha256_of(path: Path) -> str:
    """The file's sha256, lower-case hex. Blocks."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
