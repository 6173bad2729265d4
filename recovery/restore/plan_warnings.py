"""What a person should know before they consent to a plan. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from recovery.cluster.facts import Version
from recovery.restore.ground import NodeGround
from recovery.restore.plan import RestoreSource

_FAULTY = ((3, 5, 0), (3, 5, 2))
"""The first and the last release that can lose consistency after a crash."""


def warnings_of(
    grounds: Sequence[NodeGround], source: RestoreSource, bump: int, quorum_lost: bool
) -> tuple[str, ...]:
    """A sentence or two each; none of them forbids the plan. `bump`: by how much revisions rise."""
    warnings = []
    if not quorum_lost:
        warnings.append(
            "The cluster has a quorum: a restore takes it back to the snapshot's moment. "
            "Replace a broken member instead, if that is all that is wrong."
        )
    if not bump:
        warnings.append(
            "The restore program on these nodes cannot raise revisions (etcd 3.4.27, 3.5.10 and "
            "later can): clients that watched before may see nothing new until they restart. "
            "Restart kubelet on every node, and controllers that look stuck."
        )
    if not source.has_hash:
        warnings.append(
            "The snapshot has no hash to check: it is a copy of a member's own database, so "
            "--skip-hash-check is used."
        )
    if source.member is not None and not source.has_hash:
        warnings.append(
            f"What {source.member} had only in its write-ahead log when it stopped is lost."
        )
    faulty = sorted(
        {
            str(g.manifest.version)
            for g in grounds
            if g.manifest.version
            and Version(*_FAULTY[0]) <= g.manifest.version <= Version(*_FAULTY[1])
        }
    )
    if faulty:
        warnings.append(
            f"etcd {', '.join(faulty)} can lose consistency after a crash: upgrade to 3.5.3 or "
            "later once the cluster is back."
        )
    return tuple(warnings)
