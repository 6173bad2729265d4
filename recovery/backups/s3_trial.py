"""Tries a bucket with the very keys that backups would use: connect, list, write, read, delete.

The only object that is written is a probe of its own name, and it is taken away again.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import NoReturn

from recovery.backups.configuration import S3Storage
from recovery.backups.s3_client import make_client, plain_failures
from recovery.backups.s3_errors import S3Act, S3RequestError, in_words
from recovery.backups.s3_keys import S3Keys
from recovery.backups.s3_protocol import S3Client
from recovery.backups.server_certificate import ServerCertificate, look_at_certificate
from recovery.errors import RescueError
from recovery.health.model import Check, CheckStatus

SCOPE = "S3"
_CLOCK_SECONDS = 60.0
"""S3 refuses requests from fifteen minutes of difference on; this much is told before."""

OnCheck = Callable[[Check], None]


@dataclass(frozen=True, slots=True)
class S3Trial:
    """How the trial ended."""

    checks: tuple[Check, ...]
    certificate: ServerCertificate | None
    left_behind: str = ""
    """The probe's location where it could not be deleted."""

    @property
    def passed(self) -> bool:
        """Whether backups can be kept there."""
        return all(check.status is not CheckStatus.FAILED for check in self.checks)

    @property
    def may_skip_verification(self) -> bool:
        """Whether skipTLSVerify may be offered: for a self-signed certificate only."""
        seen = self.certificate
        return seen is not None and seen.self_signed and bool(seen.distrusted)


async def try_bucket(storage: S3Storage, keys: S3Keys, on_check: OnCheck | None = None) -> S3Trial:
    """Try it, step by step; the first step that fails is the last. Never raises for a bad bucket.

    `on_check` is called on the event loop's thread, as each answer comes.
    """
    loop = asyncio.get_running_loop()

    def told(check: Check) -> None:
        if on_check is not None:
            with contextlib.suppress(RuntimeError):  # the loop has ended meanwhile
                loop.call_soon_threadsafe(on_check, check)

    trial = _Trial(storage, keys, told, threading.Event())
    try:
        return await asyncio.to_thread(trial.run)
    finally:
        trial.stop.set()


