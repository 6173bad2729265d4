"""The directory of one trial: private, locked while it is in use, gone afterwards.

Directories lie below `trials` in the cache. Whoever begins a trial first removes those whose
process was killed: nobody holds their lock any more.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from recovery.backups.cache_leases import locked
from recovery.backups.disk import disk_error
from recovery.errors import DiskError
from recovery.places import make_private
from recovery.rehearsal.node.processes import kill_marked

MEMBERS = 3

_WAL = 128 << 20
"""A member's log: etcd makes files of 64 MB, and the next one in advance."""
_SLACK = 256 << 20
"""The list of keys, logs, and what a database grows by."""


@dataclass(frozen=True, slots=True)
class ScratchDirectory:
    """A directory that this process has locked."""

    path: Path
    handle: int
    """Of the directory itself, open as long as it is in use."""

    def reach(self, name: str) -> str:
        """A short path to a file in it: a socket's may have no more than 107 bytes."""
        return f"/proc/{os.getpid()}/fd/{self.handle}/{name}"

    def remove(self) -> None:
        """End whatever process still belongs to it, and remove it with its contents. Blocks."""
        _remove(self.path)


@contextmanager
def scratch_directory(cache: Path) -> Iterator[ScratchDirectory]:
    """A new directory below the cache; with the block end its processes and it itself.

    Blocks for moments. Raises RescueError or DiskError where it cannot be made.
    """
    trials = make_private(cache / "trials")
    try:
        with _alone(trials):
            _sweep(trials)
            path = Path(tempfile.mkdtemp(dir=trials))
            handle = os.open(path, os.O_RDONLY)
            locked(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        raise disk_error(error, trials) from error
    try:
        yield ScratchDirectory(path, handle)
    finally:
        _remove(path)
        os.close(handle)


def needed_space(database_size: int) -> int:
    """Bytes that a trial of a database takes, generously."""
    return MEMBERS * (database_size + _WAL) + _SLACK


def require_space(directory: Path, database_size: int) -> None:
    """Raise DiskError where the trial would not fit on the directory's disk."""
    needed = needed_space(database_size)
    free = shutil.disk_usage(directory).free
    if free < needed:
        raise DiskError(
            f"the trial needs {_gigabytes(needed)} of disk, and {_gigabytes(free)} are free",
            where=str(directory),
            remedy="make room there, or set XDG_CACHE_HOME to a directory on a larger disk",
        )


@contextmanager
def _alone(trials: Path) -> Iterator[None]:
    """No other process makes or sweeps directories meanwhile."""
    handle = os.open(trials, os.O_RDONLY)
    try:
        locked(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _sweep(trials: Path) -> None:
    for path in trials.iterdir():
        try:
            handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
        except OSError:
            continue
        try:
            if locked(handle, fcntl.LOCK_EX | fcntl.LOCK_NB):
                _remove(path)
        finally:
            os.close(handle)


def _remove(path: Path) -> None:
    kill_marked(path)
    shutil.rmtree(path, ignore_errors=True)


def _gigabytes(count: int) -> str:
    return f"{count / 2**30:.1f} GiB"
