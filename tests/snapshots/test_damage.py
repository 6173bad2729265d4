"""Hostile and damaged databases: always an answer, never a crash or an endless loop."""

from __future__ import annotations

import random
import struct
from collections.abc import Callable
from pathlib import Path

import pytest

from recovery.backups.model import Integrity
from recovery.errors import UnreadError
from recovery.snapshots.reader.answer import read_database
from recovery.snapshots.reader.file_format import Document
from recovery.snapshots.verify import verify_database
from tests.snapshots.conftest import History
from tests.snapshots.damaging import PAGE, Database

LEAF, BRANCH = 0x02, 0x01


def read(path: Path) -> Document:
    """The reader's answer, in this process."""
    return read_database(str(path))


def places_of(database: Database, mark: bytes) -> list[int]:
    """Where these bytes lie."""
    return [at for at in range(len(database.bytes)) if database.bytes[at : at + len(mark)] == mark]


def points_to_itself(database: Database) -> None:
    for page in database.pages(BRANCH):
        database.put("<Q", page, 16 + 8, page)


def points_to_one_page_twice(database: Database) -> None:
    for page in database.pages(BRANCH):
        (first,) = struct.unpack_from("<Q", database.bytes, page * PAGE + 16 + 8)
        database.put("<Q", page, 32 + 8, first)


def points_outside(database: Database) -> None:
    for page in database.pages(BRANCH):
        database.put("<Q", page, 16 + 8, 1 << 63)


def goes_on_for_ever(database: Database) -> None:
    for page in database.pages(LEAF):
        database.put("<I", page, 12, 0xFFFFFFFF)


def goes_on_into_its_neighbour(database: Database) -> None:
    for page in database.pages(LEAF):
        database.put("<I", page, 12, 1)


def has_too_many_elements(database: Database) -> None:
    for page in database.pages(LEAF):
        database.put("<H", page, 10, 0xFFFF)


def has_a_branch_of_too_many(database: Database) -> None:
    for page in database.pages(BRANCH):
        database.put("<H", page, 10, 0xFFFF)


def has_an_empty_branch(database: Database) -> None:
    for page in database.pages(BRANCH):
        database.put("<H", page, 10, 0)


def has_a_value_of_four_gigabytes(database: Database) -> None:
    for page in database.reached(LEAF):
        database.put("<I", page, 16 + 12, 0xFFFFFFFF)


def has_a_key_before_its_page(database: Database) -> None:
    for page in database.reached(LEAF):
        database.put("<I", page, 16 + 4, 0)


def has_keys_out_of_order(database: Database) -> None:
    for page in database.reached(LEAF):
        if database.count(page) < 2:
            continue
        (position,) = struct.unpack_from("<I", database.bytes, page * PAGE + 20)
        database.put(">Q", page, 16 + position, 1 << 60)


def has_pages_in_the_wrong_order(database: Database) -> None:
    for page in database.pages(BRANCH):
        first, second = (
            struct.unpack_from("<Q", database.bytes, page * PAGE + place)[0] for place in (24, 40)
        )
        database.put("<Q", page, 24, second)
        database.put("<Q", page, 40, first)


def has_a_page_with_another_number(database: Database) -> None:
    for page in database.pages(LEAF):
        database.put("<Q", page, 0, page + 1)


def has_a_page_of_no_kind(database: Database) -> None:
    for page in database.pages(LEAF):
        database.put("<H", page, 8, 0x10)


def has_leaves_without_elements(database: Database) -> None:
    for page in database.reached(LEAF):
        database.put("<H", page, 10, 0)


def has_small_buckets_without_elements(database: Database) -> None:
    # A small bucket's own page header is that of page 0.
    for at in places_of(database, struct.pack("<QQQHH", 0, 0, 0, LEAF, 1)):
        database.bytes[at + 26] = 0


def has_its_root_outside(database: Database) -> None:
    database.put_meta("<Q", 16, (1 << 64) - 1)


def has_its_root_in_a_meta_page(database: Database) -> None:
    database.put_meta("<Q", 16, 1)


def has_a_freelist_in_use(database: Database) -> None:
    (root,) = struct.unpack_from("<Q", database.bytes, 32)
    database.put_meta("<Q", 32, root)


def has_nested_buckets(database: Database) -> None:
    for page in database.reached(LEAF):
        database.put("<I", page, 16, 1)


