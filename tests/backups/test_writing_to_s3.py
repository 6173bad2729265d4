"""Backups written into a bucket, and deleted from it."""

from __future__ import annotations

import asyncio
import json
import threading
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from recovery.backups import s3_upload
from recovery.backups.configuration import S3Storage
from recovery.backups.s3_keys import S3Keys
from recovery.backups.s3_store import S3Store
from recovery.errors import StoreError
from tests.backups.places import CONTENT, NAME, OLDER, S3Place, backend
from tests.backups.tcp_proxy import wire_to
from tests.ssh.waiting import until


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


async def test_an_object_of_the_same_size_and_other_bytes_is_not_deleted(
    storage: S3Storage, keys: S3Keys
) -> None:
    place = S3Place(S3Store(storage, keys))
    for name in (NAME, OLDER):
        place.put(name, b"12345")
    listed = {copy.path.rpartition("/")[2]: copy for copy in await place.store.list()}
    for changed in (OLDER, NAME):
        place.put(changed, b"54321")
        with pytest.raises(StoreError, match="changed since it was listed"):
            await place.store.remove(listed[OLDER], listed[NAME])
        place.put(changed, b"12345")
    assert len(await place.store.list()) == 2


@pytest.mark.parametrize("silent", ["upload_part", "complete_multipart_upload"])
async def test_an_upload_that_is_given_up_is_ended_although_the_server_is_silent(
    storage: S3Storage,
    keys: S3Keys,
    file: Path,
    digest: str,
    silent: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As SIGTERM gives it up, after which a service manager waits for a minute."""
    monkeypatch.setattr("moto.s3.models.S3_UPLOAD_PART_MIN_SIZE", 1 << 20, raising=False)
    monkeypatch.setattr(s3_upload, "PART", 1 << 20)
    monkeypatch.setattr("recovery.backups.s3_store._GIVEN_UP_SECONDS", 1.0)
    reached, go_on = threading.Event(), threading.Event()

    def held(*_: object, **__: object) -> object:
        reached.set()
        go_on.wait(30)
        raise ConnectionError

    monkeypatch.setattr(backend(), silent, held)
    putting = asyncio.ensure_future(S3Store(storage, keys).put(file, NAME, digest))
    try:
        await until(reached.is_set)
        assert len(backend().buckets[storage.bucket].multiparts) == 1
        began = time.monotonic()
        putting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await putting
        assert time.monotonic() - began < 20
        assert backend().buckets[storage.bucket].multiparts == {}
    finally:
        go_on.set()
    assert await S3Store(storage, keys).list() == ()
