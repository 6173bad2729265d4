"""What a restored cluster must hold, taken from the snapshot that it was restored from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from recovery.snapshots.model import SnapshotContents


@dataclass(frozen=True, slots=True)
class Expected:
    """The data that the restore brought back; the health checks compare the members with it."""

    revision: int
    """The snapshot's revision."""
    live_keys: int
    """Keys present at that revision."""
    revision_bump: int = 0
    """What the restore added to the revision; 0 where the program could not."""
    resources: Sequence[tuple[str, int]] = ()
    """Objects by resource, named as `inspect` names them; read back, a list of lists."""

    @classmethod
    def of(cls, contents: SnapshotContents, revision_bump: int = 0) -> Self:
        """From what reading the snapshot told."""
        resources = tuple((one.name, one.count) for one in contents.resources)
        return cls(contents.revision, contents.live_keys, revision_bump, resources)

    @property
    def restored_revision(self) -> int:
        """The revision that the cluster starts from, with exactly the snapshot's keys."""
        return self.revision + self.revision_bump
