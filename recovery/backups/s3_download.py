"""One object on its way here: hashed as it comes, taken up again where it broke off."""

from __future__ import annotations

import contextlib
import hashlib
import threading
from typing import BinaryIO

from recovery.backups.s3_client import plain_failures
from recovery.backups.s3_errors import S3RequestError
from recovery.backups.s3_protocol import S3Client
from recovery.backups.stores import BytesProgress

_CHUNK = 1 << 20
_BREAKS = 3
"""How often in a row a download may break off without a single byte more."""

_PAUSE = 0.5
"""Seconds before it is taken up again."""


class StoppedError(Exception):
    """Nobody waits for the download any more."""


class Download:
    """The state of one download. Blocking: for a thread."""

    def __init__(self, client: S3Client, bucket: str, key: str, etag: str = "") -> None:
        self._client = client
        self._request = {"Bucket": bucket, "Key": key}
        self._etag = etag
        self._digest = hashlib.sha256()
        self._done = 0
        self._total = -1

    def run(self, file: BinaryIO, report: BytesProgress, stop: threading.Event) -> str:
        """Write the whole object; returns its sha256 (hex).

        Raises S3RequestError, StoppedError, and OSError from the file.
        """
        breaks = 0
        while self._done != self._total:
            before = self._done
            try:
                with plain_failures():
                    self._stream(file, report, stop)
            except S3RequestError as failure:
                # What the server answers, and a server that was never reached, do not pass.
                if failure.status or self._total < 0:
                    raise
            breaks = 0 if self._done > before else breaks + 1
            if breaks == _BREAKS:
                raise S3RequestError(
                    S3RequestError.BROKEN_OFF,
                    f"the download broke off after {self._done} of {self._total} bytes",
                )
            if self._done != self._total and stop.wait(_PAUSE):
                raise StoppedError
        return self._digest.hexdigest()

    def _stream(self, file: BinaryIO, report: BytesProgress, stop: threading.Event) -> None:
        part = {"Range": f"bytes={self._done}-"} if self._done else {}
        answer = self._client.get_object(**self._request, **part)
        with contextlib.closing(answer["Body"]) as body:
            self._etag = self._etag or answer["ETag"]
            size = self._done + answer["ContentLength"]
            continued = not self._done or "ContentRange" in answer
            if answer["ETag"] != self._etag or (self._total >= 0 and size != self._total):
                raise S3RequestError("PreconditionFailed", "", status=412)
            if not continued:
                raise S3RequestError(
                    S3RequestError.OTHER, "the server sends no parts of objects", status=200
                )
            self._total = size
            while chunk := body.read(_CHUNK):
                if stop.is_set():
                    raise StoppedError
                self._digest.update(chunk)
                file.write(chunk)
                self._done += len(chunk)
                report(self._done, self._total)
