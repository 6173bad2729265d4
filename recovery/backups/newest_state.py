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
    """What the members say and what has been read so far; None where nothing is known yet."""
    return max(_states(catalog, facts), key=lambda state: state.revision, default=None)


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


def _states(catalog: Catalog | None, facts: ClusterFacts | None) -> Iterable[NewestState]:
    for snapshot in catalog.snapshots if catalog is not None else ():
        revision = revision_of(snapshot, facts)
        if revision is not None and snapshot.usable:
            yield NewestState(revision, snapshot, snapshot.member)
    for name, status in facts.members.items() if facts is not None else ():
        yield NewestState(status.revision, None, name)
