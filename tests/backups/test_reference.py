"""REF: names, beginnings of names, locations, and `latest`."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recovery.backups.catalog import join, with_verdict
from recovery.backups.latest import newest_verified
from recovery.backups.model import (
    Catalog,
    Copy,
    Integrity,
    Record,
    Snapshot,
    SourceError,
    StoreKind,
)
from recovery.backups.reference import resolve_reference
from recovery.errors import DiskError, RescueError, SnapshotError, StoreError, UsageError
from recovery.snapshots.model import FetchedSnapshot, SnapshotContents, Verdict

NAMES = tuple(f"snapshot-etcd-202611{day}-000000-10.0.0.11.tar" for day in (20, 21, 22))
NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


def on_node(name: str) -> Copy:
    return Copy(StoreKind.NODE, f"/cpaas/backup/{name}", 100, NOON, node="etcd-1")


CATALOG = Catalog(
    join(
        [*map(on_node, NAMES), Copy(StoreKind.S3, f"prod-a/{NAMES[2]}", 100, NOON, bucket="etcd")],
        [Record("snapshot-etcd-20261119-000000-10.0.0.11.tar", None, "Success")],
    )
)


def test_a_file_name_is_a_snapshot() -> None:
    found = resolve_reference(NAMES[1], CATALOG)
    assert isinstance(found, Snapshot)
    assert found.name == NAMES[1]


def test_an_unambiguous_beginning_is_a_snapshot() -> None:
    found = resolve_reference("snapshot-etcd-20261121", CATALOG)
    assert isinstance(found, Snapshot)
    assert found.name == NAMES[1]


def test_a_name_that_begins_another_is_itself() -> None:
    catalog = Catalog(join([on_node("x.tar"), on_node("x.tar.gz")], []))
    found = resolve_reference("x.tar", catalog)
    assert isinstance(found, Snapshot)
    assert found.name == "x.tar"


def test_an_ambiguous_beginning_lists_what_it_fits() -> None:
    with pytest.raises(UsageError) as caught:
        resolve_reference("snapshot-etcd-2026112", CATALOG)
    assert "fits 3 snapshots" in caught.value.what
    assert all(name in caught.value.detail for name in NAMES)


def test_an_unknown_name_is_answered_with_the_nearest_ones() -> None:
    with pytest.raises(UsageError) as caught:
        resolve_reference("snapshot-etcd-20261122-000000-10.0.0.1l.tar", CATALOG)
    assert NAMES[2] in caught.value.remedy


def test_an_unknown_name_tells_which_places_could_not_be_listed() -> None:
    error = SourceError(StoreKind.NODE, "etcd-2:/cpaas/backup", "it is silent")
    with pytest.raises(UsageError) as caught:
        resolve_reference("zzz", Catalog((), (error,)))
    assert "etcd-2:/cpaas/backup" in caught.value.what


@pytest.mark.parametrize(
    "location", [f"etcd-1:/cpaas/backup/{NAMES[2]}", f"s3://etcd/prod-a/{NAMES[2]}"]
)
def test_a_listed_location_is_that_one_copy(location: str) -> None:
    found = resolve_reference(location, CATALOG)
    assert isinstance(found, Copy)
    assert found.location == location
    assert found.size == 100


@pytest.mark.parametrize("location", ["etcd-3:/root/a: b.db", "s3://other/deep/er/x.db"])
@pytest.mark.parametrize("catalog", [None, CATALOG])
def test_any_location_is_a_copy(location: str, catalog: Catalog | None) -> None:
    found = resolve_reference(location, catalog)
    assert isinstance(found, Copy)
    assert found.location == location


@pytest.mark.parametrize(
    "spelling", ["./x.db", "x.db", "{here}/x.db", "~/x.db", "{here}/../{name}/x.db"]
)
def test_a_file_on_this_machine_needs_no_catalog(
    spelling: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = tmp_path / "here"
    here.mkdir()
    (here / "x.db").write_bytes(b"12345")
    monkeypatch.chdir(here)
    monkeypatch.setenv("HOME", str(here))
    found = resolve_reference(spelling.format(here=here, name=here.name), None)
    assert isinstance(found, Copy)
    assert (found.store, found.path, found.size) == (StoreKind.BASTION, str(here / "x.db"), 5)


def test_a_snapshot_wins_over_a_file_of_its_name_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / NAMES[0]).write_bytes(b"")
    assert isinstance(resolve_reference(NAMES[0], CATALOG), Snapshot)
    assert isinstance(resolve_reference(f"./{NAMES[0]}", CATALOG), Copy)


@pytest.mark.parametrize("path", ["./none.db", "/none/x.db", "~nobody-of-that-name/x.db", "."])
def test_a_path_that_is_no_file_is_an_error(path: str) -> None:
    with pytest.raises(RescueError):
        resolve_reference(path, CATALOG)


@pytest.mark.parametrize("reference", ["latest", "", "s3://bucket", "s3://bucket/", "etcd-1:x.db"])
def test_what_names_nothing_is_wrong_use(reference: str) -> None:
    with pytest.raises(UsageError):
        resolve_reference(reference, CATALOG)


@given(st.text())
def test_every_text_is_a_reference_or_an_error_in_words(reference: str) -> None:
    try:
        found = resolve_reference(reference, CATALOG)
    except RescueError as error:
        assert "\x1b" not in str(error)
    else:
        assert isinstance(found, Snapshot | Copy)


def fetched(snapshot: Snapshot, integrity: Integrity, reason: str | None = None) -> FetchedSnapshot:
    return FetchedSnapshot(
        name=snapshot.name,
        location=snapshot.copies[0].location,
        database=Path("/cache/x.db"),
        sha256="",
        size=100,
        verdict=Verdict(integrity, reason, None),
    )


async def test_latest_is_the_newest_that_verifies_and_says_what_it_passed_over() -> None:
    answers = {NAMES[2]: (Integrity.CORRUPT, "cut short"), NAMES[1]: (Integrity.NO_HASH, None)}
    asked: list[str] = []
    passed: list[tuple[str, str]] = []

    async def verify(snapshot: Snapshot) -> FetchedSnapshot:
        asked.append(snapshot.name)
        integrity, reason = answers.get(snapshot.name, (Integrity.VERIFIED, None))
        return fetched(snapshot, integrity, reason)

    found = await newest_verified(
        CATALOG, verify, lambda snapshot, why: passed.append((snapshot.name, why))
    )
    assert found.name == NAMES[0]
    assert asked == list(reversed(NAMES))
    assert passed == [
        (NAMES[2], "cut short"),
        (NAMES[1], "it has no hash to verify it by"),
    ]


def sized(*sizes: int) -> Catalog:
    """Backups of these sizes, the newest first."""
    names = list(reversed(NAMES))
    copies = [dataclasses.replace(on_node(n), size=s) for n, s in zip(names, sizes, strict=True)]
    return Catalog(join(copies, []))


@pytest.mark.parametrize(
    ("sizes", "keys", "taken", "read"),
    [
        ((10, 10, 9000), (40, 30, 5000), 2, 3),
        ((10, 9000, 9000), (40, 5000, 5100), 1, 2),
        ((4000, 9000, 9000), (4000, 5000, 5100), 0, 2),
        ((8000, 9000, 9000), (40, 5000, 5100), 0, 1),
        ((10, 10, 10), (40, 30, 20), 0, 1),
    ],
)
async def test_latest_is_no_backup_of_a_cluster_that_began_anew(
    sizes: tuple[int, ...], keys: tuple[int, ...], taken: int, read: int
) -> None:
    names = list(reversed(NAMES))
    live = dict(zip(names, keys, strict=True))
    asked: list[str] = []
    passed: list[str] = []

    async def verify(snapshot: Snapshot) -> FetchedSnapshot:
        asked.append(snapshot.name)
        contents = SnapshotContents(1, 1, live[snapshot.name], 1, "3.5.0", (), ())
        one = fetched(snapshot, Integrity.VERIFIED)
        return dataclasses.replace(one, verdict=Verdict(Integrity.VERIFIED, None, contents))

    found = await newest_verified(sized(*sizes), verify, lambda _, why: passed.append(why))
    assert found.name == names[taken]
    assert len(asked) == len(set(asked)) == read
    assert len(passed) == taken
    assert all("begun anew" in why for why in passed)


async def test_what_cannot_be_fetched_is_passed_over() -> None:
    async def verify(snapshot: Snapshot) -> FetchedSnapshot:
        if snapshot.name == NAMES[2]:
            raise SnapshotError("none of its 2 copies can be used")
        return fetched(snapshot, Integrity.VERIFIED)

    assert (await newest_verified(CATALOG, verify)).name == NAMES[1]


async def test_what_is_known_to_be_corrupt_is_not_tried_again() -> None:
    asked: list[str] = []

    async def verify(snapshot: Snapshot) -> FetchedSnapshot:
        asked.append(snapshot.name)
        return fetched(snapshot, Integrity.VERIFIED)

    await newest_verified(
        with_verdict(CATALOG, NAMES[2], Verdict(Integrity.CORRUPT, "short", None)), verify
    )
    assert asked == [NAMES[1]]


async def test_a_backup_recorded_as_failed_is_latest_if_it_verifies() -> None:
    catalog = Catalog(join([on_node(NAMES[2])], [Record(NAMES[2], None, "Failed")]))

    async def verify(snapshot: Snapshot) -> FetchedSnapshot:
        return fetched(snapshot, Integrity.VERIFIED)

    assert (await newest_verified(catalog, verify)).name == NAMES[2]


async def test_when_none_verifies_each_says_why() -> None:
    async def verify(snapshot: Snapshot) -> FetchedSnapshot:
        return fetched(snapshot, Integrity.CORRUPT, "the hash differs")

    with pytest.raises(SnapshotError) as caught:
        await newest_verified(CATALOG, verify)
    assert caught.value.what == "none of 4 snapshots verifies"
    assert caught.value.detail.count("the hash differs") == 3
    assert "recorded, but no file was found" in caught.value.detail


async def test_without_any_snapshot_the_places_are_to_blame() -> None:
    error = SourceError(StoreKind.NODE, "etcd-2:/cpaas/backup", "it is silent")

    async def verify(snapshot: Snapshot) -> FetchedSnapshot:
        raise AssertionError

    with pytest.raises(SnapshotError) as caught:
        await newest_verified(Catalog((), (error,)), verify)
    assert caught.value.what == "no snapshot was found"
    assert "it is silent" in caught.value.detail


async def test_a_full_disk_here_is_no_fault_of_the_snapshots() -> None:
    async def verify(snapshot: Snapshot) -> FetchedSnapshot:
        raise DiskError("this machine's disk is full")

    with pytest.raises(StoreError):
        await newest_verified(CATALOG, verify)
