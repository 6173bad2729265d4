"""Who uses which file of the cache: shared locks that hold across processes."""

from __future__ import annotations

import fcntl
import os
import threading
from pathlib import Path


def locked(handle: int, how: int) -> bool:
    """Whether the flock was got. A filesystem without locks gives none; nothing goes there."""
    try:
        fcntl.flock(handle, how)
    except OSError:
        return False
    return True


class Leases:
    """The databases that this process uses, in the order in which it got them."""

    def __init__(self) -> None:
        self._handles: dict[str, int] = {}
        self._pinned: set[str] = set()
        self._changing = threading.RLock()

    def open(self, path: Path) -> int:
        """A handle to the file with a shared lock on it; raises OSError where there is none."""
        handle = os.open(path, os.O_RDONLY)
        locked(handle, fcntl.LOCK_SH)
        return handle

    def take(self, path: Path, handle: int) -> None:
        """Use the file from now on; the handle has the lock."""
        with self._changing:
            earlier = self._handles.pop(path.stem, None)
            if earlier is not None:
                os.close(earlier)
            self._handles[path.stem] = handle

    def pin(self, path: Path) -> None:
        """Never give this one up."""
        with self._changing:
            self._pinned.add(path.stem)

    def remove_unused(self, path: Path) -> bool:
        """Remove the file and its facts, unless it is pinned, our newest, or used elsewhere."""
        with self._changing:
            newest = next(reversed(self._handles), None)
            if path.stem in self._pinned or path.stem == newest:
                return False
            ours = self._handles.pop(path.stem, None)
            if ours is not None:
                os.close(ours)
            try:
                handle = os.open(path, os.O_RDONLY)
            except OSError:
                return False
            try:
                if not locked(handle, fcntl.LOCK_EX | fcntl.LOCK_NB):
                    return False
                path.unlink(missing_ok=True)
                path.with_suffix(".json").unlink(missing_ok=True)
                return True
            finally:
                os.close(handle)

    def close(self) -> None:
        """Give up everything that is not pinned."""
        with self._changing:
            for stem in [stem for stem in self._handles if stem not in self._pinned]:
                os.close(self._handles.pop(stem))
