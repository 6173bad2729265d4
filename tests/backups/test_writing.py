"""Backups written to every kind of place, and deleted from it: whole, or not at all."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path
from typing import Protocol

import pytest

from recovery.backups import s3_upload
from recovery.backups.configuration import S3Storage
from recovery.backups.model import Copy
from recovery.backups.node_store import NodeStore
from recovery.backups.s3_keys import S3Keys
from recovery.backups.s3_store import S3Store
from recovery.backups.stores import WritableStore
from recovery.errors import StoreError
from recovery.ssh.session import NodeSession
from tests.backups.places import CONTENT, NAME, OLDER, NodePlace, S3Place


class WritablePlace(Protocol):
    """A place with a store that is written to."""

    @property
    def store(self) -> WritableStore: ...

    def put(self, name: str, content: bytes) -> None: ...


@pytest.fixture(params=["node", "s3", "s3 in parts"])
async def place(
    request: pytest.FixtureRequest,
    session: NodeSession,
    tmp_path: Path,
    storage: S3Storage,
    keys: S3Keys,
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[WritablePlace]:
    if request.param == "node":
        directory = tmp_path / "back ups"
        directory.mkdir()
        one = NodePlace(NodeStore(session, str(directory)), directory)
        yield one  # type: ignore[misc]
        return
    if request.param == "s3 in parts":
        # moto, as S3 itself, wants 5 MiB at least for all parts but the last.
        monkeypatch.setattr("moto.settings.S3_UPLOAD_PART_MIN_SIZE", 1 << 20, raising=False)
        monkeypatch.setattr("moto.s3.models.S3_UPLOAD_PART_MIN_SIZE", 1 << 20, raising=False)
        monkeypatch.setattr(s3_upload, "PART", 1 << 20)
    yield S3Place(S3Store(storage, keys))


async def stored(place: WritablePlace, tmp_path: Path) -> dict[str, bytes]:
    """Everything that a listing shows, with its bytes."""
    found = {}
    for copy in await place.store.list():
        target = tmp_path / "read-back"
        await place.store.fetch(copy, target)
        found[copy.path.rpartition("/")[2]] = target.read_bytes()
    return found


async def test_a_file_arrives_whole_and_is_told_as_the_listing_tells_it(
    place: WritablePlace, file: Path, digest: str, tmp_path: Path
) -> None:
    seen: list[tuple[int, int]] = []
    copy = await place.store.put(file, NAME, digest, lambda *step: seen.append(step))
    assert await place.store.list() == (copy,)
    assert await stored(place, tmp_path) == {NAME: CONTENT}
    await asyncio.sleep(0)  # progress from a thread arrives on the loop
    assert seen[-1] == (len(CONTENT), len(CONTENT))


async def test_what_has_the_name_already_is_not_overwritten(
    place: WritablePlace, file: Path, digest: str, tmp_path: Path
) -> None:
    place.put(NAME, b"somebody else's")
    with pytest.raises(StoreError) as caught:
        await place.store.put(file, NAME, digest)
    assert "there already" in caught.value.what
    assert caught.value.remedy
    assert await stored(place, tmp_path) == {NAME: b"somebody else's"}


async def test_one_file_is_deleted_and_the_others_stay(place: WritablePlace) -> None:
    for name in (NAME, OLDER, "snapshot-etcd-20261120-000000-10.0.0.11.tar", "notes.db"):
        place.put(name, b"12345")
    listed = {copy.path.rpartition("/")[2]: copy for copy in await place.store.list()}
    await place.store.remove(listed[OLDER], listed[NAME])
    left = {copy.path.rpartition("/")[2] for copy in await place.store.list()}
    assert left == set(listed) - {OLDER}


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda old, new: (replace(old, size=6), new), id="the old one changed"),
        pytest.param(lambda old, new: (old, replace(new, size=6)), id="the new one changed"),
        pytest.param(lambda old, new: (old, replace(new, path=new.path[:-4])), id="no backup"),
        pytest.param(
            lambda old, new: (old, replace(new, path=new.path.replace("2026", "2027"))),
            id="the new one is gone",
        ),
        pytest.param(
            lambda old, new: (replace(old, path=old.path.replace("/snap", "/old/snap")), new),
            id="it lies in another directory",
        ),
    ],
)
async def test_nothing_is_deleted_where_something_is_not_as_it_was_listed(
    place: WritablePlace, change: Callable[[Copy, Copy], tuple[Copy, Copy]]
) -> None:
    for name in (NAME, OLDER, f"old/{OLDER}"):
        place.put(name, b"12345")
    listed = {copy.path.rpartition("/")[2]: copy for copy in await place.store.list()}
    with pytest.raises(StoreError):
        await place.store.remove(*change(listed[OLDER], listed[NAME]))
    assert len(await place.store.list()) == 2


# --- nodes
