"""Which backup a restore would start from, as the catalog knows it now. Pure."""

from __future__ import annotations

from recovery.backups.best_first import best_first
from recovery.backups.model import Catalog, Integrity, Snapshot
from recovery.cluster.diagnosis_without_quorum import RestoreFrom

_WORDS = {
    Integrity.VERIFIED: "verified",
    Integrity.NO_HASH: "without a hash",
    Integrity.UNVERIFIED: "not verified yet",
}


def newest_to_restore(catalog: Catalog | None) -> Snapshot | None:
    """The newest backup that is known to verify; without one, the newest that may be good.

    None that seems to be another cluster's.
    """
    listed = catalog.snapshots if catalog is not None else ()
    usable = [one for one in best_first(listed) if one.usable]
    verified = [one for one in usable if one.integrity is Integrity.VERIFIED]
    return next(iter(verified or usable), None)


def restore_from(catalog: Catalog | None) -> RestoreFrom | None:
    """The same, as the diagnosis names it."""
    snapshot = newest_to_restore(catalog)
    if snapshot is None:
        return None
    taken = f", taken {snapshot.taken_at:%Y-%m-%d %H:%M}Z" if snapshot.taken_at else ""
    words = _WORDS.get(snapshot.integrity, snapshot.integrity.value)
    return RestoreFrom(snapshot.name, f"{snapshot.name}{taken}, {words}")