@pytest.mark.parametrize(
    "damage",
    [
        points_to_itself,
        points_to_one_page_twice,
        points_outside,
        goes_on_for_ever,
        goes_on_into_its_neighbour,
        has_too_many_elements,
        has_a_branch_of_too_many,
        has_an_empty_branch,
        has_a_value_of_four_gigabytes,
        has_a_key_before_its_page,
        has_keys_out_of_order,
        has_pages_in_the_wrong_order,
        has_a_page_with_another_number,
        has_a_page_of_no_kind,
        has_leaves_without_elements,
        has_small_buckets_without_elements,
        has_its_root_outside,
        has_its_root_in_a_meta_page,
        has_a_freelist_in_use,
        has_nested_buckets,
    ],
)
def test_a_database_that_cannot_be_so_is_corrupt_and_the_page_is_named(
    history: History, tmp_path: Path, damage: Callable[[Database], None]
) -> None:
    database = Database(history.lived)
    damage(database)
    answer = read(database.write(tmp_path / "hostile.db"))
    assert answer["integrity"] == "corrupt"
    assert answer["damage"] == "structure"
    assert "page" in answer["reason"]
    assert "byte" in answer["reason"]


@pytest.mark.parametrize(
    ("form", "offset", "value", "words"),
    [
        ("<Q", 40, 1 << 63, "impossible number of pages"),
        ("<Q", 40, 1 << 27, "cut short"),
        ("<Q", 40, 0, "impossible number of pages"),
        ("<I", 8, 0, "impossible page size"),
        ("<I", 8, 1 << 31, "impossible page size"),
        ("<I", 4, 3, "meta pages are damaged"),
    ],
)
def test_a_meta_page_that_promises_the_impossible_is_not_believed(
    history: History, tmp_path: Path, form: str, offset: int, value: int, words: str
) -> None:
    database = Database(history.lived)
    database.put_meta(form, offset, value)
    answer = read(database.write(tmp_path / "hostile.db"))
    assert answer["integrity"] == "corrupt"
    assert words in answer["reason"]


def test_every_changed_byte_of_a_snapshot_is_found(history: History, tmp_path: Path) -> None:
    whole = history.small.read_bytes()
    chance = random.Random(1)
    path = tmp_path / "flipped.db"
    for _ in range(500):
        flipped = bytearray(whole)
        flipped[chance.randrange(len(flipped))] ^= 1 << chance.randrange(8)
        path.write_bytes(flipped)
        assert read(path)["integrity"] == "corrupt"


def test_without_a_hash_a_changed_byte_never_stops_the_reader(
    history: History, tmp_path: Path
) -> None:
    whole = bytes(Database(history.small).bytes)
    chance = random.Random(2)
    path = tmp_path / "flipped.db"
    for _ in range(500):
        flipped = bytearray(whole)
        for _ in range(chance.randrange(1, 4)):
            flipped[chance.randrange(len(flipped))] = chance.randrange(256)
        path.write_bytes(flipped)
        answer = read(path)
        assert answer["integrity"] in ("corrupt", "no-hash")
        assert (answer["reason"] is None) == (answer["integrity"] == "no-hash")


def test_every_truncation_is_found_and_told_from_a_missing_hash(
    history: History, tmp_path: Path
) -> None:
    whole = history.small.read_bytes()
    chance = random.Random(3)
    path = tmp_path / "short.db"
    sizes = {*range(0, 40), *range(len(whole) - 70, len(whole)), 4096, 4096 + 32, 8192, 8192 + 32}
    for size in sorted(sizes | {chance.randrange(len(whole)) for _ in range(200)}):
        path.write_bytes(whole[:size])
        answer = read(path)
        if size == len(whole) - 32:
            assert answer["integrity"] == "no-hash"
            continue
        assert answer["integrity"] == "corrupt", size
        if size >= 4096:
            assert answer["reason"].startswith(f"cut short at byte {size} of "), size


async def test_words_for_files_that_are_no_database(tmp_path: Path) -> None:
    path = tmp_path / "file"
    for content, words in (
        (b"", "the file is empty"),
        (bytes(10_000), "nothing but zeros"),
        (b"<html><body>404 Not Found", "an HTML page"),
        (b'<?xml version="1.0"?><Error><Code>NoSuchKey', "an XML document"),
        (b"\x1f\x8b\x08\x00\x00\x00\x00\x00", "still packed (gzip)"),
        (random.Random(4).randbytes(5000), "of an unknown kind"),
    ):
        path.write_bytes(content)
        verdict = await verify_database(path)
        assert verdict.integrity is Integrity.CORRUPT
        assert verdict.contents is None
        assert words in (verdict.reason or "")


