"""Writing through the API server's stand-in: what it takes, and how it refuses the rest.

The words of the refusals are Kubernetes' own (apimachinery, pkg/api/errors).
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

from recovery.backups.spec_change import patched
from recovery.rehearsal.node.api_paths import ApiPath
from recovery.rehearsal.node.etcd_gateway import EtcdGateway
from recovery.rehearsal.node.stored_objects import decode, encode_builtin, encode_custom

Object = dict[str, object]


@dataclass(frozen=True, slots=True)
class RefusalError(Exception):
    """A status of the API: code, reason, message."""

    code: int
    reason: str
    message: str


_SECRET = "Secret"
_BACKUP = "EtcdBackupConfiguration"
_BOOLEAN, _STRING, _OBJECT = "boolean", "string", "object"
_SCHEMA: Mapping[str, Mapping[str, str]] = {
    "spec": {
        "schedule": _STRING,
        "paused": _BOOLEAN,
        "localStorage": _OBJECT,
        "remoteStorage": _OBJECT,
    },
    "spec.localStorage": {"path": _STRING, "ttl": _STRING},
    "spec.remoteStorage": {"s3": _OBJECT},
    "spec.remoteStorage.s3": {
        "endpoint": _STRING,
        "region": _STRING,
        "bucket": _STRING,
        "dir": _STRING,
        "skipTLSVerify": _BOOLEAN,
        "secretRef": _STRING,
    },
}
_KINDS = {bool: "boolean", str: "string", int: "integer", dict: "object", list: "array"}


def create(etcd: EtcdGateway, path: ApiPath, body: Object, *, dry_run: bool) -> Object:
    """A new secret."""
    _require_kind(path, _SECRET)
    metadata = _section(body, "metadata")
    name = str(metadata.get("name", ""))
    _require_data(body, name)
    key = path.key + name
    if etcd.entry(key) is not None:
        raise RefusalError(409, "AlreadyExists", f'{path.resource} "{name}" already exists')
    metadata.pop("resourceVersion", None)
    if not dry_run:
        _store(etcd, path, key, body, 0, name)
    return body


def replace(etcd: EtcdGateway, path: ApiPath, body: Object, *, dry_run: bool) -> Object:
    """A secret as a whole, if it is still the one that was read."""
    _require_kind(path, _SECRET)
    name = path.name or ""
    _require_data(body, name)
    _, revision = _held(etcd, path)
    _require_unchanged(path, body, revision)
    _section(body, "metadata").pop("resourceVersion", None)
    if not dry_run:
        _store(etcd, path, path.key, body, revision, name)
    return body


def merge(etcd: EtcdGateway, path: ApiPath, patch: Object, *, dry_run: bool) -> Object:
    """A JSON merge patch (RFC 7386) of the backup configuration, checked against its schema."""
    _require_kind(path, _BACKUP)
    held, revision = _held(etcd, path)
    _require_unchanged(path, patch, revision)
    merged = cast("Object", patched(held, patch))
    _section(merged, "metadata").pop("resourceVersion", None)
    spec = _section(merged, "spec")
    _check(spec, "spec", f'{_BACKUP}.enhancement.cluster.alauda.io "{path.name}" is invalid')
    if not dry_run:
        _store(etcd, path, path.key, merged, revision, path.name or "")
    return merged


def _require_kind(path: ApiPath, kind: str) -> None:
    if path.kind != kind:
        raise RefusalError(
            405, "MethodNotAllowed", f"the rehearsal's API server cannot write {path.resource} so"
        )


def _require_data(body: Object, name: str) -> None:
    for key, value in _section(body, "data").items():
        try:
            base64.b64decode(str(value), validate=True)
        except binascii.Error:
            words = f'Secret "{name}" is invalid: data[{key}]: illegal base64 data'
            raise RefusalError(400, "BadRequest", words) from None


def _held(etcd: EtcdGateway, path: ApiPath) -> tuple[Object, int]:
    found = etcd.entry(path.key)
    if found is None:
        raise RefusalError(404, "NotFound", f'{path.resource} "{path.name}" not found')
    return decode(found.value), found.revision


def _require_unchanged(path: ApiPath, body: Object, revision: int) -> None:
    named = _section(body, "metadata").get("resourceVersion")
    if named not in (None, "", str(revision)):
        raise _conflict(path.resource, path.name or "")


def _conflict(resource: str, name: str) -> RefusalError:
    return RefusalError(
        409,
        "Conflict",
        f'Operation cannot be fulfilled on {resource} "{name}": the object has been modified; '
        "please apply your changes to the latest version and try again",
    )


def _store(
    etcd: EtcdGateway, path: ApiPath, key: str, body: Object, revision: int, name: str
) -> None:
    kind = path.kind
    value = encode_custom(body) if kind == _BACKUP else encode_builtin("v1", kind, body)
    if not etcd.put_if(key, value, revision):
        raise _conflict(path.resource, name)


def _check(section: Object, where: str, lead: str) -> None:
    """Structural schema: wrong types are refused, unknown fields dropped in silence."""
    schema = _SCHEMA[where]
    for name in [name for name in section if name not in schema]:
        del section[name]
    for name, value in section.items():
        kind = _KINDS.get(type(value), "null")
        if kind != schema[name]:
            field = f"{where}.{name}"
            raise RefusalError(
                422,
                "Invalid",
                f'{lead}: {field}: Invalid value: "{kind}": {field} in body must be of type '
                f'{schema[name]}: "{kind}"',
            )
        if isinstance(value, dict):
            _check(value, f"{where}.{name}", lead)


def _section(body: Object, name: str) -> Object:
    held = body.setdefault(name, {})
    return held if isinstance(held, dict) else {}
