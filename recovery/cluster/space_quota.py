"""How large a member's database may become before etcd refuses writes: its space quota."""

from __future__ import annotations

from recovery.cluster.facts import ClusterFacts, EtcdManifest
from recovery.cluster.pod_command import read_pod_command

DEFAULT_QUOTA = 2 * 2**30
"""Where the flag is absent or 0 (etcd server/storage/quota.go, DefaultQuotaBytes)."""

_FULL = 0.99
"""Of the quota: what is left is gone with the first minutes' writes."""


def space_quota(manifest: EtcdManifest) -> int | None:
    """--quota-backend-bytes in bytes; None where it is switched off, or is no number."""
    command = read_pod_command(manifest.text, "etcd", manifest.path)
    text = command.value("quota-backend-bytes") or command.environment.get(
        "ETCD_QUOTA_BACKEND_BYTES", "0"
    )
    try:
        quota = int(text)
    except ValueError:
        return None
    if quota < 0:
        return None
    return quota or DEFAULT_QUOTA


def smallest_quota(facts: ClusterFacts) -> int | None:
    """The first one that a growing database reaches; None where no manifest tells one."""
    manifests = (node.manifest for node in facts.nodes.values())
    quotas = (space_quota(manifest) for manifest in manifests if manifest is not None)
    return min((quota for quota in quotas if quota is not None), default=None)


def fills_quota(facts: ClusterFacts, size: int) -> bool:
    """Whether a database of so many bytes leaves a member no room to speak of."""
    quota = smallest_quota(facts)
    return quota is not None and size >= _FULL * quota


def in_mebibytes(size: int) -> str:
    """A size as a quota is thought of: `2048.0 MiB`."""
    return f"{size / 2**20:.1f} MiB"
