"""Which backups have had their time, and which stay all the same. Pure: it deletes nothing.

What decides is the time in a file's name, which is the same for all of its copies; a file's own
times change when it is copied. A backup goes only where a newer one is verified, and the last one
of a place stays there whatever its age. Two clusters may share a directory of a bucket: what
carries no address of this cluster and stands in none of its records is taken for another's, and is
never touched; nor is what its contents show to be another's, which may have had the address before.
"""

from __future__ import annotations

import enum
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from recovery.backups.model import Copy, Integrity, Snapshot, StoreKind
from recovery.backups.naming import is_backup_name, parse_name
from recovery.backups.newest_state import far_poorer

CLOCK_TOLERANCE = timedelta(seconds=60)
"""By how much a clock may differ from this machine's where something is deleted."""


class Kept(enum.Enum):
    """Why an expired copy stays."""

    NEWEST_VERIFIED = "it is the newest backup that is verified"
    NOTHING_NEWER = "no newer backup is verified"
    FAR_RICHER = "it has far more keys than the newest one, whose cluster may have begun anew"
    LAST_HERE = "it is the newest one in this place"


@dataclass(frozen=True, slots=True)
class Expired:
    """A copy that goes, and the newer one in the same place that must be there when it does."""

    copy: Copy
    age: timedelta
    keeping: Copy


@dataclass(frozen=True, slots=True)
class Spared:
    """A copy that is older than the retention and stays."""

    copy: Copy
    why: Kept


@dataclass(frozen=True, slots=True)
class Retention:
    """What goes, what stays although it is old, and where nothing is deleted at all."""

    expired: tuple[Expired, ...] = ()
    spared: tuple[Spared, ...] = ()
    notes: tuple[str, ...] = ()
    """Places, or everything, where nothing is deleted, each with the reason."""


@dataclass(frozen=True, slots=True)
class _Dated:
    snapshot: Snapshot
    taken_at: datetime
    address: str


def what_expires(
    snapshots: Iterable[Snapshot],
    ttl_seconds: int | None,
    now: datetime,
    clocks: Mapping[str, float | None],
    *,
    addresses: Collection[str],
    recorded: Collection[str] = (),
) -> Retention:
    """The copies that are older than the retention, and may go.

    `snapshots`: the catalog, with what is known of each; what is not named as the platform names
    its backups is never touched. `now`: by this machine's clock, with a zone. `clocks`: by how
    many seconds each node's clock is ahead of it; None, or no entry, where nobody knows.
    `addresses`: those of the cluster's nodes; `recorded`: the names in the cluster's own records.
    """
    if ttl_seconds is None:
        return Retention()
    if ttl_seconds == 0:
        return Retention(notes=("ttl is 0 seconds, which would keep nothing: nothing is deleted",))
    doubt = _doubt_in_this_clock(clocks)
    if doubt:
        return Retention(notes=(doubt,))
    horizon = _horizon(ttl_seconds, now)
    if horizon is None:
        return Retention()
    named = [each for each in map(_dated, snapshots) if each is not None]
    dated = [
        each
        for each in named
        if not _shown_to_be_anothers(each.snapshot)
        and (each.address in addresses or each.snapshot.name in recorded)
    ]
    foreign = [each for each in named if each not in dated and each.taken_at < horizon]
    past = [each for each in dated if each.taken_at <= now + CLOCK_TOLERANCE]
    verified = [each for each in past if each.snapshot.integrity is Integrity.VERIFIED]
    newest = max(verified, key=_moment, default=None)
    old = [each for each in past if each.taken_at < horizon]
    notes = [*_future_notes(dated, now), *_clock_notes(old, clocks), *_foreign_notes(foreign)]
    newest_in, whole_in = _newest_in_each_place(past), _newest_in_each_place(verified)
    expired: list[Expired] = []
    spared: list[Spared] = []
    for each in sorted(old, key=_moment):
        for copy in each.snapshot.copies:
            place = _place(copy)
            if place[0] is StoreKind.NODE and not _agrees(clocks.get(place[1])):
                continue
            last = whole_in.get(place, newest_in[place])
            why = _why_kept(each, copy, newest, (newest_in[place], last))
            if why is not None:
                spared.append(Spared(copy, why))
            else:
                expired.append(Expired(copy, now - each.taken_at, last))
    return Retention(tuple(expired), tuple(spared), tuple(notes))


