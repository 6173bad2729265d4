"""The care for backups with canned answers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from recovery.backups.care import BackupCare
from recovery.backups.configuration import S3Storage
from recovery.backups.model import Copy, Record, StoreKind
from recovery.backups.platform_backup import OnStage, PlatformBackup
from recovery.backups.s3_keys import S3Keys
from recovery.backups.s3_trial import S3Trial
from recovery.backups.seen_configuration import SeenConfiguration, Source
from recovery.backups.server_certificate import ServerCertificate
from recovery.backups.spec_change import SpecChange
from recovery.cluster.facts import ClusterFacts
from recovery.errors import RescueError
from recovery.health.model import Check, CheckStatus
from recovery.inventory.model import Cluster
from recovery.ssh.fleet import Fleet

SEEN_AT = datetime(2026, 11, 22, 13, 2, tzinfo=UTC)
CERTIFICATE = ServerCertificate(
    "CN=s3.example.com",
    "CN=s3.example.com",
    ":".join(f"{n * 7 % 256:02X}" for n in range(32)),
    datetime(2027, 3, 1, tzinfo=UTC),
    self_signed=True,
    distrusted="self-signed certificate",
)


def canned_spec() -> dict[str, object]:
    """As the platform installs it, with S3."""
    return {
        "schedule": "0 0 * * *",
        "paused": False,
        "localStorage": {"path": "/cpaas/backup", "ttl": "7776000"},
        "remoteStorage": {
            "s3": {
                "endpoint": "https://s3.example.com",
                "region": "eu-1",
                "bucket": "etcd",
                "dir": "prod-a",
                "skipTLSVerify": False,
                "secretRef": "etcd-backup-s3-secret",
            }
        },
    }


def canned_seen(source: Source = Source.CLUSTER, **spec: object) -> SeenConfiguration:
    """Read just now; `spec` replaces fields."""
    trouble = "" if source is Source.CLUSTER else "it does not accept connections"
    name = "" if source in (Source.INVENTORY, Source.NONE) else "etcd-backup-default"
    return SeenConfiguration(source, {**canned_spec(), **spec}, (), SEEN_AT, name, "4711", trouble)


@dataclass
class BackupAnswers:
    """What the canned care says, for tests to change; what it was asked to write."""

    seen: SeenConfiguration = field(default_factory=canned_seen)
    self_signed: bool = False
    may_write: bool = True
    hold_trial: bool = False
    apply_error: RescueError | None = None
    backup_result: str = "Success"
    written: list[tuple[SpecChange, S3Keys | None]] = field(default_factory=list)
    tried_with: list[S3Keys] = field(default_factory=list)


class CannedBackups(BackupCare):
    """Answers at once."""

    def __init__(self, cluster: Cluster, answers: BackupAnswers) -> None:
        async def facts() -> ClusterFacts:
            raise AssertionError("nobody is asked")

        super().__init__(cluster, _nobody, facts, Path("nowhere"))
        self.answers = answers

    async def configuration(self) -> SeenConfiguration:
        """What the answers say."""
        self.seen = self.answers.seen
        return self.seen

    async def apply(
        self, seen: SeenConfiguration, change: SpecChange, keys: S3Keys | None = None
    ) -> SeenConfiguration:
        """Remembers it."""
        if self.answers.apply_error is not None:
            raise self.answers.apply_error
        self.answers.written.append((change, keys))
        self.answers.seen = replace(self.answers.seen, raw=change.after)
        return await self.configuration()

    async def keys_for(self, storage: S3Storage, typed: S3Keys | None = None) -> S3Keys:
        """Typed ones, or some."""
        return typed or S3Keys("access", "secret", origin=f"secret {storage.secret_ref}")

    async def try_s3(
        self,
        storage: S3Storage,
        keys: S3Keys,
        on_check: Callable[[Check], None] | None = None,
    ) -> S3Trial:
        """All well, or as the answers say."""
        self.answers.tried_with.append(keys)
        checks = tuple(self._checks(storage, keys))
        for check in checks:
            if on_check is not None:
                on_check(check)
        if self.answers.hold_trial:
            await asyncio.Event().wait()
        return S3Trial(checks, CERTIFICATE if self.answers.self_signed else None)

    def _checks(self, storage: S3Storage, keys: S3Keys) -> list[Check]:
        if self.answers.self_signed and not storage.skip_tls_verify:
            return [
                Check(
                    "TLS",
                    "S3",
                    CheckStatus.FAILED,
                    "the certificate is not trusted: self-signed",
                    f"{CERTIFICATE.subject}; SHA-256 {CERTIFICATE.fingerprint}",
                    "compare the fingerprint with the server's administrator",
                )
            ]
        checks = [
            Check("TLS", "S3", CheckStatus.OK, "trusted, until 2027-03-01"),
            Check("lists", "S3", CheckStatus.OK, f"s3://{storage.bucket}/{storage.dir}/"),
        ]
        if not self.answers.may_write:
            failed = f"the keys from {keys.origin} may not write to bucket {storage.bucket}"
            remedy = "allow them s3:PutObject and s3:AbortMultipartUpload there, or use other keys"
            return [*checks, Check("writes", "S3", CheckStatus.FAILED, failed, "", remedy)]
        if self.answers.hold_trial:
            return checks
        return [
            *checks,
            Check("writes", "S3", CheckStatus.OK, "a probe was written"),
            Check("reads", "S3", CheckStatus.OK, "the same came back"),
            Check("deletes", "S3", CheckStatus.OK, "the probe is gone"),
        ]

    async def back_up_by_platform(
        self, seen: SeenConfiguration, on_stage: OnStage | None = None
    ) -> PlatformBackup:
        """Taken, and seen in the bucket; or failed with the answers' words."""
        for words in ("the platform takes a backup", "waiting for its record"):
            if on_stage is not None:
                on_stage(words)
        name = "snapshot-etcd-20261122-140200-10.0.0.11.tar"
        record = Record(name, SEEN_AT, self.answers.backup_result)
        if not record.succeeded:
            return PlatformBackup(self.answers.backup_result, record, True)
        found = Copy(StoreKind.S3, f"prod-a/{name}", 222298112, SEEN_AT, bucket="etcd")
        return PlatformBackup("", record, True, found)


def _nobody() -> Fleet:
    raise AssertionError("nobody is asked")
