"""One file on its way into a bucket: in parts where it is large, each checked by its MD5.

Nothing of it has a name until all of it is there: PutObject stores all or nothing, and an upload
in parts becomes an object with its last request (S3 API, CompleteMultipartUpload). Content-MD5 is
understood by every S3 server, the newer checksum headers by few. The sha256 is kept beside the
object as metadata, so that whoever reads it later can compare.
"""

from __future__ import annotations

import base64
import hashlib
import io
import posixpath
import threading
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import BinaryIO

from recovery.backups.naming import parse_name
from recovery.backups.s3_client import plain_failures
from recovery.backups.s3_download import StoppedError
from recovery.backups.s3_errors import S3RequestError
from recovery.backups.s3_protocol import ObjectHead, S3Client
from recovery.backups.stores import BytesProgress

SHA256_METADATA = "sha256"
"""The name under which an object's metadata has its sha256 (hex)."""

PART = 16 << 20
"""Bytes of a part, and of what is held in memory at once. S3 wants 5 MiB at least."""
MOST_PARTS = 10_000
"""As S3 allows."""
_CHUNK = 1 << 20
_LOOKS, _LOOK_PAUSE = 20, 3.0
"""How often, and after how many seconds, an object is looked for that may yet appear."""

_ABANDONED = timedelta(days=1)


class OccupiedError(Exception):
    """Another object has that key already; it is left as it is."""


class DiffersError(Exception):
    """What lies in the bucket now is not what was sent; it has been taken away again."""


@dataclass(frozen=True, slots=True)
class _Sent:
    """What was sent: the ETag that most servers give to such an object, and the one it got."""

    expected: str
    told: str


class Stoppable(io.BytesIO):
    """A part on its way: once it is to stop, not another byte of it is sent."""

    def __init__(self, content: bytes, stop: threading.Event) -> None:
        super().__init__(content)
        self._stop = stop

    def read(self, size: int | None = -1, /) -> bytes:
        """As a file; StoppedError once it is to stop."""
        if self._stop.is_set():
            raise StoppedError
        return super().read(size)