def _why_kept(
    each: _Dated, copy: Copy, newest: _Dated | None, last: tuple[Copy, Copy]
) -> Kept | None:
    if newest is None or newest.taken_at < each.taken_at:
        return Kept.NOTHING_NEWER
    # Files of one moment are one backup, whichever node wrote them.
    if newest.taken_at == each.taken_at:
        return Kept.NEWEST_VERIFIED
    has, had = newest.snapshot.live_keys, each.snapshot.live_keys
    if has is not None and had is not None and far_poorer(has, had):
        return Kept.FAR_RICHER
    if copy in last:
        return Kept.LAST_HERE
    return None


def _newest_in_each_place(dated: Iterable[_Dated]) -> dict[tuple[StoreKind, str, str], Copy]:
    """The newest copy of each place; one of an odd size may be cut short, and counts for nothing
    beside one that is not."""
    best: dict[tuple[StoreKind, str, str], tuple[bool, datetime, Copy]] = {}
    for each in dated:
        for copy in each.snapshot.copies:
            place, usual = _place(copy), copy.size == each.snapshot.copies[0].size
            if place not in best or (usual, each.taken_at) > best[place][:2]:
                best[place] = (usual, each.taken_at, copy)
    return {place: copy for place, (_, _, copy) in best.items()}


def _place(copy: Copy) -> tuple[StoreKind, str, str]:
    """The directory on its node, or in its bucket: what lies there, lies together."""
    directory = copy.path.rpartition("/")[0]
    return copy.store, copy.node or copy.bucket or "", directory


def _dated(snapshot: Snapshot) -> _Dated | None:
    named = parse_name(snapshot.name) if is_backup_name(snapshot.name) else None
    if named is None or named.ip is None or snapshot.member is not None:
        return None
    return _Dated(snapshot, named.taken_at, named.ip)


def _shown_to_be_anothers(snapshot: Snapshot) -> bool:
    """By what is in it; of names and addresses this module judges by itself."""
    return snapshot.strange is not None and snapshot.traces is not None


def _horizon(ttl_seconds: int, now: datetime) -> datetime | None:
    """What is older than this has had its time; None where the ttl reaches past all calendars."""
    try:
        return now - timedelta(seconds=ttl_seconds)
    except OverflowError:
        return None


def _moment(each: _Dated) -> datetime:
    return each.taken_at


def _agrees(ahead: float | None) -> bool:
    return ahead is not None and abs(ahead) <= CLOCK_TOLERANCE.total_seconds()


def _doubt_in_this_clock(clocks: Mapping[str, float | None]) -> str:
    """Why nothing is deleted anywhere, S3 included; empty where this clock can be trusted."""
    known = [ahead for ahead in clocks.values() if ahead is not None]
    if not known:
        return "no node told its time, so nothing is deleted: nobody can confirm this clock"
    if 2 * sum(map(_agrees, known)) <= len(known):
        return (
            "this machine's clock differs by over a minute from "
            f"{'the node' if len(known) == 1 else 'most nodes'}, so nothing is deleted anywhere"
        )
    return ""


def _clock_notes(old: Iterable[_Dated], clocks: Mapping[str, float | None]) -> Iterable[str]:
    on = {copy.node for each in old for copy in each.snapshot.copies if copy.node is not None}
    for node in sorted(on):
        ahead = clocks.get(node)
        if ahead is None:
            yield f"{node} did not tell its time, so nothing is deleted there"
        elif not _agrees(ahead):
            side = "ahead of" if ahead > 0 else "behind"
            yield (
                f"{node}'s clock is {abs(ahead):.0f} s {side} this machine's, "
                "so nothing is deleted there"
            )


def _future_notes(dated: Iterable[_Dated], now: datetime) -> Iterable[str]:
    for each in dated:
        if each.taken_at > now + CLOCK_TOLERANCE:
            yield (
                f"{each.snapshot.name} says that it was taken in the future: it stays, and "
                "counts for nothing"
            )


def _foreign_notes(foreign: Iterable[_Dated]) -> Iterable[str]:
    by_address: dict[str, int] = {}
    for each in foreign:
        strange = each.snapshot.strange
        if strange is not None and _shown_to_be_anothers(each.snapshot):
            yield f"{each.snapshot.name} stays: {strange.why}"
            continue
        by_address[each.address] = by_address.get(each.address, 0) + 1
    for address, count in sorted(by_address.items()):
        what = "1 old backup carries" if count == 1 else f"{count} old backups carry"
        stay = "stays" if count == 1 else "stay"
        yield (
            f"{what} the address {address}, which no node of this cluster has, and {stay}: "
            "another cluster may write there too"
        )
