"""Backups written to every kind of place, and deleted from it: whole, or not at all."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import shutil
import subprocess
import time
import urllib.request
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Protocol

import pytest

from recovery.backups import node_writing, s3_upload
from recovery.backups.configuration import S3Storage
from recovery.backups.credentials import S3Keys
from recovery.backups.model import Copy
from recovery.backups.node_store import NodeStore
from recovery.backups.s3_store import S3Store
from recovery.backups.stores import WritableStore
from recovery.errors import RescueError, StoreError
from recovery.ssh.session import NodeSession
from tests.backups.places import NodePlace, S3Place, backend
from tests.backups.tcp_proxy import wire_to
from tests.ssh.waiting import until

NAME = "snapshot-etcd-20261122-000000-10.0.0.11.tar"
OLDER = "snapshot-etcd-20261121-000000-10.0.0.11.tar"
CONTENT = hashlib.sha256(b"seed").digest() * 90_000


class WritablePlace(Protocol):
    """A place with a store that is written to."""

    @property
    def store(self) -> WritableStore: ...

    def put(self, name: str, content: bytes) -> None: ...


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "spooled"
    path.write_bytes(CONTENT)
    return path


@pytest.fixture
def digest() -> str:
    return hashlib.sha256(CONTENT).hexdigest()


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


def listed_in(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


def fill(directory: Path, *names: str) -> None:
    directory.mkdir(parents=True)
    for name in names:
        (directory / name).write_bytes(b"12345")


def mode_of(path: str) -> int:
    return Path(path).stat().st_mode & 0o777


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return tmp_path / "cpaas/backup"


async def test_a_directory_that_is_missing_is_made_for_nobody_else(
    session: NodeSession, directory: Path, file: Path, digest: str
) -> None:
    copy = await NodeStore(session, str(directory)).put(file, NAME, digest)
    assert mode_of(str(directory)) == 0o700
    assert mode_of(copy.path) == 0o600


async def test_a_directory_that_cannot_be_made_is_named(
    session: NodeSession, tmp_path: Path, file: Path, digest: str
) -> None:
    (tmp_path / "cpaas").write_text("a file")
    with pytest.raises(StoreError) as caught:
        await NodeStore(session, str(tmp_path / "cpaas/backup")).put(file, NAME, digest)
    assert "cannot be written to" in caught.value.what
    assert caught.value.where == "etcd-1"


async def test_a_link_of_that_name_is_not_written_through(
    session: NodeSession, directory: Path, file: Path, digest: str, tmp_path: Path
) -> None:
    fill(directory)
    (directory / NAME).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(StoreError):
        await NodeStore(session, str(directory)).put(file, NAME, digest)
    assert not (tmp_path / "elsewhere").exists()


async def test_a_file_that_has_no_room_is_refused_before_a_byte_is_sent(
    session: NodeSession, directory: Path, tmp_path: Path
) -> None:
    huge = tmp_path / "huge"
    with huge.open("wb") as sparse:
        sparse.truncate(shutil.disk_usage(tmp_path).free + (1 << 30))
    with pytest.raises(StoreError) as caught:
        await NodeStore(session, str(directory)).put(huge, NAME, "0" * 64)
    assert "has no room" in caught.value.what
    assert "make room" in caught.value.remedy
    assert listed_in(directory) == []


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of a megabyte that says it has more, as one does that others write to."""
    mounted = tmp_path / "small"
    mounted.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", mounted], capture_output=True
    )
    if done.returncode:
        pytest.skip("only root may mount a file system")
    yield mounted
    subprocess.run(["umount", "-l", mounted], check=True)