class Upload:
    """One upload. Blocking: for a thread. `sha256` (hex) is that of the whole file."""

    def __init__(self, client: S3Client, bucket: str, key: str, sha256: str) -> None:
        self._client = client
        self._request = {"Bucket": bucket, "Key": key}
        self._metadata = {SHA256_METADATA: sha256}
        self._sha256 = sha256
        self._parts_of = ""
        """The id of the upload in parts that is under way."""

    def abort(self, client: S3Client) -> None:
        """End an upload in parts, through another client: its own may wait for an answer still."""
        if self._parts_of:
            with suppress(S3RequestError), plain_failures():
                client.abort_multipart_upload(**self._request, UploadId=self._parts_of)

    def run(self, path: Path, report: BytesProgress, stop: threading.Event) -> None:
        """Send the file and prove that it arrived.

        Raises S3RequestError, OccupiedError, DiffersError, StoppedError, and OSError from the
        file; the key is then as free as it was.
        """
        size = path.stat().st_size
        if self._is_there(size):
            # Sent before, and nobody heard how it ended: only its bytes tell.
            self._prove(size, _Sent("", ""), stop)
            report(size, size)
            return
        with path.open("rb") as file:
            sent = (
                self._send_whole(file, size, report)
                if size <= PART
                else self._send_in_parts(file, size, report, stop)
            )
        self._prove(size, sent, stop)

    def _send_whole(self, file: BinaryIO, size: int, report: BytesProgress) -> _Sent:
        content = file.read()
        digest = hashlib.md5(content, usedforsecurity=False)
        with plain_failures():
            stored = self._client.put_object(
                **self._request,
                Body=content,
                ContentMD5=_base64(digest.digest()),
                Metadata=self._metadata,
            )
        report(size, size)
        return _Sent(digest.hexdigest(), stored.get("ETag", ""))

    def _send_in_parts(
        self, file: BinaryIO, size: int, report: BytesProgress, stop: threading.Event
    ) -> _Sent:
        with plain_failures():
            begun = self._client.create_multipart_upload(**self._request, Metadata=self._metadata)
        upload = self._parts_of = begun["UploadId"]
        try:
            return self._send_parts(upload, file, size, report, stop)
        except BaseException as error:
            with suppress(S3RequestError), plain_failures():
                self._client.abort_multipart_upload(**self._request, UploadId=upload)
            if isinstance(error, S3RequestError) and stop.is_set():
                raise StoppedError from None
            raise
        finally:
            self._parts_of = ""

    def _send_parts(
        self, upload: str, file: BinaryIO, size: int, report: BytesProgress, stop: threading.Event
    ) -> _Sent:
        length = max(PART, -(-size // MOST_PARTS))
        parts: list[dict[str, object]] = []
        digests, done = b"", 0
        while content := file.read(length):
            if stop.is_set():
                raise StoppedError
            digest = hashlib.md5(content, usedforsecurity=False).digest()
            number = len(parts) + 1
            with plain_failures():
                stored = self._client.upload_part(
                    **self._request,
                    UploadId=upload,
                    PartNumber=number,
                    Body=Stoppable(content, stop),
                    ContentMD5=_base64(digest),
                )
            parts.append({"PartNumber": number, "ETag": stored.get("ETag", "")})
            digests += digest
            done += len(content)
            report(done, size)
        if stop.is_set():
            raise StoppedError
        together = hashlib.md5(digests, usedforsecurity=False).hexdigest()
        told = self._complete(upload, parts, size, stop)
        return _Sent(f"{together}-{len(parts)}", told)

    def _complete(
        self, upload: str, parts: list[dict[str, object]], size: int, stop: threading.Event
    ) -> str:
        """Have the server put the parts together; returns the ETag that it tells.

        That may take minutes, and a connection may break meanwhile although it goes well. So
        without an answer the object itself is looked for, for a while.
        """
        try:
            with plain_failures():
                whole = self._client.complete_multipart_upload(
                    **self._request, UploadId=upload, MultipartUpload={"Parts": parts}
                )
            return whole.get("ETag", "")
        except S3RequestError as failure:
            # NoSuchUpload: botocore asked again, and the first time went well after all.
            if failure.status and failure.code != "NoSuchUpload" and failure.status < 500:
                raise
            for _ in range(_LOOKS):
                with suppress(S3RequestError):
                    if self._is_there(size):
                        return ""
                if stop.wait(_LOOK_PAUSE):
                    raise StoppedError from failure
            raise

    def _prove(self, size: int, sent: _Sent, stop: threading.Event) -> None:
        """Compare what lies there now; read it back where the server's ETag is no checksum."""
        try:
            head = self._head()
        except S3RequestError as failure:
            # Keys that may only write: what the server said when it stored it has to do.
            if failure.status == 403 and sent.told.strip('"') == sent.expected:
                return
            raise
        if head is None:
            raise DiffersError
        # Where the server encrypts, and on some servers always, the ETag is no checksum.
        proven = head["ETag"].strip('"') == sent.expected or self._reads_back(stop)
        if head["ContentLength"] != size or not proven:
            with suppress(S3RequestError), plain_failures():
                self._client.delete_object(**self._request)
            raise DiffersError

    def _reads_back(self, stop: threading.Event) -> bool:
        digest = hashlib.sha256()
        with plain_failures():
            answer = self._client.get_object(**self._request)
            with closing(answer["Body"]) as body:
                while chunk := body.read(_CHUNK):
                    if stop.is_set():
                        raise StoppedError
                    digest.update(chunk)
        return digest.hexdigest() == self._sha256

    def _is_there(self, size: int) -> bool:
        """Whether the very file lies there already; OccupiedError where something else does."""
        try:
            head = self._head()
        except S3RequestError as failure:
            # Keys that may not list get this answer for what does not exist, too.
            if failure.status == 403:
                return False
            raise
        if head is None:
            return False
        named = head.get("Metadata", {}).get(SHA256_METADATA, "")
        if head["ContentLength"] != size or named != self._sha256:
            raise OccupiedError
        return True

    def _head(self) -> ObjectHead | None:
        """What lies under the key; None where nothing does."""
        try:
            with plain_failures():
                return self._client.head_object(**self._request)
        except S3RequestError as failure:
            if failure.status == 404 and failure.code != "NoSuchBucket":
                return None
            raise


def abort_abandoned(client: S3Client, bucket: str, prefix: str, now: datetime) -> int:
    """End uploads of backups right below the prefix that somebody began over a day ago.

    They have no name and are listed nowhere, but are paid for. Returns how many there were; a
    server that does not list them, or keys that may not, give 0.
    """
    ended = 0
    with suppress(S3RequestError), plain_failures():
        pages = client.get_paginator("list_multipart_uploads")
        for page in pages.paginate(Bucket=bucket, Prefix=prefix):
            for upload in page.get("Uploads", []):
                directory, name = posixpath.split(upload["Key"])
                begun = upload["Initiated"].astimezone(UTC)
                if directory != prefix.rstrip("/") or parse_name(name) is None:
                    continue
                if now - begun > _ABANDONED:
                    client.abort_multipart_upload(
                        Bucket=bucket, Key=upload["Key"], UploadId=upload["UploadId"]
                    )
                    ended += 1
    return ended


def _base64(digest: bytes) -> str:
    return base64.b64encode(digest).decode("ascii")
