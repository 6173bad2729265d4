"""Whose snapshot it is, by what is in it and by its name; and when its date is believed."""

from __future__ import annotations

import dataclasses
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from recovery.backups.belonging import (
    ClusterIdentity,
    identity_of,
    is_surely_own,
    marked,
    strangeness,
)
from recovery.backups.best_first import best_first
from recovery.backups.latest import newest_verified
from recovery.backups.model import (
    Catalog,
    Copy,
    Integrity,
    Record,
    Snapshot,
    StoreKind,
    Strange,
    Traces,
)
from recovery.backups.same_backup import by_backup, siblings_of
from recovery.errors import SnapshotError
from recovery.snapshots.model import FetchedSnapshot, SnapshotContents, SnapshotMember, Verdict
from tests.restore.broken_cluster import facts

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
OURS, THEIRS = "aa" * 32, "bb" * 32
IDENTITY = ClusterIdentity(
    frozenset({"etcd-1", "etcd-2", "etcd-3"}),
    frozenset({"10.0.0.11", "10.0.0.12", "10.0.0.13"}),
    whole=True,
    authorities=frozenset({OURS}),
)


def named(day: int, address: str = "10.0.0.11", **more: object) -> Snapshot:
    name = f"snapshot-etcd-202611{day:02d}-000000-{address}.tar"
    copy = Copy(StoreKind.S3, name, 100, NOW, bucket="shared")
    at = datetime(2026, 11, day, tzinfo=UTC)
    return dataclasses.replace(Snapshot(name, at, (copy,)), **more)  # type: ignore[arg-type]


def traces(
    members: str = "etcd-1", address: str = "10.0.0.11", nodes: str = "etcd-1", ca: str = OURS
) -> Traces:
    return Traces(*(frozenset({each} - {""}) for each in (members, address, nodes, ca)))


@pytest.mark.parametrize(
    ("found", "certain", "words"),
    [
        (traces(members="db-1"), True, "its members are db-1"),
        (traces(nodes="db-1"), True, "its nodes are db-1"),
        (traces(ca=THEIRS), False, "another CA"),
        (traces(ca="", address="10.9.0.1"), False, "10.9.0.1"),
        (traces(), None, ""),
        (traces(address="10.9.0.1"), None, ""),
        (traces(ca=""), None, ""),
    ],
)
def test_what_is_in_it_tells_whose_it_is(found: Traces, certain: bool | None, words: str) -> None:
    strange = strangeness(named(21, "10.9.0.1", traces=found), IDENTITY)
    assert (strange.certain if strange else None) is certain
    assert words in (strange.why if strange else "")


def test_as_long_as_nobody_has_read_it_the_address_in_its_name_counts() -> None:
    assert strangeness(named(21), IDENTITY) is None
    strange = strangeness(named(21, "10.9.0.1"), IDENTITY)
    assert strange is not None
    assert not strange.certain
    assert named(21, strange=strange).usable
    recorded = named(21, "10.9.0.1", record=Record("x", None, "Success"))
    assert strangeness(recorded, IDENTITY) is None
    blind = dataclasses.replace(IDENTITY, whole=False)
    assert strangeness(named(21, "10.9.0.1"), blind) is None
    assert not is_surely_own(named(21, "10.9.0.1"), blind)
    assert is_surely_own(named(21), blind)


def test_an_address_proves_nothing_as_long_as_the_nodes_have_not_told_theirs() -> None:
    seen = facts()
    assert not identity_of(seen.cluster, None).whole
    whole = identity_of(seen.cluster, seen)
    assert whole.whole
    assert whole.names == {"etcd-1", "etcd-2", "etcd-3"}
    behind_a_gateway = dataclasses.replace(
        seen.cluster,
        control_plane=tuple(
            dataclasses.replace(node, host="192.0.2.1") for node in seen.cluster.control_plane
        ),
    )
    one_answers = dataclasses.replace(
        seen, cluster=behind_a_gateway, nodes={"etcd-1": seen.nodes["etcd-1"]}
    )
    assert not identity_of(behind_a_gateway, one_answers).whole
    two_dead = dataclasses.replace(seen, nodes={"etcd-1": seen.nodes["etcd-1"]})
    assert identity_of(seen.cluster, two_dead).whole, "the inventory is right about who answers"


def test_one_that_is_proven_tells_what_address_the_others_are_named_by() -> None:
    second_card = "192.168.0.11"
    proven = named(22, second_card, traces=traces())
    catalog = marked(
        Catalog((proven, named(21, second_card), named(20, "10.9.0.1"))), IDENTITY, NOW
    )
    assert [each.strange is None for each in catalog.snapshots] == [True, True, False]
    stranger = named(22, "10.9.0.1", traces=traces(ca=THEIRS))
    catalog = marked(Catalog((stranger, named(21, "10.9.0.1"))), IDENTITY, NOW)
    assert all(each.strange is not None for each in catalog.snapshots)


def test_two_clusters_that_back_up_at_the_same_moment_have_two_backups() -> None:
    ours, theirs = named(21), named(21, "10.9.0.1", strange=Strange("another's", certain=False))
    assert by_backup([ours, theirs]) == [(ours,), (theirs,)]
    assert siblings_of(ours, [ours, theirs]) == ()
    assert best_first([theirs, ours]) == (ours,)


def test_what_is_certainly_anothers_cannot_be_used() -> None:
    theirs = named(21, strange=Strange("it is another cluster's", certain=True))
    assert not theirs.usable
    assert theirs.trouble == "it is another cluster's"
    assert theirs.note == "it is another cluster's"


