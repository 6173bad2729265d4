"""Files of one backup: the platform names each by the node that wrote it.

They were taken at the same moment and may differ by a revision or two, so they stay snapshots of
their own; where a person looks for a backup, one of them stands for all.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import lru_cache

from recovery.backups.model import Integrity, Snapshot
from recovery.backups.naming import BackupName, parse_name

_SOUNDEST_FIRST = (
    Integrity.VERIFIED,
    Integrity.NO_HASH,
    Integrity.UNVERIFIED,
    Integrity.CORRUPT,
)


def by_backup(snapshots: Iterable[Snapshot]) -> list[tuple[Snapshot, ...]]:
    """The snapshots, those of one backup together, in the order in which backups come first.

    Of each backup the file to be preferred comes first: usable, verified, with most copies.
    """
    groups: dict[tuple[datetime | str, bool], list[Snapshot]] = {}
    for snapshot in snapshots:
        groups.setdefault(_backup(snapshot), []).append(snapshot)
    return [tuple(sorted(group, key=_preference)) for group in groups.values()]


def siblings_of(snapshot: Snapshot, snapshots: Sequence[Snapshot]) -> tuple[Snapshot, ...]:
    """The other files of the same backup."""
    if _moment(snapshot) is None:
        return ()
    own = _backup(snapshot)
    return tuple(each for each in snapshots if each.name != snapshot.name and _backup(each) == own)


def _preference(snapshot: Snapshot) -> tuple[bool, int, int, str]:
    rank = _SOUNDEST_FIRST.index(snapshot.integrity)
    return (not snapshot.usable, rank, -len(snapshot.copies), snapshot.name)


def _backup(snapshot: Snapshot) -> tuple[datetime | str, bool]:
    """What the files of one backup have in common; clusters that share a place may share a time."""
    return _moment(snapshot) or snapshot.name, snapshot.strange is None


def _moment(snapshot: Snapshot) -> datetime | None:
    """When the platform took it; None for a file that is not named as the platform names them."""
    named = _parsed(snapshot.name) if snapshot.member is None else None
    return named.taken_at if named is not None and named.ip is not None else None


@lru_cache(maxsize=4096)
def _parsed(name: str) -> BackupName | None:
    return parse_name(name)
