"""What expires: pure, so every rule is tried by itself."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recovery.backups.model import Copy, Integrity, Snapshot, StoreKind, Strange, Traces
from recovery.backups.naming import is_backup_name, write_name
from recovery.backups.retention import Kept, Retention, what_expires

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
DAY = timedelta(days=1)
AGREED: Mapping[str, float | None] = {"etcd-1": 0.3, "etcd-2": -1.0, "etcd-3": 2.0}
TTL = 90 * 86_400


def node_copy(node: str, name: str, size: int = 100) -> Copy:
    return Copy(StoreKind.NODE, f"/cpaas/backup/{name}", size, NOW, node=node)


def s3_copy(name: str, size: int = 100) -> Copy:
    return Copy(StoreKind.S3, f"prod-a/{name}", size, NOW, bucket="etcd")


def backup(
    days: float,
    integrity: Integrity = Integrity.VERIFIED,
    places: Iterable[str] = ("etcd-1", "etcd-2", "etcd-3", "s3"),
) -> Snapshot:
    taken_at = NOW - timedelta(days=days)
    name = write_name(taken_at, "10.0.0.11")
    copies = tuple(s3_copy(name) if place == "s3" else node_copy(place, name) for place in places)
    return Snapshot(name, taken_at, copies, integrity=integrity)


def expired(
    snapshots: Iterable[Snapshot],
    ttl: int | None = TTL,
    clocks: Mapping[str, float | None] = AGREED,
) -> Retention:
    return what_expires(snapshots, ttl, NOW, clocks, addresses={"10.0.0.11"})


def names(retention: Retention) -> set[str]:
    return {each.copy.path.rpartition("/")[2] for each in retention.expired}


def test_what_is_older_than_the_ttl_goes_from_every_place() -> None:
    new, old = backup(1), backup(91)
    found = expired([new, backup(89), old])
    assert {each.copy for each in found.expired} == set(old.copies)
    for each in found.expired:
        assert each.keeping in new.copies
        assert (each.keeping.node, each.keeping.bucket) == (each.copy.node, each.copy.bucket)
    assert found.notes == ()


def test_without_a_ttl_nothing_goes() -> None:
    assert expired([backup(1), backup(5000)], ttl=None) == Retention()


def test_a_ttl_of_nothing_deletes_nothing_and_says_so() -> None:
    found = expired([backup(0), backup(1)], ttl=0)
    assert found.expired == ()
    assert "nothing is deleted" in found.notes[0]


def test_the_newest_verified_stays_whatever_its_age() -> None:
    newest = backup(200)
    found = expired([newest, backup(300)])
    assert names(found) == {backup(300).name}
    assert {each.why for each in found.spared} == {Kept.NEWEST_VERIFIED}


@pytest.mark.parametrize("integrity", [Integrity.UNVERIFIED, Integrity.CORRUPT, Integrity.NO_HASH])
def test_a_newer_one_that_is_not_verified_lets_nothing_go(integrity: Integrity) -> None:
    found = expired([backup(1, integrity), backup(100), backup(120)])
    assert names(found) == {backup(120).name}
    assert found.spared[-1].why is Kept.NEWEST_VERIFIED


def test_where_nothing_is_verified_nothing_goes() -> None:
    found = expired([backup(day, Integrity.UNVERIFIED) for day in (1, 100, 200)])
    assert found.expired == ()
    assert {each.why for each in found.spared} == {Kept.NOTHING_NEWER}


def test_the_last_one_of_a_place_stays_there() -> None:
    """A node that was away for months has old ones only."""
    elsewhere = ("etcd-1", "etcd-2", "s3")
    found = expired([backup(1, places=elsewhere), backup(100), backup(110)])
    gone = {(each.copy.node, each.copy.path) for each in found.expired}
    assert ("etcd-3", backup(100).copies[2].path) not in gone
    assert ("etcd-3", backup(110).copies[2].path) in gone
    assert [each.copy.node for each in found.spared] == ["etcd-3"]
    assert found.spared[0].why is Kept.LAST_HERE


def test_in_a_place_both_the_newest_and_the_newest_verified_stay() -> None:
    odd = backup(95, Integrity.UNVERIFIED, ["etcd-3"])
    sound = backup(100, places=["etcd-3"])
    found = expired([backup(1, places=["etcd-1"]), odd, sound, backup(101, places=["etcd-3"])])
    assert names(found) == {backup(101).name}
    assert found.expired[0].keeping == sound.copies[0]


def test_a_copy_cut_short_is_not_what_others_go_for() -> None:
    new = backup(1, places=["etcd-1"])
    short = node_copy("etcd-2", new.name, size=7)
    new = Snapshot(new.name, new.taken_at, (*new.copies, short), integrity=Integrity.VERIFIED)
    old = backup(100, places=["etcd-2"])
    found = expired([new, old])
    assert found.expired == ()
    assert found.spared[0].copy == old.copies[0]


def test_what_a_cluster_had_before_it_began_anew_stays() -> None:
    """It takes backups as before, each whole, and of next to nothing."""
    anew = replace(backup(1), live_keys=300)
    rich = replace(backup(100), live_keys=9000)
    as_poor, unread = replace(backup(101), live_keys=250), backup(102)
    found = expired([anew, rich, as_poor, unread])
    assert names(found) == {as_poor.name, unread.name}
    assert {each.why for each in found.spared} == {Kept.FAR_RICHER}
    assert {each.copy for each in found.spared} == set(rich.copies)


def test_a_node_whose_clock_disagrees_keeps_everything_and_is_named() -> None:
    found = expired([backup(1), backup(100)], clocks={**AGREED, "etcd-2": -61.0})
    assert "etcd-2" not in {each.copy.node for each in found.expired}
    assert len(found.expired) == 3
    assert found.notes == (
        "etcd-2's clock is 61 s behind this machine's, so nothing is deleted there",
    )


def test_a_node_that_does_not_tell_its_time_keeps_everything() -> None:
    found = expired([backup(1), backup(100)], clocks={**AGREED, "etcd-3": None})
    assert "etcd-3" not in {each.copy.node for each in found.expired}
    assert "did not tell its time" in found.notes[0]


@pytest.mark.parametrize(
    "clocks",
    [
        {"etcd-1": 4000.0, "etcd-2": 4000.0, "etcd-3": 0.0},
        {"etcd-1": -4000.0},
        {"etcd-1": 4000.0, "etcd-2": 0.0},
        {"etcd-1": None, "etcd-2": None},
        {},
    ],
)
def test_where_this_machines_clock_is_in_doubt_nothing_goes_anywhere(
    clocks: Mapping[str, float | None],
) -> None:
    found = expired([backup(1), backup(100)], clocks=clocks)
    assert found.expired == ()
    assert found.notes


def test_a_backup_of_the_future_stays_and_counts_for_nothing() -> None:
    future, old = backup(-30), backup(100)
    assert expired([future, old]).expired == ()
    found = expired([future, backup(1), old])
    assert names(found) == {old.name}
    assert any("in the future" in note for note in found.notes)
    assert all(each.keeping.path.endswith(backup(1).name) for each in found.expired)


@pytest.mark.parametrize(
    "name",
    [
        "snapshot-etcd-20200101-000000.tar",
        "snapshot-etcd-20200101-000000-nowhere.tar",
        "snapshot-etcd-20200101-000000-10.0.0.11.tar.gz",
        "snapshot-etcd-20200101-000000-10.0.0.11.db",
        "snapshot-etcd-20200101-000000-10.0.0.11.tar.partial",
        "before-upgrade-20200101-000000-10.0.0.11.tar",
        "snapshot-etcd-99999999-000000-10.0.0.11.tar",
        "../snapshot-etcd-20200101-000000-10.0.0.11.tar",
        "snapshot-etcd-20200101-000000-10.0.0.11.tar\n",
    ],
)
def test_what_is_not_named_as_the_platform_names_it_is_never_touched(name: str) -> None:
    assert not is_backup_name(name)
    other = Snapshot(name, NOW - 4000 * DAY, (node_copy("etcd-1", name),))
    assert expired([backup(1), other]) == Retention()


def of_another(days: float, places: Iterable[str] = ("s3",)) -> Snapshot:
    taken_at = NOW - timedelta(days=days)
    name = write_name(taken_at, "10.9.9.9")
    copies = tuple(s3_copy(name) if place == "s3" else node_copy(place, name) for place in places)
    return Snapshot(name, taken_at, copies, integrity=Integrity.VERIFIED)


def test_backups_of_another_cluster_in_the_same_bucket_stay_and_are_told() -> None:
    """A cluster that is down takes none: its last ones are what it is brought back with."""
    found = expired([backup(1), of_another(100), of_another(200), backup(120)])
    assert names(found) == {backup(120).name}
    assert found.notes == (
        "2 old backups carry the address 10.9.9.9, which no node of this cluster has, and stay: "
        "another cluster may write there too",
    )


def test_backups_of_another_cluster_are_not_what_ones_of_this_go_for() -> None:
    found = expired([of_another(1), backup(100), backup(120)])
    assert names(found) == {backup(120).name}
    found = expired([backup(1, places=["etcd-1"]), of_another(1), backup(100, places=["s3"])])
    assert found.expired == ()
    assert found.spared[0].why is Kept.LAST_HERE


def test_a_recorded_backup_of_a_node_that_left_the_cluster_goes_when_its_time_is_over() -> None:
    left = of_another(100)
    found = what_expires(
        [backup(1), left], TTL, NOW, AGREED, addresses={"10.0.0.11"}, recorded={left.name}
    )
    assert names(found) == {left.name}


@pytest.mark.parametrize("ttl", [10**11, 10**15, 10**400])
def test_a_ttl_that_reaches_past_the_calendar_keeps_everything(ttl: int) -> None:
    assert expired([backup(1), backup(5000)], ttl=ttl) == Retention()


def test_a_members_own_data_is_no_backup() -> None:
    own = Snapshot("etcd-1:/var/lib/etcd", None, (node_copy("etcd-1", "db"),), member="etcd-1")
    assert expired([backup(1), own]) == Retention()


_PLACES = st.lists(
    st.sampled_from(["etcd-1", "etcd-2", "etcd-3", "s3"]), min_size=1, max_size=4, unique=True
)
_BACKUPS = st.lists(
    st.builds(
        backup,
        st.integers(-40, 400),
        st.sampled_from(Integrity),
        _PLACES,
    ),
    max_size=12,
    unique_by=lambda each: each.name,
)
_CLOCKS = st.dictionaries(
    st.sampled_from(["etcd-1", "etcd-2", "etcd-3"]),
    st.one_of(st.none(), st.floats(-200, 200)),
)


@given(_BACKUPS, st.one_of(st.none(), st.integers(0, 400 * 86_400)), _CLOCKS)
def test_whatever_there_is_a_verified_one_and_one_in_each_place_are_left(
    backups: list[Snapshot], ttl: int | None, clocks: dict[str, float | None]
) -> None:
    found = expired(backups, ttl, clocks)
    gone = {each.copy for each in found.expired}
    verified = [each for each in backups if each.integrity is Integrity.VERIFIED]
    present = [each for each in verified if each.taken_at and each.taken_at <= NOW]
    if gone:
        newest = max(present, key=lambda each: each.taken_at or NOW)
        assert not gone & set(newest.copies)
    for each in found.expired:
        assert each.keeping not in gone
        assert (each.keeping.node, each.keeping.bucket) == (each.copy.node, each.copy.bucket)
        assert ttl is not None
        assert each.age > timedelta(seconds=ttl)
    for place in {(copy.node, copy.bucket) for each in backups for copy in each.copies}:
        here = {
            copy for each in backups for copy in each.copies if (copy.node, copy.bucket) == place
        }
        assert here - gone


def test_what_is_anothers_by_its_contents_stays_and_keeps_nothing_of_ours_from_staying() -> None:
    nobody = frozenset[str]()
    theirs = Traces(frozenset({"db-1"}), nobody, nobody, nobody)
    strange = Strange("it is another cluster's: its members are db-1", certain=True)
    anothers = [replace(each, traces=theirs, strange=strange) for each in (backup(1), backup(95))]
    ours = [backup(100), backup(110)]
    found = expired([*anothers, *ours])
    assert names(found) == {ours[1].name}
    assert {each.keeping.path.rpartition("/")[2] for each in found.expired} == {ours[0].name}
    (note,) = found.notes
    assert note == f"{anothers[1].name} stays: it is another cluster's: its members are db-1"
