"""The cache of fetched snapshots: bounded, shared, and never trusted blindly."""

from __future__ import annotations

import asyncio
import errno
import hashlib
import json
import os
import sys
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from recovery.backups import disk
from recovery.backups.disk import disk_error
from recovery.backups.model import Copy, StoreKind
from recovery.backups.snapshot_cache import CachedDatabase, SnapshotCache
from recovery.errors import DiskError
from recovery.snapshots.unpack import Unpacked

COPY = Copy(
    StoreKind.NODE,
    "/b/x.tar",
    100,
    datetime(2026, 11, 22, tzinfo=UTC),
    node="etcd-1",
    identity="10.0.0.11 7 1",
)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "cache" / "etcd-rescue"


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


async def keep(cache: SnapshotCache, copy: Copy, content: bytes) -> CachedDatabase:
    """Put a database into the cache as a fetch does; it was stored in a tar of other bytes."""
    async with cache.scratch(len(content)) as scratch:
        database = scratch / "database"
        database.write_bytes(content)
        unpacked = Unpacked(("tar",), sha256(content))
        return await cache.keep(copy, sha256(b"tar" + content), database, unpacked)


def numbered(number: int) -> Copy:
    return replace(COPY, path=f"/b/{number}.tar")


async def test_what_was_kept_is_found_again_by_a_later_process(root: Path) -> None:
    kept = await keep(SnapshotCache(root), COPY, b"data")
    assert kept.path.read_bytes() == b"data"
    assert (kept.sha256, kept.size, kept.wrappings) == (sha256(b"data"), 4, ("tar",))
    later = SnapshotCache(root)
    assert await later.find(COPY) == kept
    assert await later.get(kept.stored_sha256) == kept


async def test_only_the_owner_can_look_inside(root: Path) -> None:
    kept = await keep(SnapshotCache(root), COPY, b"data")
    for directory in (root, root / "snapshots", root / "copies", root / "scratch"):
        assert directory.stat().st_mode & 0o777 == 0o700
    assert list((root / "scratch").iterdir()) == []
    assert kept.path.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    "other",
    [
        replace(COPY, node="etcd-2"),
        replace(COPY, size=101),
        replace(COPY, modified_at=datetime(2026, 11, 23, tzinfo=UTC)),
        replace(COPY, identity="10.0.0.11 7 2"),
        replace(COPY, identity=""),
    ],
)
async def test_a_file_that_may_have_changed_is_fetched_again(root: Path, other: Copy) -> None:
    cache = SnapshotCache(root)
    await keep(cache, COPY, b"data")
    assert await cache.find(other) is None


async def test_another_copy_of_the_same_bytes_shares_the_database(root: Path) -> None:
    cache = SnapshotCache(root)
    kept = await keep(cache, COPY, b"data")
    await cache.remember(numbered(2), kept.stored_sha256)
    assert await cache.find(numbered(2)) == kept


@pytest.mark.parametrize("damage", [b"dat", b"dato", b""])
async def test_a_damaged_database_is_noticed_and_dropped(root: Path, damage: bytes) -> None:
    kept = await keep(SnapshotCache(root), COPY, b"data")
    kept.path.write_bytes(damage)
    assert await SnapshotCache(root).find(COPY) is None
    assert not kept.path.exists()


@pytest.mark.parametrize("facts", [b"", b"[]", b'{"sha256": 5}', b"\xff"])
async def test_damaged_facts_are_noticed_and_dropped(root: Path, facts: bytes) -> None:
    kept = await keep(SnapshotCache(root), COPY, b"data")
    kept.path.with_suffix(".json").write_bytes(facts)
    assert await SnapshotCache(root).find(COPY) is None


async def test_a_note_cannot_point_out_of_the_cache(root: Path, tmp_path: Path) -> None:
    await keep(SnapshotCache(root), COPY, b"data")
    (note,) = (root / "copies").iterdir()
    note.write_text(json.dumps({"storedSha256": "../../secret"}))
    assert await SnapshotCache(root).find(COPY) is None