async def test_a_disk_that_fills_while_writing_leaves_nothing_under_any_name(
    session: NodeSession,
    small_disk: Path,
    file: Path,
    digest: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    without_check = node_writing._PREPARE.replace("exit 47", "true")
    monkeypatch.setattr(node_writing, "_PREPARE", without_check)
    with pytest.raises(RescueError) as caught:
        await NodeStore(session, str(small_disk)).put(file, NAME, digest)
    assert "disk is full" in caught.value.what
    assert "make room" in caught.value.remedy
    assert listed_in(small_disk) == []


async def test_a_backup_that_is_given_up_while_it_is_sent_leaves_nothing_half_written(
    session: NodeSession, directory: Path, tmp_path: Path
) -> None:
    large = tmp_path / "large"
    large.write_bytes(os.urandom(32 << 20))
    sha256 = hashlib.sha256(large.read_bytes()).hexdigest()
    seen: list[list[str]] = []

    def give_up(done: int, total: int) -> None:
        if 8 << 20 < done < total and not seen:
            seen.append(listed_in(directory))
            putting.cancel()

    putting = asyncio.ensure_future(
        NodeStore(session, str(directory)).put(large, NAME, sha256, give_up)
    )
    with pytest.raises(asyncio.CancelledError):
        await putting
    assert seen
    assert NAME not in seen[0]
    await until(lambda: listed_in(directory) == [])


async def test_a_clock_that_disagrees_keeps_the_file(
    session: NodeSession, directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(directory, NAME, OLDER)
    store = NodeStore(session, str(directory))
    listed = {Path(copy.path).name: copy for copy in await store.list()}
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now - 3600)
    with pytest.raises(StoreError) as caught:
        await store.remove(listed[OLDER], listed[NAME])
    assert "clock" in caught.value.what
    assert listed_in(directory) == [OLDER, NAME]


async def test_two_names_of_one_file_are_one_copy(session: NodeSession, directory: Path) -> None:
    fill(directory, NAME)
    (directory / OLDER).hardlink_to(directory / NAME)
    store = NodeStore(session, str(directory))
    listed = {Path(copy.path).name: copy for copy in await store.list()}
    with pytest.raises(StoreError):
        await store.remove(listed[OLDER], listed[NAME])
    assert (directory / OLDER).exists()


# --- S3


async def test_the_sha256_lies_beside_the_object(
    storage: S3Storage, keys: S3Keys, file: Path, digest: str
) -> None:
    store = S3Store(storage, keys)
    copy = await store.put(file, NAME, digest)
    stored_object = backend().get_object(storage.bucket, copy.path)
    assert stored_object.metadata["x-amz-meta-sha256"] == digest


async def test_the_same_file_once_more_is_no_error(
    storage: S3Storage, keys: S3Keys, file: Path, digest: str
) -> None:
    """An upload whose last answer was lost is tried again."""
    store = S3Store(storage, keys)
    assert await store.put(file, NAME, digest) == await store.put(file, NAME, digest)


async def test_a_connection_that_breaks_leaves_no_object(
    storage: S3Storage, keys: S3Keys, file: Path, digest: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("recovery.backups.s3_store._STORING_SECONDS", 0.5)
    monkeypatch.setattr(s3_upload, "PART", 1 << 20)
    async with wire_to(storage.endpoint) as wire:
        store = S3Store(replace(storage, endpoint=wire.url), keys)
        # The question whether it is there, the clean-up's, the beginning; then nothing comes.
        wire.cuts = [10**9] + [0] * 50
        wire.stalls = True
        with pytest.raises(StoreError) as caught:
            await store.put(file, NAME, digest)
    assert caught.value.remedy
    assert await S3Store(storage, keys).list() == ()


async def test_an_answer_that_was_lost_at_the_very_end_does_not_lose_the_object(
    storage: S3Storage, keys: S3Keys, file: Path, digest: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server may take longer to put the parts together than anybody waits."""
    monkeypatch.setattr("moto.s3.models.S3_UPLOAD_PART_MIN_SIZE", 1 << 20, raising=False)
    monkeypatch.setattr("recovery.backups.s3_store._STORING_SECONDS", 0.5)
    monkeypatch.setattr(s3_upload, "PART", 1 << 20)
    monkeypatch.setattr(s3_upload, "_LOOK_PAUSE", 0.2)
    whole = backend().complete_multipart_upload

    def slowly(*arguments: object, **more: object) -> object:
        done = whole(*arguments, **more)
        time.sleep(1.5)
        return done

    monkeypatch.setattr(backend(), "complete_multipart_upload", slowly)
    copy = await S3Store(storage, keys).put(file, NAME, digest)
    assert copy.size == len(CONTENT)
    assert await S3Store(storage, keys).list() == (copy,)


async def test_what_a_server_stores_otherwise_is_taken_away_again(
    storage: S3Storage, keys: S3Keys, file: Path, digest: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = backend().put_object

    def forgetful(bucket: str, key: str, value: bytes, **more: object) -> object:
        return whole(bucket, key, value[:-1], **more)

    monkeypatch.setattr(backend(), "put_object", forgetful)
    with pytest.raises(StoreError) as caught:
        await S3Store(storage, keys).put(file, NAME, digest)
    assert "not what was sent" in caught.value.what
    assert await S3Store(storage, keys).list() == ()


async def test_an_etag_that_is_no_checksum_has_the_object_read_back(
    storage: S3Storage, keys: S3Keys, file: Path, digest: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As of objects that the server encrypts."""
    monkeypatch.setattr("moto.s3.models.FakeKey.etag", property(lambda self: '"no-checksum"'))
    copy = await S3Store(storage, keys).put(file, NAME, digest)
    assert copy.size == len(CONTENT)
    whole = backend().put_object

    def flipping(bucket: str, key: str, value: bytes, **more: object) -> object:
        return whole(bucket, key, bytes([value[0] ^ 1]) + value[1:], **more)

    monkeypatch.setattr(backend(), "put_object", flipping)
    with pytest.raises(StoreError):
        await S3Store(storage, keys).put(file, OLDER, digest)
    assert [each.path for each in await S3Store(storage, keys).list()] == [copy.path]


async def test_uploads_that_were_abandoned_long_ago_are_ended(
    storage: S3Storage, keys: S3Keys, file: Path, digest: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = S3Store(storage, keys)
    client = store._client()
    for key in (f"prod-a/{OLDER}", "prod-a/other.iso", f"prod-b/{OLDER}"):
        client.create_multipart_upload(Bucket=storage.bucket, Key=key)
    monkeypatch.setattr(s3_upload, "_ABANDONED", timedelta(days=40_000))
    await store.put(file, NAME, digest)
    uploads = backend().buckets[storage.bucket].multiparts
    assert len(uploads) == 3
    monkeypatch.setattr(s3_upload, "_ABANDONED", timedelta(days=1))  # moto says 2010 of each
    await store.put(file, NAME.replace("1122", "1123"), digest)
    assert sorted(each.key_name for each in uploads.values()) == [
        "prod-a/other.iso",
        f"prod-b/{OLDER}",
    ]


@pytest.fixture
def reader_keys(s3_server: str, storage: S3Storage) -> Iterator[S3Keys]:
    """Keys that may list and read, and nothing else, on a server that checks them."""

    def ask(path: str, body: bytes) -> None:
        plain = {"Content-Type": "text/plain"}
        urllib.request.urlopen(urllib.request.Request(f"{s3_server}{path}", body, plain)).close()

    import boto3

    access = {"aws_access_key_id": "setup", "aws_secret_access_key": "setup"}
    iam = boto3.client("iam", endpoint_url=s3_server, region_name="us-east-1", **access)
    user = f"reader-{storage.bucket}"
    iam.create_user(UserName=user)
    allowed = {"Effect": "Allow", "Action": ["s3:List*", "s3:Get*"], "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
    iam.put_user_policy(UserName=user, PolicyName="read", PolicyDocument=policy)
    key = iam.create_access_key(UserName=user)["AccessKey"]
    ask("/moto-api/reset-auth", b"0")
    yield S3Keys(key["AccessKeyId"], key["SecretAccessKey"], origin="profile reader")
    ask("/moto-api/reset-auth", b"inf")


@pytest.mark.parametrize("part", [s3_upload.PART, 1 << 20])
async def test_keys_that_may_list_and_not_write_are_told_what_they_lack(
    storage: S3Storage,
    reader_keys: S3Keys,
    file: Path,
    digest: str,
    part: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(s3_upload, "PART", part)
    store = S3Store(storage, reader_keys)
    assert await store.list() == ()
    with pytest.raises(StoreError) as caught:
        await store.put(file, NAME, digest)
    assert caught.value.what == (
        f"the keys from profile reader may not write to bucket {storage.bucket}"
    )
    assert "s3:PutObject" in caught.value.remedy
    assert await store.list() == ()


async def test_keys_that_may_not_delete_keep_the_object(
    storage: S3Storage, reader_keys: S3Keys
) -> None:
    place = S3Place(S3Store(storage, reader_keys))
    for name in (NAME, OLDER):
        place.put(name, b"12345")
    listed = {copy.path.rpartition("/")[2]: copy for copy in await place.store.list()}
    with pytest.raises(StoreError) as caught:
        await S3Store(storage, reader_keys).remove(listed[OLDER], listed[NAME])
    assert "may not delete from" in caught.value.what
    assert len(await place.store.list()) == 2
