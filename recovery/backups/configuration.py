"""The spec of an `EtcdBackupConfiguration` (enhancement.cluster.alauda.io/v1), as facts."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class LocalStorage:
    """The directory on every control-plane node, and how long files stay there."""

    path: str = "/cpaas/backup"
    ttl_seconds: int | None = None


@dataclass(frozen=True, slots=True)
class S3Storage:
    """The bucket that gets an additional copy of every backup."""

    endpoint: str
    bucket: str
    region: str = ""
    dir: str = ""
    skip_tls_verify: bool = False
    secret_ref: str = ""


@dataclass(frozen=True, slots=True)
class BackupSpec:
    """When backups are taken and where they go."""

    schedule: str = "0 0 * * *"
    paused: bool = False
    local: LocalStorage | None = None
    s3: S3Storage | None = None
