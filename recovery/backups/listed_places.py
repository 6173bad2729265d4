"""Whether backups are looked for where the platform writes them. Pure.

Places come from the inventory, for they must be known while the cluster is dead; the platform's
configuration may have moved on since.
"""

from __future__ import annotations

from collections.abc import Iterator

from recovery.backups.cluster_stores import USUAL_DIRECTORIES
from recovery.backups.configuration import BackupSpec
from recovery.backups.drift import IN_S3, ON_NODES
from recovery.health.model import CLUSTER_SCOPE, Check, CheckStatus
from recovery.inventory.model import Cluster

_REMEDY = "paste the cluster's spec under `backup` in the inventory: etcd-rescue backup show"


def bucket_is_listed(cluster: Cluster, spec: BackupSpec) -> bool:
    """Whether the bucket that the spec names is the one that is listed; true without one."""
    if spec.s3 is None:
        return True
    listed = cluster.backup.s3 if cluster.backup is not None else None
    return listed is not None and (listed.bucket, listed.dir.strip("/")) == (
        spec.s3.bucket,
        spec.s3.dir.strip("/"),
    )


def directory_is_listed(cluster: Cluster, spec: BackupSpec) -> bool:
    """Whether files are looked for in the spec's directory on every control-plane node."""
    if spec.local is None or all(node.paths.backups for node in cluster.control_plane):
        return True
    named = cluster.backup.local if cluster.backup is not None else None
    looked_into = (named.path,) if named is not None else USUAL_DIRECTORIES
    return spec.local.path.rstrip("/") in {path.rstrip("/") for path in looked_into}


def unlisted_places(cluster: Cluster, spec: BackupSpec) -> Iterator[Check]:
    """What cannot be judged, because backups are looked for elsewhere."""
    if spec.s3 is not None and not bucket_is_listed(cluster, spec):
        place = f"s3://{spec.s3.bucket}/{spec.s3.dir.strip('/')}".rstrip("/")
        yield Check(
            IN_S3,
            CLUSTER_SCOPE,
            CheckStatus.SKIPPED,
            f"the platform writes to {place}, which the inventory does not name",
            "Its objects are not listed, and could not be found if the cluster were lost.",
            _REMEDY,
        )
    if spec.local is not None and not directory_is_listed(cluster, spec):
        yield Check(
            ON_NODES,
            CLUSTER_SCOPE,
            CheckStatus.SKIPPED,
            f"the platform writes to {spec.local.path}, where the inventory does not look",
            "Those files are not listed, and could not be found if the cluster were lost.",
            _REMEDY,
        )
