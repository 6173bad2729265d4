"""A snapshot that a real etcd gave, and the database file that it left behind."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tests.snapshots.lone_etcd import LoneEtcd


@dataclass(frozen=True)
class RealSnapshot:
    """What etcd gave."""

    saved: bytes
    """Taken through the API: it ends in its hash."""
    left_behind: bytes
    """The member's own database file: it has no hash."""


def take_snapshot(directory: Path) -> RealSnapshot:
    """Run etcd for a moment, write some keys, take a snapshot."""
    with LoneEtcd(directory) as etcd:
        for number in range(20):
            etcd.put(f"/registry/pods/default/{number}", "x" * 500)
        saved = etcd.save(directory / "saved.db")
    return RealSnapshot(saved.read_bytes(), etcd.database.read_bytes())
