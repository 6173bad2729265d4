"""What the platform does behind the `exec` subresource: a backup now, on every node and in S3.

It reads the configuration and the secret as the platform's controller does, with the rights of
its cluster role, and records what came of it. Its failures speak in the words of Kubernetes and S3.
"""

from __future__ import annotations

import base64
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import cast

from recovery.backups.configuration import BackupSpec, S3Storage, parse_spec
from recovery.backups.s3_keys import S3Keys
from recovery.rehearsal.backup_history import Fault, PlannedBackup, backup_file
from recovery.rehearsal.node.etcd_gateway import EtcdGateway
from recovery.rehearsal.node.processes import MARKER
from recovery.rehearsal.node.stored_objects import decode, encode_custom

ROLE = "cpaas-etcd-backup"
ROLE_KEY = f"/registry/clusterroles/{ROLE}"
_ACCOUNT = "system:serviceaccount:cpaas-system:etcd-backup"


class BackupFailedError(Exception):
    """In the platform's words."""


def take_backup(etcd: EtcdGateway, key: str, address: str) -> str:
    """Take one for the configuration stored at that key; the file's name.

    Raises BackupFailedError after the failure was recorded, GatewayError where etcd does not
    answer.
    """
    found = etcd.entry(key)
    if found is None:
        raise BackupFailedError("etcdbackupconfigurations not found")
    planned = PlannedBackup(datetime.now(UTC), Fault.NONE, address)
    try:
        spec = parse_spec(cast("dict[str, object]", decode(found.value)["spec"]))
        content = backup_file(etcd.snapshot(), planned)
        _write_to_nodes(spec, planned.file_name, content)
        if spec.s3 is not None:
            _upload(spec.s3, _keys(etcd, spec.s3.secret_ref), planned.file_name, content)
    except BackupFailedError as error:
        _record(etcd, key, planned, f"Failed: {error}")
        raise
    _record(etcd, key, planned, "Success")
    return planned.file_name


def _write_to_nodes(spec: BackupSpec, name: str, content: bytes) -> None:
    if spec.local is None:
        return
    nodes = Path(os.environ[MARKER]) / "nodes"
    for manifests in sorted(nodes.glob("*/etc/kubernetes/manifests")):
        root = manifests.parents[2]
        directory = root / spec.local.path.lstrip("/")
        directory.mkdir(parents=True, exist_ok=True)
        path = directory / name
        path.touch(mode=0o600)
        path.write_bytes(content)


def _keys(etcd: EtcdGateway, name: str) -> S3Keys:
    if not _may_read_secrets(etcd):
        raise BackupFailedError(
            f'secrets "{name}" is forbidden: User "{_ACCOUNT}" cannot get resource "secrets" '
            'in API group "" in the namespace "cpaas-system"'
        )
    found = etcd.entry(f"/registry/secrets/cpaas-system/{name}")
    if found is None:
        raise BackupFailedError(f'secrets "{name}" not found')
    data = cast("dict[str, str]", decode(found.value).get("data", {}))
    access, secret = (
        base64.b64decode(data.get(key, "")).decode() for key in ("ACCESS_KEY", "SECRET_KEY")
    )
    if not access or not secret:
        raise BackupFailedError("ACCESS_KEY or SECRET_KEY not found in the secret")
    return S3Keys(access, secret, origin=f"secret {name}")


def _may_read_secrets(etcd: EtcdGateway) -> bool:
    found = etcd.entry(ROLE_KEY)
    rules = decode(found.value).get("rules") if found is not None else None
    return any(
        "secrets" in rule.get("resources", ()) and {"get", "*"} & set(rule.get("verbs", ()))
        for rule in cast("list[dict[str, list[str]]]", rules or [])
    )


def _upload(storage: S3Storage, keys: S3Keys, name: str, content: bytes) -> None:
    from recovery.backups.s3_client import make_client, plain_failures
    from recovery.backups.s3_errors import S3RequestError
    from recovery.errors import ConfigurationError

    directory = storage.dir.strip("/")
    key = f"{directory}/{name}" if directory else name
    try:
        with plain_failures():
            make_client(storage, keys).put_object(Bucket=storage.bucket, Key=key, Body=content)
    except S3RequestError as failure:
        status = f"StatusCode: {failure.status}, " if failure.status else ""
        said = f"{failure.code}: {failure.message}" if failure.status else failure.message
        raise BackupFailedError(f"operation error S3: PutObject, {status}{said}") from None
    except ConfigurationError as error:
        raise BackupFailedError(error.what) from None


def _record(etcd: EtcdGateway, key: str, planned: PlannedBackup, result: str) -> None:
    entry = {
        "backupTimestamp": f"{planned.at:%Y-%m-%dT%H:%M:%SZ}",
        "fileName": planned.file_name,
        "result": result,
    }
    for _ in range(10):
        found = etcd.entry(key)
        if found is None:
            return
        body = decode(found.value)
        status = cast("dict[str, list[object]]", body.setdefault("status", {}))
        status["records"] = [*status.get("records", []), entry]
        if etcd.put_if(key, encode_custom(body), found.revision):
            return
