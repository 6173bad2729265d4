"""Whether this program may delete old backups of a cluster, or somebody else does. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from recovery.backups.configuration import BackupSpec
from recovery.backups.seen_configuration import SeenConfiguration, Source


@dataclass(frozen=True, slots=True)
class ClearingRight:
    """The ttl by which old backups go."""

    ttl_seconds: int | None = None
    """None: nothing is deleted."""
    why_not: str = ""
    """Why nothing is, in words, where the inventory has a ttl all the same."""


def clearing_right(spec: BackupSpec | None, seen: SeenConfiguration) -> ClearingRight:
    """The right, by the inventory's `backup` block and by what the cluster says of the platform's.

    Where the platform takes the backups they are its own to delete, by its own ttl. Where nobody
    answers there may be a platform, and something is wrong: an old backup may be the one that is
    needed then.
    """
    ttl = spec.local.ttl_seconds if spec is not None and spec.local is not None else None
    if ttl is None:
        return ClearingRight()
    if seen.source is Source.CLUSTER:
        return ClearingRight(
            why_not="no old backup is deleted: the platform does that, by a ttl of its own"
        )
    if seen.source is Source.LAST_SEEN or seen.unanswered:
        return ClearingRight(
            why_not="no old backup is deleted now: no API server says whether the platform takes "
            "this cluster's backups"
        )
    return ClearingRight(ttl)
