"""The catalog: joining, listing, and its JSON."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recovery.backups.catalog import (
    STOPPED,
    join,
    keep_verdicts,
    list_catalog,
    own_data,
    with_verdict,
)
from recovery.backups.catalog_json import catalog_document
from recovery.backups.model import (
    Catalog,
    Copy,
    Integrity,
    Record,
    Snapshot,
    StoreKind,
)
from recovery.backups.stores import BytesProgress, ReadInPlace
from recovery.errors import NodeUnreachableError
from recovery.snapshots.model import Verdict

SOUND = Verdict(Integrity.VERIFIED, None, None, revision=182334)
MIDNIGHT = datetime(2026, 11, 22, tzinfo=UTC)
NAME = "snapshot-etcd-20261122-000000-10.0.0.11.tar"
OLDER = "snapshot-etcd-20261121-000000-10.0.0.11.tar"


def on_node(node: str, name: str = NAME, size: int = 100) -> Copy:
    path = f"/cpaas/backup/{name}"
    return Copy(StoreKind.NODE, path, size, MIDNIGHT + timedelta(minutes=1), node=node)


def in_s3(name: str = NAME, size: int = 100) -> Copy:
    modified = MIDNIGHT + timedelta(minutes=3)
    return Copy(StoreKind.S3, f"prod-a/{name}", size, modified, bucket="etcd")


class Shelf:
    """A store in memory that answers when told to."""

    kind = StoreKind.NODE

    def __init__(self, label: str, answer: Sequence[Copy] | Exception) -> None:
        self.label = label
        self._answer = answer
        self.may_answer = asyncio.Event()

    def holds(self, copy: Copy) -> bool:
        return True

    async def list(self) -> tuple[Copy, ...]:
        await self.may_answer.wait()
        if isinstance(self._answer, Exception):
            raise self._answer
        return tuple(self._answer)

    async def look_up(self, copy: Copy) -> Copy:
        return copy

    async def fetch(self, copy: Copy, target: Path, progress: BytesProgress | None = None) -> str:
        raise NotImplementedError

    async def read_in_place(
        self, copy: Copy, progress: BytesProgress | None = None
    ) -> ReadInPlace | None:
        return None


def test_copies_of_one_name_and_their_record_are_one_snapshot() -> None:
    record = Record(NAME, MIDNIGHT + timedelta(seconds=7), "Success")
    copies = [in_s3(), on_node("etcd-2"), on_node("etcd-1")]
    (snapshot,) = join(copies, [record])
    assert snapshot.name == NAME
    assert [copy.node for copy in snapshot.copies] == ["etcd-1", "etcd-2", None]
    assert snapshot.record == record
    assert snapshot.taken_at == record.backup_timestamp
    assert snapshot.usable


def test_the_newest_comes_first() -> None:
    unnamed = replace(on_node("etcd-1", "x.db"), modified_at=MIDNIGHT - timedelta(hours=1))
    names = [snapshot.name for snapshot in join([on_node("etcd-1", OLDER), unnamed, in_s3()], [])]
    assert names == [NAME, "x.db", OLDER]


def test_without_record_and_time_in_the_name_the_oldest_copy_tells_the_age() -> None:
    (snapshot,) = join([in_s3("x.db"), on_node("etcd-1", "x.db")], [])
    assert snapshot.taken_at == MIDNIGHT + timedelta(minutes=1)


def test_a_record_without_a_file_says_so() -> None:
    (snapshot,) = join([], [Record(NAME, None, "Success")])
    assert snapshot.copies == ()
    assert snapshot.reason == "recorded, but no file was found"
    assert not snapshot.usable
    assert snapshot.taken_at == MIDNIGHT


def test_a_backup_recorded_as_failed_is_not_offered_until_it_verifies() -> None:
    (snapshot,) = join([in_s3()], [Record(NAME, None, "Failed: disk")])
    assert snapshot.reason == "recorded as failed: Failed: disk"
    assert not snapshot.usable
    (verified,) = with_verdict(Catalog((snapshot,)), NAME, SOUND).snapshots
    assert verified.usable
    assert verified.remark == "recorded as failed: Failed: disk"


def test_a_corrupt_snapshot_is_not_offered() -> None:
    catalog = with_verdict(
        Catalog(join([in_s3()], [])), NAME, Verdict(Integrity.CORRUPT, "cut short", None)
    )
    assert catalog.snapshots[0].reason == "cut short"
    assert not catalog.snapshots[0].usable


def test_a_verdict_stays_while_the_copies_stay() -> None:
    catalog = Catalog(join([in_s3(), in_s3(OLDER)], []))
    earlier = with_verdict(catalog, NAME, SOUND)
    assert keep_verdicts(catalog, earlier) == earlier
    changed = Catalog(join([in_s3(size=101), in_s3(OLDER)], []))
    assert keep_verdicts(changed, earlier) == changed


def test_the_copy_that_differs_from_the_others_is_named_and_tried_last() -> None:
    copies = [on_node("etcd-1", size=40), on_node("etcd-2"), in_s3()]
    (snapshot,) = join(copies, [])
    assert [copy.size for copy in snapshot.copies] == [100, 100, 40]
    assert snapshot.remark is not None
    assert f"etcd-1:/cpaas/backup/{NAME} has 40 bytes" in snapshot.remark
    assert snapshot.usable


def test_of_two_different_copies_the_larger_is_preferred() -> None:
    (snapshot,) = join([on_node("etcd-1", size=40), in_s3()], [])
    assert [copy.size for copy in snapshot.copies] == [100, 40]


def test_an_empty_file_is_not_offered() -> None:
    (snapshot,) = join([on_node("etcd-1", size=0)], [])
    assert snapshot.reason == "the file is empty"


some_copies = st.lists(
    st.builds(
        Copy,
        store=st.sampled_from([StoreKind.NODE, StoreKind.S3]),
        path=st.sampled_from([f"/b/{NAME}", f"/b/{OLDER}", "/b/x.db", "/c/x.db"]),
        size=st.integers(0, 3),
        modified_at=st.datetimes(timezones=st.just(UTC)),
        node=st.sampled_from(["etcd-1", "etcd-2"]),
        bucket=st.just("etcd"),
    )
)
some_records = st.lists(
    st.builds(
        Record,
        file_name=st.sampled_from([NAME, OLDER, "gone.tar"]),
        backup_timestamp=st.none() | st.datetimes(timezones=st.just(UTC)),
        result=st.sampled_from(["Success", "Failed", ""]),
    )
)


@given(some_copies, some_records)
def test_joining_loses_nothing_and_keeps_the_order(
    copies: list[Copy], records: list[Record]
) -> None:
    snapshots = join(copies, records)
    joined = [copy.location for snapshot in snapshots for copy in snapshot.copies]
    assert sorted(joined) == sorted({copy.location for copy in copies})
    names = [snapshot.name for snapshot in snapshots]
    assert len(names) == len(set(names))
    assert {record.file_name for record in records} <= set(names)
    times = [snapshot.taken_at for snapshot in snapshots if snapshot.taken_at is not None]
    assert times == sorted(times, reverse=True)
    json.dumps(catalog_document("prod-a", Catalog(snapshots)))


@given(some_copies, some_records, st.randoms())
def test_the_order_in_which_places_answer_does_not_matter(
    copies: list[Copy], records: list[Record], random: object
) -> None:
    distinct = list({copy.location: copy for copy in copies}.values())
    assert join(distinct, records) == join(distinct[::-1], records)


async def test_each_place_shows_as_it_answers_and_one_that_fails_hides_nothing() -> None:
    good = Shelf("etcd-1:/b", [on_node("etcd-1")])
    dead = Shelf("etcd-2:/b", NodeUnreachableError("it is silent", remedy="wake it"))
    broken = Shelf("etcd-3:/b", ZeroDivisionError("a \x1b[31mbug"))
    seen: asyncio.Queue[Catalog] = asyncio.Queue()

    async def records() -> list[Record]:
        return [Record(OLDER, None, "Success")]

    listing = asyncio.create_task(list_catalog([good, dead, broken], records, seen.put_nowait))
    first = await seen.get()
    assert first.snapshots == ()  # the record's file may still be found
    good.may_answer.set()
    second = await seen.get()
    assert [snapshot.name for snapshot in second.snapshots] == [NAME]
    dead.may_answer.set()
    broken.may_answer.set()
    catalog = await listing
    assert [snapshot.name for snapshot in catalog.snapshots] == [NAME, OLDER]
    assert catalog.places == 1
    assert [(error.location, error.message, error.remedy) for error in catalog.errors] == [
        ("etcd-2:/b", "it is silent", "wake it"),
        ("etcd-3:/b", "ZeroDivisionError: a bug", ""),
    ]


async def test_a_place_that_never_answers_is_given_up() -> None:
    catalog = await list_catalog([Shelf("etcd-1:/b", [])], patience=0.01)
    assert [error.message for error in catalog.errors] == ["no answer within 0.01 s"]


async def test_records_that_cannot_be_read_are_an_error_of_their_own() -> None:
    async def records() -> list[Record]:
        raise NodeUnreachableError("the API server does not answer")

    shelf = Shelf("etcd-1:/b", [on_node("etcd-1")])
    shelf.may_answer.set()
    catalog = await list_catalog([shelf], records)
    assert len(catalog.snapshots) == 1
    assert [error.store for error in catalog.errors] == [StoreKind.RECORDS]


async def test_listing_can_be_cancelled() -> None:
    listing = asyncio.create_task(list_catalog([Shelf("etcd-1:/b", [])]))
    await asyncio.sleep(0)
    listing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await listing


async def test_the_document_is_the_contracts() -> None:
    record = Record(NAME, MIDNIGHT, "Success")
    shelf = Shelf("etcd-2:/b", NodeUnreachableError("it is silent"))
    shelf.may_answer.set()
    errors = (await list_catalog([shelf])).errors
    path = "/var/lib/etcd/member/snap/db"
    own = own_data([Copy(StoreKind.MEMBER, path, 100, MIDNIGHT, node="etcd-3")])
    joined = join([on_node("etcd-1"), in_s3()], [record])
    snapshots = (*joined, Snapshot("odd", None, ()), *own)
    document = catalog_document("prod-a", Catalog(snapshots, errors))
    assert document == {
        "cluster": "prod-a",
        "snapshots": [
            {
                "name": NAME,
                "takenAt": "2026-11-22T00:00:00Z",
                "size": 100,
                "copies": [
                    {
                        "store": "node",
                        "node": "etcd-1",
                        "location": f"etcd-1:/cpaas/backup/{NAME}",
                        "size": 100,
                    },
                    {"store": "s3", "location": f"s3://etcd/prod-a/{NAME}", "size": 100},
                ],
                "record": {"result": "Success", "backupTimestamp": "2026-11-22T00:00:00Z"},
                "usable": True,
                "reason": None,
                "anotherClusters": "no",
                "datedAhead": False,
                "remark": None,
                "integrity": "unverified",
                "revision": None,
            },
            {
                "name": "odd",
                "takenAt": None,
                "size": 0,
                "copies": [],
                "record": None,
                "usable": False,
                "reason": None,
                "anotherClusters": "no",
                "datedAhead": False,
                "remark": None,
                "integrity": "unverified",
                "revision": None,
            },
        ],
        "memberData": [
            {
                "member": "etcd-3",
                "running": False,
                "writtenAt": "2026-11-22T00:00:00Z",
                "name": "etcd-3:/var/lib/etcd/member/snap/db",
                "size": 100,
                "copies": [
                    {
                        "store": "node",
                        "node": "etcd-3",
                        "location": "etcd-3:/var/lib/etcd/member/snap/db",
                        "size": 100,
                    }
                ],
                "usable": True,
                "reason": None,
                "remark": STOPPED,
                "integrity": "unverified",
                "revision": None,
            }
        ],
        "errors": [
            {"store": "node", "location": "etcd-2:/b", "message": "it is silent", "remedy": ""}
        ],
    }
