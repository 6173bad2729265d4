"""From a snapshot that was fetched and verified to what a plan needs of it."""

from __future__ import annotations

from datetime import datetime

from recovery.backups.model import Integrity
from recovery.errors import RefusedError
from recovery.restore.plan import PlannedMember, RestoreSource
from recovery.snapshots.model import FetchedSnapshot, SnapshotContents


def require_sound(fetched: FetchedSnapshot) -> SnapshotContents:
    """What is inside; raises RefusedError for a corrupt snapshot."""
    contents = fetched.verdict.contents
    if contents is None or fetched.verdict.integrity is Integrity.CORRUPT:
        raise RefusedError(
            f"this snapshot is corrupt: {fetched.verdict.reason or 'it cannot be read'}",
            where=fetched.location,
            remedy="choose another one; `etcd-rescue verify --all` tells which are good",
        )
    return contents


def has_hash(fetched: FetchedSnapshot) -> bool:
    """Whether it carries the sha256 that etcd wrote at its end, and that matches."""
    return fetched.verdict.integrity is Integrity.VERIFIED


def restore_source(fetched: FetchedSnapshot, taken_at: datetime | None) -> RestoreSource:
    """The snapshot as a plan names it; raises RefusedError for a corrupt one."""
    contents = require_sound(fetched)
    return RestoreSource(
        name=fetched.name,
        location=fetched.location,
        sha256=fetched.sha256,
        size=fetched.size,
        has_hash=has_hash(fetched),
        revision=contents.revision,
        taken_at=f"{taken_at:%Y-%m-%dT%H:%M:%SZ}" if taken_at else None,
        member=fetched.member,
        members=tuple(PlannedMember(each.name, each.peer_urls) for each in contents.members),
        alarms=contents.alarms,
        wrappings=fetched.unpacked_from,
    )
