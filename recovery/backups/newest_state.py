"""The newest state of the cluster that anybody still knows of, to measure a snapshot by."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from recovery.backups.model import Catalog, Snapshot
from recovery.cluster.facts import ClusterFacts

RAISED = 500_000_000
"""A gap no cluster writes in its life: revisions were raised by a restore in between."""


@dataclass(frozen=True, slots=True)
class NewestState:
    """The highest revision that was seen, and where."""

    revision: int
    snapshot: Snapshot | None
    """Of the catalog: a member's own data, or a backup. None where only a member told it."""
    member: str | None
    """The member that holds it."""


def newest_state(catalog: Catalog | None, facts: ClusterFacts | None) -> NewestState | None:
    """What the members say and what has been read so far; None where nothing is known yet.

    A member that lost its data and began anew does not count, whatever its revision.
    """
    return max(_states(catalog, facts), key=_rank, default=None)


def began_anew(own: Snapshot, catalog: Catalog | None) -> bool:
    """Whether a member's own data is that of a cluster which began anew, with hardly a key.

    etcd that finds its data directory empty may found a new cluster, whose revisions soon pass
    those of the backups; but the keys are gone.
    """
    if own.member is None or own.live_keys is None or catalog is None:
        return False
    sound = (
        backup.live_keys
        for backup in catalog.snapshots
        if backup.member is None
        and backup.usable
        and backup.strange is None
        and backup.live_keys is not None
    )
    return own.live_keys * 2 < max(sound, default=0)


FAR_POORER = 10
"""How many times the keys of one backup another has, where the one is of a new beginning."""


def far_poorer(live_keys: int, other: int) -> bool:
    """Whether a backup with so few keys can hardly be of the cluster that the other one is of."""
    return live_keys * FAR_POORER < other


def of_a_new_beginning(backup: Snapshot, catalog: Catalog) -> bool:
    """Whether a sound backup of the catalog has far more keys than this one, as far as is known."""
    return backup.live_keys is not None and any(
        other.usable
        and other.strange is None
        and other.member is None
        and other.live_keys is not None
        and far_poorer(backup.live_keys, other.live_keys)
        for other in catalog.snapshots
    )


def revisions_since(snapshot: Snapshot, newest: NewestState | None) -> int | None:
    """How many revisions the newest state is ahead.

    None where that is not known, or says nothing because a restore raised revisions in between.
    """
    if newest is None or snapshot.revision is None:
        return None
    ahead = newest.revision - snapshot.revision
    return ahead if 0 <= ahead < RAISED else None


def revision_of(snapshot: Snapshot, facts: ClusterFacts | None) -> int | None:
    """A snapshot's revision; of a running member's own data, what the member says now."""
    if snapshot.revision is not None or snapshot.member is None or facts is None:
        return snapshot.revision
    status = facts.members.get(snapshot.member)
    return status.revision if status is not None else None


def _rank(state: NewestState) -> tuple[int, bool, bool]:
    """The highest revision; of several the one that a member holds, and that can be restored."""
    return state.revision, state.member is not None, state.snapshot is not None


def _states(catalog: Catalog | None, facts: ClusterFacts | None) -> Iterable[NewestState]:
    listed = catalog.snapshots if catalog is not None else ()
    anew = {snapshot.member for snapshot in listed if began_anew(snapshot, catalog)}
    for snapshot in listed:
        revision = revision_of(snapshot, facts)
        own = snapshot.usable and snapshot.strange is None
        if revision is not None and own and not began_anew(snapshot, catalog):
            yield NewestState(revision, snapshot, snapshot.member)
    for name, status in facts.members.items() if facts is not None else ():
        if name not in anew:
            yield NewestState(status.revision, None, name)
