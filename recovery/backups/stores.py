"""What every place where backups lie can be asked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from recovery.backups.model import Copy, StoreKind

if TYPE_CHECKING:
    from recovery.snapshots.model import Verdict

BytesProgress = Callable[[int, int], None]
"""Called on the event loop's thread with the bytes done and the bytes in all (0 if unknown)."""


@dataclass(frozen=True, slots=True)
class ReadInPlace:
    """What a store found out about a copy, without handing it over."""

    verdict: Verdict
    wrappings: tuple[str, ...] = ()


class Store(Protocol):
    """A directory on a node, a bucket, or this machine's own files."""

    @property
    def kind(self) -> StoreKind:
        """What kind of place it is."""
        ...

    @property
    def label(self) -> str:
        """The place as a person names it: `etcd-1:/cpaas/backup`, `s3://bucket/dir/`."""
        ...

    def holds(self, copy: Copy) -> bool:
        """Whether the copy is to be had from here. Asks nobody."""
        ...

    async def list(self) -> tuple[Copy, ...]:
        """The copies that lie here, in no particular order.

        Raises a RescueError (StoreError, or the node's own) where the place cannot be listed.
        """
        ...

    async def look_up(self, copy: Copy) -> Copy:
        """The same copy with its size and times as they are now.

        Raises a RescueError where nothing lies there, or where nobody answers.
        """
        ...

    async def fetch(self, copy: Copy, target: Path, progress: BytesProgress | None = None) -> str:
        """Bring the stored bytes to `target` on this machine; returns their sha256 (hex).

        `target` exists afterwards only if everything arrived. Raises a RescueError otherwise.
        """
        ...

    async def read_in_place(
        self, copy: Copy, progress: BytesProgress | None = None
    ) -> ReadInPlace | None:
        """Judge the copy where it lies; None where it has to be fetched for that.

        Raises a RescueError where nobody answers.
        """
        ...


class WritableStore(Store, Protocol):
    """A place that new backups are written to, and old ones deleted from."""

    async def put(
        self, file: Path, name: str, sha256: str, progress: BytesProgress | None = None
    ) -> Copy:
        """Bring a file of this machine there under that name; returns the copy as listed.

        `sha256` (hex) is the file's. The name exists there only once all bytes were seen to have
        arrived, and nothing is overwritten. Raises a RescueError otherwise.
        """
        ...

    async def remove(self, copy: Copy, keeping: Copy) -> None:
        """Delete one copy that is still as it was listed, while `keeping` lies in the same place.

        Raises a RescueError, and deletes nothing, where either is not so.
        """
        ...
