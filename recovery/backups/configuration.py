"""The spec of an `EtcdBackupConfiguration` (enhancement.cluster.alauda.io/v1), as facts."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from recovery.backups.model import Record
from recovery.backups.outside_text import one_line
from recovery.backups.records import parse_records
from recovery.errors import ConfigurationError

DEFAULT_DIRECTORIES = ("/cpaas/backup", "/cpaas")
"""Where the platform's releases put backups unless told otherwise, newer releases first."""

MOST_DIGITS = 15
"""Of a number that somebody means; Python itself refuses to read thousands of them."""

DEFAULT_SCHEDULE = "0 0 * * *"
"""What the platform installs: daily at midnight."""


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

    schedule: str = DEFAULT_SCHEDULE
    paused: bool = False
    local: LocalStorage | None = None
    s3: S3Storage | None = None


def parse_spec(spec: Mapping[str, object]) -> BackupSpec:
    """The `spec` of the resource, fields unknown here ignored.

    Raises ConfigurationError, `where` naming the field, for a value that cannot be meant.
    """
    remote = _section(spec, "remoteStorage", "spec")
    s3 = _section(remote, "s3", "spec.remoteStorage") if remote is not None else None
    local = _section(spec, "localStorage", "spec")
    return BackupSpec(
        schedule=_text(spec, "schedule", "spec") or DEFAULT_SCHEDULE,
        paused=_flag(spec, "paused", "spec"),
        local=None if local is None else _local(local),
        s3=None if s3 is None else _s3(s3),
    )


def parse_resource(resource: str | bytes) -> tuple[BackupSpec, tuple[Record, ...]]:
    """Spec and records from the resource as the API server gives it (JSON).

    Raises ConfigurationError where it is no such resource; odd records are no error.
    """
    try:
        document = json.loads(resource)
    except ValueError as error:
        raise ConfigurationError(
            "what the API server gave for the backup configuration is no JSON",
            where="EtcdBackupConfiguration",
            remedy="ask again; if it stays so, put the spec under `backup` in the inventory",
        ) from error
    if not isinstance(document, Mapping):
        raise _wrong("the resource", "", "an object")
    if "spec" not in document and isinstance(document.get("items"), list):
        items = document["items"]
        if not items:
            raise ConfigurationError(
                "the cluster has no backup configuration",
                where="EtcdBackupConfiguration",
                remedy="put the spec under `backup` in the inventory",
            )
        document = items[0] if isinstance(items[0], Mapping) else {}
    spec = _section(document, "spec", "")
    status = document.get("status")
    records = status.get("records") if isinstance(status, Mapping) else None
    return parse_spec(spec or {}), parse_records(records)


def _local(section: Mapping[str, object]) -> LocalStorage:
    path = _text(section, "path", "spec.localStorage") or LocalStorage().path
    if not path.startswith("/"):
        raise _wrong(path, "spec.localStorage.path", "an absolute path")
    return LocalStorage(path=path, ttl_seconds=_seconds(section.get("ttl")))


def _s3(section: Mapping[str, object]) -> S3Storage:
    bucket = _text(section, "bucket", "spec.remoteStorage.s3")
    if not bucket:
        raise _wrong("nothing", "spec.remoteStorage.s3.bucket", "the name of a bucket")
    return S3Storage(
        endpoint=_text(section, "endpoint", "spec.remoteStorage.s3"),
        bucket=bucket,
        region=_text(section, "region", "spec.remoteStorage.s3"),
        dir=_text(section, "dir", "spec.remoteStorage.s3"),
        skip_tls_verify=_flag(section, "skipTLSVerify", "spec.remoteStorage.s3"),
        secret_ref=_secret_name(section.get("secretRef")),
    )


def _secret_name(value: object) -> str:
    # Kubernetes resources write a reference both as a name and as {name: …}.
    if isinstance(value, Mapping):
        value = value.get("name")
    return value if isinstance(value, str) else ""


def _seconds(value: object) -> int | None:
    # The platform writes the retention as a string of seconds ("7776000").
    if value is None or value == "":
        return None
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    text = value.strip() if isinstance(value, str) else ""
    if text.isascii() and text.isdigit() and len(text) <= MOST_DIGITS:
        return int(text)
    raise _wrong(value, "spec.localStorage.ttl", 'seconds, for example "7776000"')


def _section(parent: Mapping[str, object], name: str, where: str) -> Mapping[str, object] | None:
    value = parent.get(name)
    if value is None:
        return None
    if not isinstance(value, Mapping):
        raise _wrong(value, f"{where}.{name}".lstrip("."), "an object")
    return value


def _text(section: Mapping[str, object], name: str, where: str) -> str:
    value = section.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise _wrong(value, f"{where}.{name}", "text")
    return value.strip()


def _flag(section: Mapping[str, object], name: str, where: str) -> bool:
    value = section.get(name)
    if value is None:
        return False
    if not isinstance(value, bool):
        raise _wrong(value, f"{where}.{name}", "true or false")
    return value


def _wrong(value: object, where: str, wanted: str) -> ConfigurationError:
    return ConfigurationError(
        f"{one_line(value, 60)} stands where {wanted} is wanted",
        where=where or "EtcdBackupConfiguration",
        remedy=f"give {wanted}",
    )