@dataclass
class _Trial:
    storage: S3Storage
    keys: S3Keys
    told: OnCheck
    stop: threading.Event
    checks: list[Check] = field(default_factory=list)
    certificate: ServerCertificate | None = None
    left_behind: str = ""

    def run(self) -> S3Trial:
        """All steps, blocking."""
        client: S3Client | None = None
        try:
            self._look_at_tls()
            client = make_client(self.storage, self.keys)
            self._list(client)
            self._write(client)
        except RescueError as error:
            self._say("endpoint", CheckStatus.FAILED, error.what, error.detail, error.remedy)
        except _StoppedError:
            pass
        return S3Trial(tuple(self.checks), self.certificate, self.left_behind)

    def _look_at_tls(self) -> None:
        try:
            seen = look_at_certificate(self.storage.endpoint) if self.storage.endpoint else None
        except S3RequestError as failure:
            self._fail("connects", failure)
        self.certificate = seen
        if seen is None:
            plain = self.storage.endpoint.startswith("http://")
            self._say(
                "TLS",
                CheckStatus.WARNING if plain else CheckStatus.OK,
                "not encrypted" if plain else "by Amazon",
                "Backups hold every secret of the cluster, and would cross the network in the open."
                if plain
                else "",
                "use an https:// endpoint" if plain else "",
            )
        elif not seen.distrusted:
            self._say("TLS", CheckStatus.OK, f"trusted, until {seen.valid_until:%Y-%m-%d}")
        elif self.storage.skip_tls_verify:
            self._say(
                "TLS",
                CheckStatus.WARNING,
                f"not verified, as skipTLSVerify says: {seen.distrusted}",
                f"The certificate's SHA-256 is {seen.fingerprint}.",
                "compare it with what the server's administrator says",
            )
        else:
            kind = "self-signed" if seen.self_signed else seen.distrusted
            self._say(
                "TLS",
                CheckStatus.FAILED,
                f"the certificate is not trusted: {kind}",
                f"{seen.subject}; SHA-256 {seen.fingerprint}",
                "compare the fingerprint with the server's administrator, then set skipTLSVerify"
                if seen.self_signed
                else "put its authority into a file and set AWS_CA_BUNDLE; the platform must trust"
                " it too",
            )
            raise _StoppedError

    def _list(self, client: S3Client) -> None:
        try:
            with plain_failures():
                answer = client.list_objects_v2(
                    Bucket=self.storage.bucket, Prefix=self._prefix, MaxKeys=1
                )
        except S3RequestError as failure:
            self._fail("lists", failure)
        self._say("lists", CheckStatus.OK, f"s3://{self.storage.bucket}/{self._prefix}")
        self._compare_clocks(answer["ResponseMetadata"]["HTTPHeaders"].get("date", ""))

    def _compare_clocks(self, date: str) -> None:
        try:
            ahead = (datetime.now(UTC) - parsedate_to_datetime(date)).total_seconds()
        except (TypeError, ValueError):
            return
        if abs(ahead) > _CLOCK_SECONDS:
            way = "ahead of" if ahead > 0 else "behind"
            self._say(
                "clock",
                CheckStatus.WARNING,
                f"this machine is {abs(ahead):.0f} s {way} the server",
                "Signed requests are refused from 15 minutes of difference on.",
                "set the clock; see that those of the control-plane nodes are right",
            )

    def _write(self, client: S3Client) -> None:
        key = f"{self._prefix}.etcd-rescue-probe-{secrets.token_hex(8)}"
        content = b"A probe of etcd-rescue. It may be deleted.\n" + os.urandom(16)
        bucket = self.storage.bucket
        self._go_on()
        try:
            with plain_failures():
                client.put_object(Bucket=bucket, Key=key, Body=content)
        except S3RequestError as failure:
            self._fail("writes", failure, key)
        self._say("writes", CheckStatus.OK, "a probe was written")
        try:
            self._read(client, key, content)
        finally:
            self._delete(client, key)

    def _read(self, client: S3Client, key: str, content: bytes) -> None:
        try:
            with plain_failures():
                body = client.get_object(Bucket=self.storage.bucket, Key=key)["Body"]
                came = body.read(len(content) + 1)
                body.close()
        except S3RequestError as failure:
            self._fail("reads", failure, key)
        if came != content:
            self._say(
                "reads",
                CheckStatus.FAILED,
                "what came back is not what was written",
                remedy="ask whoever runs the server; do not keep backups there",
            )
            raise _StoppedError
        self._say("reads", CheckStatus.OK, "the same came back")

    def _delete(self, client: S3Client, key: str) -> None:
        try:
            with plain_failures():
                client.delete_object(Bucket=self.storage.bucket, Key=key)
        except S3RequestError as failure:
            self.left_behind = f"s3://{self.storage.bucket}/{key}"
            self._say(
                "deletes",
                CheckStatus.WARNING,
                "the probe could not be deleted",
                f"{self.left_behind} stays there. The keys may write and not delete, which is"
                " good for backups; retention is then the bucket's own.",
                in_words(failure, self.storage, self.keys, key, S3Act.DELETE).remedy,
            )
        else:
            self._say("deletes", CheckStatus.OK, "the probe is gone")

    @property
    def _prefix(self) -> str:
        directory = self.storage.dir.strip("/")
        return f"{directory}/" if directory else ""

    def _go_on(self) -> None:
        if self.stop.is_set():
            raise _StoppedError

    def _say(
        self, name: str, status: CheckStatus, message: str, meaning: str = "", remedy: str = ""
    ) -> None:
        check = Check(name, SCOPE, status, message, meaning, remedy)
        self.checks.append(check)
        self.told(check)

    def _fail(self, name: str, failure: S3RequestError, key: str = "") -> NoReturn:
        act = S3Act.WRITE if name == "writes" else S3Act.READ
        error = in_words(failure, self.storage, self.keys, key, act)
        self._say(name, CheckStatus.FAILED, error.what, error.detail, error.remedy)
        raise _StoppedError


class _StoppedError(Exception):
    """A step failed, and was told; or nobody waits any more."""
