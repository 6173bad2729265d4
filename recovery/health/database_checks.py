"""Judges the size of each member's database. Pure: answers in, checks out."""

from __future__ import annotations

from collections.abc import Mapping

from recovery.cluster.facts import EtcdManifest, MemberStatus
from recovery.cluster.node_words import binary_size
from recovery.cluster.quota import member_quota
from recovery.errors import EtcdError
from recovery.health.model import Check, CheckStatus
from recovery.health.verdicts import failed, ok, skipped, warned

DATABASE = "database size"

_NEAR = 0.8
_SHRINK = "compact, then defragment one member after another; or raise --quota-backend-bytes"


def database_checks(
    statuses: Mapping[str, MemberStatus | EtcdError], manifests: Mapping[str, EtcdManifest]
) -> tuple[Check, ...]:
    """Whether each database has room below the member's quota."""
    return tuple(_database(name, one, manifests.get(name)) for name, one in statuses.items())


def says_full(check: Check) -> bool:
    """Whether this check says that a database is at its quota or near it, and nothing worse.

    etcd refuses what would not fit: so members may stop just below their quota.
    """
    little_room = check.status in (CheckStatus.FAILED, CheckStatus.WARNING)
    return check.name == DATABASE and little_room and check.message.endswith("%")


def _database(name: str, status: MemberStatus | EtcdError, manifest: EtcdManifest | None) -> Check:
    if isinstance(status, EtcdError):
        return skipped(DATABASE, name, status.what)
    quota = status.quota
    if quota is None and manifest is not None:
        quota = member_quota(manifest)
    size = binary_size(status.database_size)
    if status.database_size == 0:
        return failed(
            DATABASE, name, size, "A member with an empty database holds nothing.", "look at it"
        )
    if quota is None:
        return ok(DATABASE, name, size, "It has no quota that is known.")
    message = f"{size}, {100 * status.database_size // quota} %"
    if status.database_size >= quota:
        meaning = f"At its quota of {binary_size(quota)} etcd raises NOSPACE, and takes no writes."
        return failed(DATABASE, name, message, meaning, _SHRINK)
    if status.database_size > _NEAR * quota:
        meaning = f"Near its quota of {binary_size(quota)}: beyond it etcd takes no writes."
        return warned(DATABASE, name, message, meaning, _SHRINK)
    return ok(DATABASE, name, message, f"There is room below its quota of {binary_size(quota)}.")
