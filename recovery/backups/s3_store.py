"""Backups in a bucket."""

from __future__ import annotations

import asyncio
import contextlib
import posixpath
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from recovery.backups.configuration import S3Storage
from recovery.backups.credentials import S3Keys
from recovery.backups.disk import disk_error, whole_file
from recovery.backups.model import Copy, StoreKind
from recovery.backups.naming import is_candidate
from recovery.backups.s3_client import S3Client, make_client, plain_failures
from recovery.backups.s3_download import Download
from recovery.backups.s3_errors import S3RequestError, in_words
from recovery.backups.stores import BytesProgress

if TYPE_CHECKING:
    from recovery.backups.reading_in_place import ReadInPlace

Answer = TypeVar("Answer")


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
        loop = asyncio.get_running_loop()

        def report(done: int, total: int) -> None:
            if progress is not None:
                with contextlib.suppress(RuntimeError):  # the loop has ended meanwhile
                    loop.call_soon_threadsafe(progress, done, total)

        def download(stop: threading.Event) -> str:
            try:
                with whole_file(target) as file:
                    return self._download(copy).run(file, report, stop)
            except OSError as error:
                raise disk_error(error, target.parent) from error

        return await self._in_thread(download, copy.path)

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
            modified_at=modified_at.astimezone(UTC),
            bucket=bucket or self.storage.bucket,
            identity=f"{self.storage.endpoint} {etag}",
        )

    def _client(self) -> S3Client:
        with self._making:
            if self._made is None:
                self._made = make_client(self.storage, self._keys)
            return self._made

    async def _in_thread(self, work: Callable[[threading.Event], Answer], key: str = "") -> Answer:
        stop = threading.Event()

        def in_words_of_people() -> Answer:
            try:
                with plain_failures():
                    return work(stop)
            except S3RequestError as failure:
                raise in_words(failure, self.storage, self._keys, key) from None

        try:
            return await asyncio.to_thread(in_words_of_people)
        finally:
            stop.set()