async def test_what_cannot_be_opened_is_an_error_and_no_verdict(tmp_path: Path) -> None:
    with pytest.raises(UnreadError, match="No such file"):
        await verify_database(tmp_path / "missing.db")
    with pytest.raises(UnreadError, match="cannot be read"):
        await verify_database(tmp_path)


async def test_the_reason_says_where(history: History, tmp_path: Path) -> None:
    path = tmp_path / "damaged.db"
    whole = bytearray(history.lived.read_bytes())
    at = whole.rindex(b"pod 7 xxx")
    whole[at] ^= 1
    path.write_bytes(whole)
    verdict = await verify_database(path)
    assert verdict.reason == "hash: the trailing sha256 does not fit the contents"
    assert verdict.contents is not None
    path.write_bytes(whole[:1_000_000])
    reason = (await verify_database(path)).reason
    assert reason == f"cut short at byte 1000000 of {len(whole) - 32}"


def test_the_other_meta_page_serves_where_one_is_damaged(history: History, tmp_path: Path) -> None:
    for page in (0, 1):
        database = Database(history.small)
        database.put("<I", page, 20, 77)
        answer = read(database.write(tmp_path / "torn.db"))
        assert answer["integrity"] == "no-hash"
        assert answer["remarks"] == ["one of its two meta pages is damaged; the other one is used"]


def changed_everywhere(path: Path, target: Path, old: bytes, new: bytes) -> Document:
    """The answer for a database without a hash in which these bytes became others."""
    database = Database(path)
    places = places_of(database, old)
    assert places
    assert len(old) == len(new)
    for at in places:
        database.bytes[at : at + len(old)] = new
    return read(database.write(target))


def test_without_a_hash_a_deletion_that_lost_its_mark_is_found(
    history: History, tmp_path: Path
) -> None:
    # etcd would take it for a key that was written.
    old, new = (b"_" + bytes(8) + mark + b"\n" for mark in (b"t", b"u"))
    answer = changed_everywhere(history.small, tmp_path / "changed.db", old, new)
    assert answer["integrity"] == "corrupt"
    assert "a revision at byte" in answer["reason"]


def test_an_authentication_that_is_neither_on_nor_off_is_corrupt(
    history: History, tmp_path: Path
) -> None:
    database = Database(history.guarded)
    for at in places_of(database, b"authEnabled\x01"):
        database.bytes[at + len("authEnabled")] = 3
    answer = read(database.write(tmp_path / "changed.db"))
    assert answer["integrity"] == "corrupt"
    assert "authEnabled in bucket auth is damaged" in answer["reason"]


def test_a_member_of_endless_depth_is_corrupt(history: History, tmp_path: Path) -> None:
    database = Database(history.small)
    page = len(database.bytes) // PAGE
    for at in places_of(database, b"members"):
        if database.bytes[at + 7 : at + 8] != b"_":
            struct.pack_into("<Q", database.bytes, at + 7, page)
    database.put_meta("<Q", 40, page + 1)
    leaf = struct.pack("<QHHIIIII", page, LEAF, 1, 0, 0, 16, 2, 4000) + b"1f" + b"[" * 4000
    database.bytes += leaf.ljust(PAGE, b"\0")
    answer = read(database.write(tmp_path / "deep.db"))
    assert answer["integrity"] == "corrupt"
    assert "1f in bucket members is damaged" in answer["reason"]


def test_revisions_that_are_missing_are_told(history: History, tmp_path: Path) -> None:
    whole = read(history.small)["contents"]["revision"]
    newest, higher = (
        number.to_bytes(8, "big") + b"_" + bytes(8) + b"t" for number in (whole, whole + 70)
    )
    answer = changed_everywhere(history.small, tmp_path / "gap.db", newest, higher)
    assert answer["integrity"] == "no-hash"
    assert answer["remarks"] == [f"70 revisions are missing, the latest is {whole + 69}"]


def test_a_compacted_database_misses_no_revisions(history: History, tmp_path: Path) -> None:
    for path in (history.compacted, history.lived, history.guarded, history.empty):
        answer = read(Database(path).write(tmp_path / "whole.db"))
        assert answer["integrity"] == "no-hash"
        assert answer["remarks"] == []


def test_a_bucket_that_is_missing_is_told(history: History, tmp_path: Path) -> None:
    answer = changed_everywhere(history.small, tmp_path / "x.db", b"lease", b"leasf")
    assert answer["remarks"] == ["it has no bucket lease"]
