"""One body of tests over every store that lists backups."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from recovery.backups.configuration import S3Storage
from recovery.backups.node_store import NodeStore
from recovery.backups.s3_keys import S3Keys
from recovery.backups.s3_store import S3Store
from recovery.errors import RescueError
from recovery.ssh.session import NodeSession
from tests.backups.places import NodePlace, Place, S3Place

NAME = "snapshot-etcd-20261122-000000-10.0.0.11.tar"
CONTENT = bytes(range(256)) * 20_000


@pytest.fixture(params=["node", "s3"])
async def place(
    request: pytest.FixtureRequest,
    session: NodeSession,
    tmp_path: Path,
    storage: S3Storage,
    keys: S3Keys,
) -> AsyncIterator[Place]:
    if request.param == "s3":
        yield S3Place(S3Store(storage, keys))
        return
    directory = tmp_path / "back ups"
    directory.mkdir()
    yield NodePlace(NodeStore(session, str(directory)), directory)


async def test_an_empty_place_lists_nothing(place: Place) -> None:
    assert await place.store.list() == ()


async def test_what_may_be_a_snapshot_is_listed_and_nothing_else(place: Place) -> None:
    for name in (NAME, "a b 'c' $HOME.db", "back\\slash.gz", "é.zst", "-rf.tgz", "100%.db"):
        place.put(name, b"12345")
    for name in ("notes.txt", ".hidden.db", "x.tar.partial", "a\nb.db", "old/x.db"):
        place.put(name, b"no")
    copies = await place.store.list()
    assert {copy.path.rpartition("/")[2] for copy in copies} == {
        NAME,
        "a b 'c' $HOME.db",
        "back\\slash.gz",
        "é.zst",
        "-rf.tgz",
        "100%.db",
    }
    for copy in copies:
        assert copy.size == 5
        assert abs(datetime.now(UTC) - copy.modified_at) < timedelta(minutes=5)
        assert place.store.holds(copy)
        assert copy.store is place.store.kind


async def test_a_copy_is_fetched_whole_with_its_checksum(place: Place, tmp_path: Path) -> None:
    place.put("a b 'c' $HOME.db", CONTENT)
    (copy,) = await place.store.list()
    seen: list[tuple[int, int]] = []
    target = tmp_path / "fetched"
    digest = await place.store.fetch(copy, target, lambda *step: seen.append(step))
    assert target.read_bytes() == CONTENT
    assert digest == hashlib.sha256(CONTENT).hexdigest()
    assert target.stat().st_mode & 0o777 == 0o600
    await asyncio.sleep(0)  # progress from a thread arrives on the loop
    assert seen[-1] == (len(CONTENT), len(CONTENT))


async def test_an_empty_copy_is_fetched_too(place: Place, tmp_path: Path) -> None:
    place.put(NAME, b"")
    (copy,) = await place.store.list()
    target = tmp_path / "fetched"
    assert await place.store.fetch(copy, target) == hashlib.sha256(b"").hexdigest()
    assert target.read_bytes() == b""


async def test_a_named_copy_is_looked_up(place: Place) -> None:
    place.put(NAME, b"12345")
    (copy,) = await place.store.list()
    assert await place.store.look_up(copy) == copy


async def test_a_rewritten_file_is_told_from_the_earlier_one(place: Place) -> None:
    place.put(NAME, b"12345")
    (before,) = await place.store.list()
    place.put("other.db", b"")
    if isinstance(place, NodePlace):
        (place.directory / NAME).unlink()
    place.put(NAME, b"54321")
    after = next(copy for copy in await place.store.list() if copy.path == before.path)
    assert after.identity != before.identity


async def test_a_copy_that_is_gone_is_an_error_and_leaves_nothing_here(
    place: Place, tmp_path: Path
) -> None:
    place.put(NAME, b"12345")
    (copy,) = await place.store.list()
    gone = type(copy)(copy.store, copy.path + ".gone", 5, copy.modified_at, copy.node, copy.bucket)
    with pytest.raises(RescueError) as caught:
        await place.store.look_up(gone)
    assert caught.value.remedy
    directory = tmp_path / "here"
    directory.mkdir()
    with pytest.raises(RescueError):
        await place.store.fetch(gone, directory / "fetched")
    assert list(directory.iterdir()) == []