def age(kept: CachedDatabase, days: int) -> None:
    """Make as if it had been used last that long ago."""
    then = time.time() - days * 86400
    os.utime(kept.path, (then, kept.path.stat().st_mtime))


async def test_what_was_used_longest_ago_goes_first(root: Path) -> None:
    filler = SnapshotCache(root)
    kept = [await keep(filler, numbered(number), bytes([number]) * 40) for number in range(3)]
    filler.close()
    for number, days in ((0, 3), (1, 9), (2, 1)):
        age(kept[number], days)
    await keep(SnapshotCache(root, limit=130), numbered(9), b"x" * 40)
    assert [one.path.exists() for one in kept] == [True, False, True]
    assert await SnapshotCache(root).find(numbered(1)) is None
    assert len(list((root / "copies").iterdir())) == 3


async def test_what_another_process_uses_stays(root: Path) -> None:
    filler = SnapshotCache(root)
    kept = await keep(filler, COPY, b"data")
    filler.close()
    program = (
        "import asyncio, sys; from pathlib import Path; from tests.backups.test_snapshot_cache"
        " import COPY; from recovery.backups.snapshot_cache import SnapshotCache\n"
        "cache = SnapshotCache(Path(sys.argv[1]))\n"
        "assert asyncio.run(cache.find(COPY))\n"
        "print('found', flush=True); sys.stdin.read()"
    )
    pipe = asyncio.subprocess.PIPE
    other = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, str(root), stdin=pipe, stdout=pipe
    )
    assert other.stdout is not None
    assert await other.stdout.readline() == b"found\n"
    await keep(SnapshotCache(root, limit=1), numbered(2), b"x")
    assert kept.path.exists()
    await other.communicate(b"")
    await keep(SnapshotCache(root, limit=1), numbered(3), b"y")
    assert not kept.path.exists()


async def test_a_process_gives_up_its_own_but_not_the_newest_nor_what_is_pinned(
    root: Path,
) -> None:
    cache = SnapshotCache(root, limit=1)
    pinned = await keep(cache, numbered(1), b"pinned")
    cache.pin(pinned.path)
    second = await keep(cache, numbered(2), b"second")
    third = await keep(cache, numbered(3), b"third")
    assert second.path.exists()  # it was the newest when the third came
    await keep(cache, numbered(4), b"fourth")
    assert [one.path.exists() for one in (pinned, second, third)] == [True, False, True]


async def test_what_a_dead_process_left_in_scratch_is_swept(root: Path) -> None:
    left = root / "scratch" / "left"
    left.mkdir(parents=True)
    (left / "stored").write_bytes(b"x" * 100)
    cache = SnapshotCache(root)
    async with cache.scratch(1) as scratch:
        assert left.exists()  # so young that its owner may not have locked it yet
        for directory in (left, scratch):
            os.utime(directory, (0, 0))
        async with cache.scratch(1):
            assert not left.exists()
            assert scratch.exists()


async def test_a_disk_without_room_is_an_error_with_a_remedy(root: Path) -> None:
    with pytest.raises(DiskError) as caught:
        async with SnapshotCache(root).scratch(1 << 62):
            pass
    assert "XDG_CACHE_HOME" in caught.value.remedy


async def test_room_is_made_on_the_disk_before_it_is_called_full(root: Path) -> None:
    filler = SnapshotCache(root)
    kept = await keep(filler, COPY, b"data")
    filler.close()
    with pytest.raises(DiskError):
        async with SnapshotCache(root).scratch(1 << 62):
            pass
    assert not kept.path.exists()


def test_a_disk_that_fills_up_on_the_way_has_a_remedy() -> None:
    error = disk_error(OSError(errno.ENOSPC, "No space left on device"), Path("/cache"))
    assert error.what == "this machine's disk is full"
    assert "XDG_CACHE_HOME" in error.remedy


def test_a_file_that_was_not_finished_does_not_get_its_name(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), disk.whole_file(tmp_path / "x") as file:
        file.write(b"half")
        raise ZeroDivisionError
    assert list(tmp_path.iterdir()) == [tmp_path / "home"]
