"""Paths of the Kubernetes API, and the keys in etcd that they mean."""

from __future__ import annotations

from dataclasses import dataclass

_CORE = {
    "nodes": ("Node", "minions", False),
    "namespaces": ("Namespace", "namespaces", False),
    "pods": ("Pod", "pods", True),
    "secrets": ("Secret", "secrets", True),
    "configmaps": ("ConfigMap", "configmaps", True),
    "services": ("Service", "services/specs", True),
}
_BACKUP_GROUP = "enhancement.cluster.alauda.io"
_BACKUP_RESOURCE = "etcdbackupconfigurations"


@dataclass(frozen=True, slots=True)
class ApiPath:
    """One object (`name`) or a list (None), and where it lies in etcd."""

    resource: str
    kind: str
    api_version: str
    key: str
    name: str | None
    subresource: str = ""


def api_path(path: str) -> ApiPath | None:
    """What a path means; None where nothing is known of it."""
    words = [word for word in path.split("/") if word]
    if words[:2] == ["api", "v1"]:
        return _core(words[2:])
    if words[:4] == ["apis", _BACKUP_GROUP, "v1", _BACKUP_RESOURCE] and (
        len(words) <= 5 or words[5:] == ["exec"]
    ):
        name = words[4] if len(words) > 4 else None
        key = f"/registry/{_BACKUP_GROUP}/{_BACKUP_RESOURCE}/{name or ''}"
        resource = f"{_BACKUP_RESOURCE}.{_BACKUP_GROUP}"
        below = words[5] if len(words) > 5 else ""
        return ApiPath(resource, "EtcdBackupConfiguration", f"{_BACKUP_GROUP}/v1", key, name, below)
    return None


def _core(words: list[str]) -> ApiPath | None:
    namespace: str | None = None
    if len(words) > 2 and words[0] == "namespaces":
        namespace, words = words[1], words[2:]
    if not words or words[0] not in _CORE or len(words) > 2:
        return None
    kind, stored_as, namespaced = _CORE[words[0]]
    name = words[1] if len(words) == 2 else None
    if (namespace is not None) != namespaced and not (namespaced and name is None):
        return None
    key = f"/registry/{stored_as}/"
    if namespace is not None:
        key += f"{namespace}/"
    return ApiPath(words[0], kind, "v1", key + (name or ""), name)
