"""At how many bytes a member stops taking writes."""

from __future__ import annotations

from recovery.cluster.facts import EtcdManifest
from recovery.cluster.pod_command import read_pod_command
from recovery.errors import ManifestError

DEFAULT_QUOTA = 2 * 2**30
"""server/storage/quota.go, DefaultQuotaBytes; also where --quota-backend-bytes is 0."""

_NAME = "quota-backend-bytes"
_VARIABLE = "ETCD_QUOTA_BACKEND_BYTES"


def member_quota(manifest: EtcdManifest) -> int | None:
    """The quota in bytes that the manifest sets; None where it sets none at all (a negative one)
    or cannot be understood. A member of etcd 3.6 says it itself.
    """
    try:
        command = read_pod_command(manifest.text, "etcd", manifest.path)
    except ManifestError:
        return None
    text = command.value(_NAME) or command.environment.get(_VARIABLE) or "0"
    try:
        given = int(text)
    except ValueError:
        return None
    if given < 0:
        return None
    return given or DEFAULT_QUOTA
