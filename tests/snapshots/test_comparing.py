"""The difference of two snapshots of one life, and of two lives."""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from recovery.errors import SnapshotError
from recovery.snapshots import difference
from recovery.snapshots.comparison import Change, compare_databases, diff_document
from tests.snapshots.conftest import History
from tests.snapshots.lone_etcd import LoneEtcd


@dataclass(frozen=True)
class Lives:
    """Snapshots before and after a few changes, and of another etcd with other values."""

    before: Path
    after: Path
    compacted: Path
    """After, with the revisions in between compacted away."""
    other: Path
    """Another etcd, which holds the same keys as `before` at the same revisions."""


EXPECTED = {
    "/registry/pods/a/new": Change.ADDED,
    "/registry/pods/a/gone": Change.REMOVED,
    "/registry/pods/a/replaced": Change.CHANGED,
    "/registry/pods/b/written": Change.CHANGED,
    "/registry/minions/one": Change.CHANGED,
    "plain": Change.ADDED,
}


@pytest.fixture(scope="module")
def lives(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lives]:
    """Two etcds, one after the other."""
    directory = tmp_path_factory.mktemp("lives")
    (directory / "one").mkdir()
    (directory / "two").mkdir()
    with LoneEtcd(directory / "two") as etcd:
        begin(etcd, "other")
        other = etcd.save(directory / "other.db")
    with LoneEtcd(directory / "one") as etcd:
        begin(etcd, "value")
        before = etcd.save(directory / "before.db")
        etcd.put("/registry/pods/a/new", "1")
        etcd.put("/registry/pods/a/passing", "1")
        etcd.delete("/registry/pods/a/passing")
        etcd.delete("/registry/pods/a/gone")
        etcd.delete("/registry/pods/a/replaced")
        etcd.put("/registry/pods/a/replaced", "2")
        etcd.put("/registry/pods/b/written", "2")
        etcd.put("/registry/pods/b/written", "3")
        etcd.put("plain", "1")
        last = etcd.put("/registry/minions/one", "2")["header"]
        after = etcd.save(directory / "after.db")
        assert isinstance(last, dict)
        etcd.ask("kv/compaction", revision=last["revision"], physical=True)
        compacted = etcd.save(directory / "compacted.db")
    yield Lives(before, after, compacted, other)


def begin(etcd: LoneEtcd, value: str) -> None:
    """The keys that both lives start with."""
    for name in ("gone", "replaced", "same"):
        etcd.put(f"/registry/pods/a/{name}", value)
    etcd.put("/registry/pods/b/written", "1")
    etcd.put("/registry/minions/one", "1")


async def changes(old: Path, new: Path) -> dict[str, Change]:
    """Every key that differs."""
    return {each.key: each.change for each in (await compare_databases(old, new)).keys}


async def test_a_later_snapshot_of_the_same_life_is_compared_by_what_is_new(lives: Lives) -> None:
    comparison = await compare_databases(lives.before, lives.after)
    assert {each.key: each.change for each in comparison.keys} == EXPECTED
    assert not comparison.in_full


async def test_a_compacted_snapshot_is_compared_in_full_with_the_same_answer(
    lives: Lives,
) -> None:
    comparison = await compare_databases(lives.before, lives.compacted)
    assert {each.key: each.change for each in comparison.keys} == EXPECTED
    assert comparison.in_full


async def test_the_other_way_round_what_was_added_is_removed(lives: Lives) -> None:
    turned = {Change.ADDED: Change.REMOVED, Change.REMOVED: Change.ADDED}
    assert await changes(lives.after, lives.before) == {
        key: turned.get(change, change) for key, change in EXPECTED.items()
    }


async def test_a_snapshot_does_not_differ_from_itself(lives: Lives, history: History) -> None:
    for path in (lives.after, lives.compacted, history.lived, history.own, history.empty):
        assert await changes(path, path) == {}


async def test_the_same_revisions_of_another_life_are_compared_by_value(lives: Lives) -> None:
    assert await changes(lives.other, lives.before) == {
        f"/registry/pods/a/{name}": Change.CHANGED for name in ("gone", "replaced", "same")
    }
    comparison = await compare_databases(lives.other, lives.after)
    assert comparison.in_full
    assert comparison.count(Change.CHANGED) == 4


async def test_everything_is_new_against_an_empty_database(lives: Lives, history: History) -> None:
    assert set((await changes(history.empty, lives.before)).values()) == {Change.ADDED}


async def test_changes_are_counted_by_resource_and_namespace(lives: Lives) -> None:
    comparison = await compare_databases(lives.before, lives.after)
    document = diff_document("prod-a", "old.tar", "new.tar", comparison)
    assert (document["added"], document["removed"], document["changed"]) == (2, 1, 3)
    assert {"key": "plain", "change": "added"} in list(document["keys"])  # type: ignore[call-overload]
    assert document["resources"] == [
        {"resource": "pods", "added": 1, "removed": 1, "changed": 2},
        {"resource": "nodes", "added": 0, "removed": 0, "changed": 1},
    ]
    assert document["namespaces"] == [
        {"namespace": "a", "added": 1, "removed": 1, "changed": 1},
        {"namespace": "b", "added": 0, "removed": 0, "changed": 1},
    ]


async def test_a_file_that_cannot_be_read_is_an_error(lives: Lives, tmp_path: Path) -> None:
    short = tmp_path / "short.db"
    short.write_bytes(lives.after.read_bytes()[:9000])
    with pytest.raises(SnapshotError, match="cut short"):
        await compare_databases(lives.before, short)
    with pytest.raises(SnapshotError, match="No such file"):
        await compare_databases(tmp_path / "missing.db", lives.after)


def test_both_ways_of_comparing_agree(lives: Lives) -> None:
    databases = []
    for path in (lives.before, lives.after):
        with path.open("rb") as file:
            data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        databases.append(difference.Database(data, lambda seen: None))
    assert difference.since(*databases) == difference.in_full(*databases)
