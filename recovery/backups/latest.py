"""REF `latest`: the newest backup of this cluster that verifies, found by reading.

A name decides nothing by itself. What is another cluster's is never taken, and what is dated in
the future only where its contents show that it is the newest. Where one that is dated in the past
seems to be newer, that is said: only a person knows whether the cluster was restored in between.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

from recovery.backups.belonging import ClusterIdentity, strangeness, traces_of
from recovery.backups.dated_behind import dated_behind
from recovery.backups.model import Catalog, Integrity, Snapshot
from recovery.backups.newest_state import far_poorer
from recovery.backups.outside_text import one_line
from recovery.errors import DiskError, RescueError, SnapshotError, StoreError
from recovery.snapshots.model import FetchedSnapshot, JudgedSnapshot

Looked = TypeVar("Looked", FetchedSnapshot, JudgedSnapshot)

Tell = Callable[[Snapshot, str], None]
"""Hears of one snapshot, and a few words about it."""

_COMPARED = 3
"""Snapshots that are read at most, to compare one with."""


async def newest_verified(
    catalog: Catalog,
    verify: Callable[[Snapshot], Awaitable[Looked]],
    on_passed_over: Tell | None = None,
    *,
    identity: ClusterIdentity | None = None,
    on_doubt: Tell | None = None,
) -> Looked:
    """What `latest` means: the newest backup of this cluster whose trailing sha256 matches.

    `verify` fetches a snapshot, or judges it where it lies. `on_passed_over` hears each newer one
    that was not taken, and why; `on_doubt` what speaks against the one that is. One that has only
    a handful of keys where an older one has thousands is not taken: etcd that had lost its data
    and begun anew is backed up like any other. `identity` is the cluster's: without it nothing is
    held against a snapshot but what the catalog marks. Raises SnapshotError, with all of them in
    its detail, where none verifies.
    """
    search = _Search(catalog, verify, on_passed_over, identity)
    backups = [snapshot for snapshot in catalog.snapshots if snapshot.member is None]
    own = [each for each in backups if each.strange is None]
    doubted = [each for each in backups if each.strange is not None]
    best = await search.first_good([each for each in own if not each.ahead])
    ahead = await search.beyond(best, [each for each in own if each.ahead])
    if best is None and ahead is None:
        # A cluster whose nodes got other addresses knows its own backups by what is in them.
        best = await search.first_good(doubted)
    else:
        search.pass_over_newer(doubted, ahead[0] if ahead is not None else best and best[0])
    if ahead is not None:
        if on_doubt is not None:
            on_doubt(*ahead[:2])
        return ahead[2]
    if best is None:
        raise _none_verifies(catalog, search.passed_over)
    if on_passed_over is not None:
        await search.tell_behind(best, own)
    return best[1]


class _Search(Generic[Looked]):
    """Reads each snapshot once at most, and remembers why one was passed over."""

    def __init__(
        self,
        catalog: Catalog,
        verify: Callable[[Snapshot], Awaitable[Looked]],
        on_passed_over: Tell | None,
        identity: ClusterIdentity | None,
    ) -> None:
        self.passed_over: list[str] = []
        self._verify: Callable[[Snapshot], Awaitable[Looked]] = verify
        self._on_passed_over = on_passed_over
        self._identity = identity
        self._looked: dict[str, Looked] = {}
        self._order = [each.name for each in catalog.snapshots]

    def pass_over_newer(self, doubted: Sequence[Snapshot], taken: Snapshot | None) -> None:
        """Say of those that stand before the one that is taken that they seem another cluster's."""
        until = self._order.index(taken.name) if taken is not None else 0
        for each in doubted:
            if each.strange is not None and self._order.index(each.name) < until:
                self.pass_over(each, each.strange.why)

    def pass_over(self, snapshot: Snapshot, why: str) -> None:
        """Say that it is not taken."""
        self.passed_over.append(f"{one_line(snapshot.name)}: {why}")
        if self._on_passed_over is not None:
            self._on_passed_over(snapshot, why)

    async def first_good(self, backups: Sequence[Snapshot]) -> tuple[Snapshot, Looked] | None:
        """The first that verifies, is this cluster's, and is not of a new beginning."""
        for number, snapshot in enumerate(backups):
            found = await self._good(snapshot)
            if found is None:
                continue
            richer = await self._far_richer(found, snapshot, backups[number + 1 :])
            if richer is None:
                return snapshot, found
            self.pass_over(snapshot, richer)
        return None

    async def beyond(
        self, best: tuple[Snapshot, Looked] | None, ahead: Sequence[Snapshot]
    ) -> tuple[Snapshot, str, Looked] | None:
        """Of those dated in the future the one of the highest revision, if that is beyond the best.

        With what is to be said about it.
        """
        found: list[tuple[int, Snapshot, Looked]] = []
        for snapshot in ahead:
            looked = await self._good(snapshot) if len(found) < _COMPARED else None
            if looked is not None:
                found.append((looked.verdict.revision or 0, snapshot, looked))
        revision, chosen, looked = max(found, key=lambda each: each[0], default=(0, None, None))
        reached = best[1].verdict.revision or 0 if best is not None else 0
        taken = chosen is not None and (best is None or revision > reached)
        for number, each, _ in found:
            if each is not chosen or not taken:
                self.pass_over(each, _dated(each, f"its revision {number} is not the highest"))
        if chosen is None or looked is None or not taken:
            return None
        why = (
            f"it is the newest by its revision {revision}, after {reached} of {best[0].name}"
            if best is not None
            else "no other one verifies"
        )
        return chosen, _dated(chosen, why), looked

    async def tell_behind(self, best: tuple[Snapshot, Looked], own: Sequence[Snapshot]) -> None:
        """Say of what is dated in the past, and may all the same be newer than the best."""
        reached = best[1].verdict.revision or 0
        for snapshot in dated_behind(best[0], own)[:_COMPARED]:
            try:
                revision = (await self._look(snapshot)).verdict.revision or 0
            except DiskError:
                raise
            except (SnapshotError, StoreError):
                continue
            if revision > reached:
                self.pass_over(
                    snapshot,
                    f"it was written long after the time in its name, and its revision {revision} "
                    f"is beyond {reached} of {one_line(best[0].name)}: unless the cluster was "
                    "restored in between, a clock was behind, and it is the newer one; name it "
                    "to take it",
                )

    async def _good(self, snapshot: Snapshot) -> Looked | None:
        """What it is, where it verifies and is this cluster's; None, and said, where it is not."""
        why = snapshot.trouble or "no copy was found"
        certain = snapshot.strange is not None and snapshot.strange.certain
        if snapshot.copies and snapshot.integrity is not Integrity.CORRUPT and not certain:
            try:
                looked = await self._look(snapshot)
            except DiskError:
                raise
            except (SnapshotError, StoreError) as error:
                why = error.what
            else:
                strange = self._strange(snapshot, looked)
                if looked.verdict.integrity is Integrity.VERIFIED and strange is None:
                    return looked
                why = strange or looked.verdict.reason or "it has no hash to verify it by"
        self.pass_over(snapshot, why)
        return None

    async def _look(self, snapshot: Snapshot) -> Looked:
        if snapshot.name not in self._looked:
            self._looked[snapshot.name] = await self._verify(snapshot)
        return self._looked[snapshot.name]

    def _strange(self, snapshot: Snapshot, looked: Looked) -> str | None:
        contents = looked.verdict.contents
        strange = snapshot.strange
        if self._identity is not None and contents is not None:
            read = dataclasses.replace(snapshot, traces=traces_of(contents))
            strange = strangeness(read, self._identity)
        return f"{strange.why}; name it to take it all the same" if strange is not None else None

    async def _far_richer(
        self, found: Looked, snapshot: Snapshot, older: Sequence[Snapshot]
    ) -> str | None:
        """Why this one is taken for a new beginning, compared with the next older larger one.

        A new etcd writes a small file, so only a file of less than half the other's size is a
        reason to read the other.
        """
        contents = found.verdict.contents
        if contents is None:
            return None
        larger = [one for one in older if one.usable and one.size > 2 * snapshot.size]
        for other in larger[:_COMPARED]:
            try:
                judged = await self._look(other)
            except DiskError:
                raise
            except (SnapshotError, StoreError):
                continue
            theirs = judged.verdict.contents
            if judged.verdict.integrity is not Integrity.VERIFIED or theirs is None:
                continue
            if self._strange(other, judged) is not None:
                continue
            if not far_poorer(contents.live_keys, theirs.live_keys):
                return None
            return (
                f"it has {contents.live_keys} keys, where {one_line(other.name)} has "
                f"{theirs.live_keys}: it may be of a cluster that had lost its data and begun "
                "anew; name it to take it all the same"
            )
        return None


def _dated(snapshot: Snapshot, why: str) -> str:
    return (
        f"its time, {snapshot.taken_at:%Y-%m-%d %H:%M}Z, has not come yet, so a clock was wrong or "
        f"in another zone; {why}"
    )


def _none_verifies(catalog: Catalog, passed_over: list[str]) -> RescueError:
    if not catalog.snapshots:
        what, remedy = "no snapshot was found", "name a file, or a place: node:/path"
        if catalog.errors:
            remedy = "make the places answer that could not be listed, or name a file"
    else:
        what = f"none of {len(catalog.snapshots)} snapshots verifies"
        remedy = "name one of them, or a file of another place"
    unlisted = (f"{one_line(error.location)}: {error.message}" for error in catalog.errors)
    return SnapshotError(what, remedy=remedy, detail="\n".join((*passed_over, *unlisted)))
