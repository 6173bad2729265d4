"""Backups in a bucket."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import posixpath
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from recovery.backups.configuration import S3Storage
from recovery.backups.disk import disk_error, whole_file
from recovery.backups.model import Copy, StoreKind
from recovery.backups.naming import is_backup_name, is_candidate
from recovery.backups.outside_text import one_line
from recovery.backups.s3_client import make_client, plain_failures
from recovery.backups.s3_download import Download
from recovery.backups.s3_errors import S3Act, S3RequestError, in_words
from recovery.backups.s3_keys import S3Keys
from recovery.backups.s3_protocol import S3Client
from recovery.backups.s3_upload import DiffersError, OccupiedError, Upload, abort_abandoned
from recovery.backups.stopping import in_thread_of_its_own
from recovery.backups.stores import BytesProgress
from recovery.errors import StoreError

if TYPE_CHECKING:
    from recovery.backups.stores import ReadInPlace

Answer = TypeVar("Answer")

_STORING_SECONDS = 120.0
"""That a server may be silent while it stores, or puts a large object together."""
_GIVEN_UP_SECONDS = 10.0
"""For an upload that is given up to end by itself."""
_ABORTING_SECONDS = 10.0
"""For ending it from outside after that. Both together: `TimeoutStopSec` of the unit is 60."""

LINK_SECONDS = 300
"""How long a link can be used to begin a download; one that has begun goes on."""


class S3Store:
    """The bucket of the backup configuration, and any other object that its keys can read.

    boto3 blocks, so every request runs in a thread; a cancelled one ends with its next chunk, or
    with its timeout.
    """

    kind = StoreKind.S3

    def __init__(self, storage: S3Storage, keys: S3Keys) -> None:
        self.storage = storage
        self._keys = keys
        self._making = threading.Lock()
        self._made: S3Client | None = None

    @property
    def label(self) -> str:
        """The place as `s3://bucket/dir/`."""
        directory = self.storage.dir.strip("/")
        return (
            f"s3://{self.storage.bucket}/{directory}/"
            if directory
            else f"s3://{self.storage.bucket}/"
        )

    def holds(self, copy: Copy) -> bool:
        """Every S3 copy: a REF may name another bucket of the same server."""
        return copy.store is StoreKind.S3

    async def list(self) -> tuple[Copy, ...]:
        """The objects right under the directory whose names may be those of snapshots.

        Raises StoreError with the remedy where the bucket cannot be listed.
        """
        return await self._in_thread(self._list)

    async def look_up(self, copy: Copy) -> Copy:
        """The copy as the server knows it now; StoreError where there is no such object."""
        return await self._in_thread(lambda _: self._head(copy), copy.path)

    async def fetch(self, copy: Copy, target: Path, progress: BytesProgress | None = None) -> str:
        """Stream the object to `target`; a download that breaks off goes on where it stopped.

        Raises StoreError: not readable, changed meanwhile, broken off for good, or no room here.
        """
        report = _to_loop(progress)

        def download(stop: threading.Event) -> str:
            try:
                with whole_file(target) as file:
                    return self._download(copy).run(file, report, stop)
            except OSError as error:
                raise disk_error(error, target.parent) from error

        return await self._in_thread(download, copy.path)

    async def put(
        self, file: Path, name: str, sha256: str, progress: BytesProgress | None = None
    ) -> Copy:
        """Upload the file under that name, and prove that it arrived; nothing is overwritten.

        Raises StoreError: refused, broken off, or another object has the name.
        """
        key = posixpath.join(self.storage.dir.strip("/"), name)
        report = _to_loop(progress)

        sending: list[Upload] = []

        def upload(stop: threading.Event) -> Copy:
            client = make_client(self.storage, self._keys, _STORING_SECONDS)
            directory = posixpath.dirname(key)
            try:
                abort_abandoned(client, self.storage.bucket, directory, datetime.now(UTC))
                sending.append(Upload(client, self.storage.bucket, key, sha256))
                sending[0].run(file, report, stop)
            except OccupiedError:
                raise self._unfit("another object of that name is there already", key) from None
            except DiffersError:
                raise self._unfit(
                    "what the server stored is not what was sent, and was taken away again", key
                ) from None
            except OSError as error:
                raise disk_error(error, file) from error
            return self._listed_as(key, file.stat().st_size)

        def abort() -> None:
            client = make_client(self.storage, self._keys, _ABORTING_SECONDS)
            for one in sending:
                one.abort(client)

        return await in_thread_of_its_own(
            lambda stop: self._told(upload, stop, key, S3Act.WRITE),
            patience=_GIVEN_UP_SECONDS,
            end=abort,
            end_patience=_ABORTING_SECONDS,
        )

    async def remove(self, copy: Copy, keeping: Copy) -> None:
        """Delete one object that is still as it was listed, while another one is there.

        Raises StoreError, and deletes nothing, where either is not so.
        """

        def delete(_: threading.Event) -> None:
            for there in (keeping, copy):
                directory, name = posixpath.split(there.path)
                lies_here = directory.strip("/") == self.storage.dir.strip("/")
                if not lies_here or not is_backup_name(name):
                    raise self._unfit("it is no backup of this directory", there.path)
                now = self._head(there)
                # The ETag changes with the bytes, and the size need not.
                same = not there.identity or now.identity == there.identity
                if now.size != there.size or not same:
                    raise self._unfit("it changed since it was listed", there.path)
            self._client().delete_object(Bucket=self.storage.bucket, Key=copy.path)

        await self._in_thread(delete, copy.path, S3Act.DELETE)

    async def link(self, copy: Copy) -> str:
        """A link that gives the object to whoever has it, for `LINK_SECONDS`: a secret.

        Raises StoreError where none can be made.
        """

        def sign(_: threading.Event) -> str:
            bucket = copy.bucket or self.storage.bucket
            return self._client().generate_presigned_url(
                "get_object",
                Params={"Bucket": bucket, "Key": copy.path},
                ExpiresIn=LINK_SECONDS,
            )

        return await self._in_thread(sign, copy.path)

    async def read_in_place(
        self, copy: Copy, progress: BytesProgress | None = None
    ) -> ReadInPlace | None:
        """None: an object has to come here to be read."""
        return None

    @property
    def _prefixes(self) -> tuple[str, ...]:
        """Where objects of the directory lie; S3 takes a leading slash for a part of the name."""
        directory = self.storage.dir.strip("/")
        plain = f"{directory}/" if directory else ""
        return (plain, f"/{plain}") if self.storage.dir[:1] in {"", "/"} else (plain,)

    def _list(self, stop: threading.Event) -> tuple[Copy, ...]:
        pages = self._client().get_paginator("list_objects_v2")
        copies = []
        for prefix in self._prefixes:
            for page in pages.paginate(Bucket=self.storage.bucket, Prefix=prefix, Delimiter="/"):
                copies += [
                    self._copy(entry["Key"], entry["Size"], entry["LastModified"], entry["ETag"])
                    for entry in page.get("Contents", [])
                    if is_candidate(posixpath.basename(entry["Key"]))
                ]
                if stop.is_set():
                    return ()
        return tuple(copies)

    def _download(self, copy: Copy) -> Download:
        etag = copy.identity.rpartition(" ")[2]
        return Download(self._client(), copy.bucket or self.storage.bucket, copy.path, etag)

    def _head(self, copy: Copy) -> Copy:
        bucket = copy.bucket or self.storage.bucket
        head = self._client().head_object(Bucket=bucket, Key=copy.path)
        return self._copy(
            copy.path, head["ContentLength"], head["LastModified"], head["ETag"], bucket
        )

    def _copy(
        self, key: str, size: int, modified_at: datetime, etag: str, bucket: str = ""
    ) -> Copy:
        return Copy(
            store=StoreKind.S3,
            path=key,
            size=size,
            # Some servers list milliseconds, which no answer about a single object has; and a
            # verdict is remembered by what tells one file from another.
            modified_at=modified_at.astimezone(UTC).replace(microsecond=0),
            bucket=bucket or self.storage.bucket,
            identity=f"{self.storage.endpoint} {etag}",
        )

    def _listed_as(self, key: str, size: int) -> Copy:
        """The object as a listing shows it; as far as it can be known where keys only write."""
        bare = self._copy(key, size, datetime.now(UTC), "")
        try:
            return self._head(bare)
        except S3RequestError as failure:
            if failure.status != 403:
                raise
            return dataclasses.replace(bare, identity="")

    def _unfit(self, what: str, key: str) -> StoreError:
        where = one_line(f"s3://{self.storage.bucket}/{key}")
        return StoreError(what, where=where, remedy="list the snapshots, then try again")

    def _client(self) -> S3Client:
        with self._making:
            if self._made is None:
                self._made = make_client(self.storage, self._keys)
            return self._made

    async def _in_thread(
        self,
        work: Callable[[threading.Event], Answer],
        key: str = "",
        act: S3Act = S3Act.READ,
    ) -> Answer:
        stop = threading.Event()
        try:
            return await asyncio.to_thread(self._told, work, stop, key, act)
        finally:
            stop.set()

    def _told(
        self, work: Callable[[threading.Event], Answer], stop: threading.Event, key: str, act: S3Act
    ) -> Answer:
        """The work's answer; what it fails of in the words of people."""
        try:
            with plain_failures():
                return work(stop)
        except S3RequestError as failure:
            raise in_words(failure, self.storage, self._keys, key, act) from None


def _to_loop(progress: BytesProgress | None) -> BytesProgress:
    """Progress told from a thread, heard on the loop that is running now."""
    loop = asyncio.get_running_loop()

    def report(done: int, total: int) -> None:
        if progress is not None:
            with contextlib.suppress(RuntimeError):  # the loop has ended meanwhile
                loop.call_soon_threadsafe(progress, done, total)

    return report
