"""From a snapshot that was judged to what a plan needs of it."""

from __future__ import annotations

from datetime import datetime

from recovery.backups.model import Integrity
from recovery.errors import RefusedError
from recovery.restore.plan import PlannedMember, RestoreSource
from recovery.snapshots.model import JudgedSnapshot, SnapshotContents


def require_sound(judged: JudgedSnapshot) -> SnapshotContents:
    """What is inside; raises RefusedError for a corrupt snapshot."""
    contents = judged.verdict.contents
    if contents is None or judged.verdict.integrity is Integrity.CORRUPT:
        raise RefusedError(
            f"this snapshot is corrupt: {judged.verdict.reason or 'it cannot be read'}",
            where=judged.location,
            remedy="choose another one; `etcd-rescue verify --all` tells which are good",
        )
    return contents


def has_hash(judged: JudgedSnapshot) -> bool:
    """Whether it carries the sha256 that etcd wrote at its end, and that matches."""
    return judged.verdict.integrity is Integrity.VERIFIED


def restore_source(judged: JudgedSnapshot, taken_at: datetime | None) -> RestoreSource:
    """The snapshot as a plan names it; raises RefusedError for a corrupt one."""
    contents = require_sound(judged)
    return RestoreSource(
        name=judged.name,
        location=judged.location,
        sha256=judged.verdict.sha256,
        size=judged.verdict.size,
        has_hash=has_hash(judged),
        revision=contents.revision,
        taken_at=f"{taken_at:%Y-%m-%dT%H:%M:%SZ}" if taken_at else None,
        member=judged.member,
        members=tuple(PlannedMember(each.name, each.peer_urls) for each in contents.members),
        alarms=contents.alarms,
        wrappings=judged.unpacked_from,
    )
