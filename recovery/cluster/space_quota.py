"""How large a member's database may become before etcd refuses writes: its space quota."""

from __future__ import annotations

from recovery.cluster.facts import EtcdManifest
from recovery.cluster.pod_command import read_pod_command

DEFAULT_QUOTA = 2 * 2**30
"""Where the flag is absent or 0 (etcd server/storage/quota.go, DefaultQuotaBytes)."""


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


def in_mebibytes(size: int) -> str:
    """A size as a quota is thought of: `2048.0 MiB`."""
    return f"{size / 2**20:.1f} MiB"
