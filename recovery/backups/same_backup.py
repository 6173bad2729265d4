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
    groups: dict[datetime | str, list[Snapshot]] = {}
    for snapshot in snapshots:
        groups.setdefault(_moment(snapshot) or snapshot.name, []).append(snapshot)
    return [tuple(sorted(group, key=_preference)) for group in groups.values()]


def siblings_of(snapshot: Snapshot, snapshots: Sequence[Snapshot]) -> tuple[Snapshot, ...]:
    """The other files of the same backup."""
    taken_at = _moment(snapshot)
    if taken_at is None:
        return ()
    return tuple(
        each for each in snapshots if each.name != snapshot.name and _moment(each) == taken_at
    )


def _preference(snapshot: Snapshot) -> tuple[bool, int, int, str]:
    rank = _SOUNDEST_FIRST.index(snapshot.integrity)
    return (not snapshot.usable, rank, -len(snapshot.copies), snapshot.name)


def _moment(snapshot: Snapshot) -> datetime | None:
    """When the platform took it; None for a file that is not named as the platform names them."""
    named = _parsed(snapshot.name) if snapshot.member is None else None
    return named.taken_at if named is not None and named.ip is not None else None


@lru_cache(maxsize=4096)
def _parsed(name: str) -> BackupName | None:
    return parse_name(name)