def test_what_is_dated_in_the_future_is_marked_and_stands_behind() -> None:
    catalog = marked(Catalog((named(23), named(22), named(21))), IDENTITY, NOW)
    ahead, newest, _ = catalog.snapshots
    assert (ahead.ahead, newest.ahead) == (True, False)
    assert best_first(catalog.snapshots)[0] is newest
    sound = dataclasses.replace(newest, integrity=Integrity.VERIFIED, revision=100)
    for revision, first in ((99, sound), (101, "ahead")):
        known = dataclasses.replace(ahead, integrity=Integrity.VERIFIED, revision=revision)
        order = best_first([known, sound])
        assert order[0] is (known if first == "ahead" else sound)
    assert best_first([ahead]) == (ahead,)


Look = Callable[[Snapshot], Awaitable[FetchedSnapshot]]


def reading(revisions: dict[str, int], theirs: frozenset[str] = frozenset()) -> Look:
    async def look(snapshot: Snapshot) -> FetchedSnapshot:
        name = "db-1" if snapshot.name in theirs else "etcd-1"
        members = (SnapshotMember(1, name, ("https://10.0.0.11:2380",)),)
        revision = revisions[snapshot.name]
        contents = SnapshotContents(revision, 9, 9, 4096, "3.5", members, (), nodes=(name,))
        verdict = Verdict(Integrity.VERIFIED, None, contents, revision=revision)
        return FetchedSnapshot(snapshot.name, snapshot.name, Path("/x"), "", 1, verdict)

    return look


async def latest(snapshots: list[Snapshot], look: Look, told: list[str]) -> str:
    catalog = marked(Catalog(tuple(snapshots)), IDENTITY, NOW)
    found = await newest_verified(
        catalog,
        look,
        lambda snapshot, why: told.append(f"- {snapshot.name}: {why}"),
        identity=IDENTITY,
        on_doubt=lambda snapshot, why: told.append(f"+ {snapshot.name}: {why}"),
    )
    return found.name


async def test_latest_never_takes_another_clusters_whatever_its_name_says() -> None:
    theirs, ours = named(22), named(21)
    told: list[str] = []
    look = reading({theirs.name: 500, ours.name: 100}, frozenset({theirs.name}))
    assert await latest([theirs, ours], look, told) == ours.name
    assert "its members are db-1" in told[0]
    assert "name it to take it" in told[0]


async def test_latest_does_not_even_read_what_a_foreign_address_names() -> None:
    theirs, ours = named(22, "10.9.0.1"), named(21)
    told: list[str] = []
    assert await latest([theirs, ours], reading({ours.name: 100}), told) == ours.name
    assert told[0].startswith(f"- {theirs.name}: its name carries 10.9.0.1")


async def test_a_cluster_that_has_moved_knows_its_own_by_what_is_in_them() -> None:
    moved = named(22, "10.9.0.1")
    assert await latest([moved], reading({moved.name: 100}), []) == moved.name
    with pytest.raises(SnapshotError, match="none of 1 snapshots"):
        await latest([moved], reading({moved.name: 100}, frozenset({moved.name})), [])


def written(snapshot: Snapshot, day: int, hour: int = 0) -> Snapshot:
    """The same, its only file written at that time."""
    at = datetime(2026, 11, day, hour, tzinfo=UTC)
    copy = Copy(StoreKind.NODE, f"/cpaas/backup/{snapshot.name}", 1, at, node="etcd-1")
    return dataclasses.replace(snapshot, copies=(copy,))


@pytest.mark.parametrize(
    ("newest_day", "other_day", "revision", "said"),
    [(21, 22, 101, True), (21, 22, 99, False), (21, 20, 101, False), (22, 22, 101, False)],
)
async def test_latest_says_that_one_dated_in_the_past_may_be_newer(
    newest_day: int, other_day: int, revision: int, said: bool
) -> None:
    """Not where its revision is lower, it was written on time, or all files were copied."""
    newest, other = written(named(21), newest_day), written(named(20), other_day, 2)
    told: list[str] = []
    look = reading({newest.name: 100, other.name: revision})
    assert await latest([newest, other], look, told) == newest.name
    if said:
        (words,) = told
        assert words.startswith(f"- {other.name}: it was written long after the time in its name")
        assert f"its revision {revision} is beyond 100" in words
    else:
        assert told == []


@pytest.mark.parametrize(("revision", "taken"), [(99, False), (101, True)])
async def test_latest_takes_one_of_the_future_only_for_its_revision_and_says_so(
    revision: int, taken: bool
) -> None:
    ahead, newest = named(29), named(22)
    told: list[str] = []
    look = reading({ahead.name: revision, newest.name: 100})
    found = await latest([ahead, newest], look, told)
    assert found == (ahead.name if taken else newest.name)
    (line,) = told
    assert line[0] == ("+" if taken else "-")
    assert "2026-11-29 00:00Z, has not come yet" in line
    assert str(revision) in line


async def test_where_all_are_of_the_future_the_highest_revision_is_taken_and_said() -> None:
    first, second = named(29), named(28)
    told: list[str] = []
    look = reading({first.name: 100, second.name: 200})
    assert await latest([first, second], look, told) == second.name
    assert told[-1].endswith("no other one verifies")


def test_a_minute_is_no_future() -> None:
    near = dataclasses.replace(named(22), taken_at=NOW + timedelta(seconds=59))
    (only,) = marked(Catalog((near,)), IDENTITY, NOW).snapshots
    assert not only.ahead
