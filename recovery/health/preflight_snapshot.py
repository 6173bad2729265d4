"""Preflight of the snapshot against the cluster that it is to be restored on."""

from __future__ import annotations

import re
from collections.abc import Iterator

from recovery.backups.belonging import authorities_here
from recovery.cluster.etcd_tools import choose_tool
from recovery.cluster.facts import ClusterFacts, EtcdTool, Version
from recovery.cluster.node_words import binary_size
from recovery.cluster.space_quota import fills_quota, in_mebibytes, smallest_quota
from recovery.health.model import CLUSTER_SCOPE, Check, CheckStatus, OwnYes
from recovery.health.preflight_cluster import manifests
from recovery.health.preflight_nodes import server_version
from recovery.health.verdicts import failed, ok, skipped, warned
from recovery.snapshots.model import SnapshotContents

LEARNERS = (Version(3, 5, 1), Version(3, 5, 19))
"""Restored by these, a member that once joined as a learner can come back as one."""

_NEARLY_FULL = 0.8

OURS = OwnYes("--snapshot-is-ours", "It may be another cluster's snapshot", "it is ours")
"""Only a person can know that another CA, or other addresses, were this cluster's."""


def snapshot_checks(
    facts: ClusterFacts, contents: SnapshotContents, has_hash: bool, member: str | None
) -> Iterator[Check]:
    """What is inside the snapshot, and what follows from it."""
    if member is not None and not has_hash:
        yield _own_data(member)
    yield _members(facts, contents)
    yield _nodes(facts, contents)
    yield _authority(facts, contents)
    yield _version(facts, contents)
    yield _hash(has_hash)
    yield _alarms(contents)
    yield from _size(facts, contents)
    yield from _programs(facts)


def _members(facts: ClusterFacts, contents: SnapshotContents) -> Check:
    name = "snapshot's members"
    own = {m.member_name: set(m.initial_advertise_peer_urls) for m in manifests(facts).values()}
    inside = {member.name: set(member.peer_urls) for member in contents.members if member.name}
    listed = ", ".join(inside)
    if not inside:
        return warned(
            name,
            CLUSTER_SCOPE,
            "none are named in it",
            "Nothing tells whether this snapshot is of this cluster.",
            "make sure that it is: see its keys, or where it came from",
        )
    if own and not own.keys() & inside.keys():
        return failed(
            name,
            CLUSTER_SCOPE,
            listed,
            "None of this cluster's members is in it: this is another cluster's snapshot.",
            "choose a snapshot of this cluster; restoring another one's is not supported",
        )
    strange = sorted(inside.keys() - {node.name for node in facts.cluster.control_plane})
    absent = sorted(own.keys() - inside.keys())
    moved = sorted(n for n in own.keys() & inside.keys() if own[n] != inside[n])
    told = [f"it has {n}, which is no node here" for n in strange]
    told += [f"it lacks {n}" for n in absent]
    told += [f"{n} was at {', '.join(sorted(inside[n]))}" for n in moved]
    if (
        own
        and len(moved) == len(own.keys() & inside.keys())
        and not _same_authority(facts, contents)
    ):
        return Check(
            name,
            CLUSTER_SCOPE,
            CheckStatus.WARNING,
            f"no member was where it is today: {'; '.join(told)}",
            "The members have this cluster's names and other addresses, and no CA proves that they "
            "are the same: another cluster may have these names too. Restoring another one's "
            "snapshot destroys this cluster.",
            "make sure whose it is: etcd-rescue inspect shows its nodes and namespaces",
            must_be_acknowledged=True,
            own_yes=OURS,
        )
    if told:
        return warned(
            name,
            CLUSTER_SCOPE,
            "; ".join(told),
            "The members have changed since it was taken. They are restored as they are today.",
            "make sure that it is this cluster's, and that certificates name today's addresses",
        )
    return ok(name, CLUSTER_SCOPE, listed, "It is of this cluster, with today's addresses.")


def _nodes(facts: ClusterFacts, contents: SnapshotContents) -> Check:
    """Kubernetes' own list of nodes, which a cluster's snapshot carries from its first minute."""
    name = "snapshot's nodes"
    inside = {node.lower() for node in contents.nodes}
    own = [node.name for node in facts.cluster.control_plane]
    if not inside:
        return warned(
            name,
            CLUSTER_SCOPE,
            "no Kubernetes node is in it",
            "It holds no cluster, or one that had hardly begun.",
            "see what is in it: etcd-rescue inspect",
        )
    if not any(node.lower() in inside for node in own):
        return failed(
            name,
            CLUSTER_SCOPE,
            f"none of {', '.join(own)} is among its {len(inside)} nodes",
            "This is another cluster's snapshot.",
            "choose a snapshot of this cluster; restoring another one's is not supported",
        )
    strange = [node.name for node in facts.cluster.nodes if node.name.lower() not in inside]
    if strange:
        return warned(
            name,
            CLUSTER_SCOPE,
            f"it lacks {', '.join(strange)}",
            "They joined after it was taken. Their kubelets register again; what was only set on "
            "the node objects (labels, taints) is gone.",
            "compare labels and taints of these nodes after the restore",
        )
    return ok(name, CLUSTER_SCOPE, f"{len(inside)}, the inventory's included")


def _authority(facts: ClusterFacts, contents: SnapshotContents) -> Check:
    """The CA that clients in the snapshot trust, against the one that the nodes have."""
    name = "snapshot's CA"
    here = authorities_here(facts)
    if not contents.authorities or not here:
        where = "the snapshot" if not contents.authorities else "a node"
        return skipped(
            name,
            CLUSTER_SCOPE,
            f"it could not be read in {where}, so it is not compared",
            "make sure by other means that the snapshot is this cluster's",
        )
    if here & set(contents.authorities):
        return ok(name, CLUSTER_SCOPE, "the one that the nodes have")
    return Check(
        name,
        CLUSTER_SCOPE,
        CheckStatus.WARNING,
        f"{contents.authorities[0][:8]}…, where the nodes have {min(here)[:8]}…",
        "It was taken of a cluster with another CA: of one that had these names before, or before "
        "the CA was replaced. Service accounts and clients of that time are not known here.",
        "go on only if the CA of this cluster was replaced since the snapshot",
        must_be_acknowledged=True,
        own_yes=OURS,
    )


def _same_authority(facts: ClusterFacts, contents: SnapshotContents) -> bool:
    return bool(authorities_here(facts) & set(contents.authorities))


def _version(facts: ClusterFacts, contents: SnapshotContents) -> Check:
    name, text = "snapshot's version", contents.cluster_version
    here, found = server_version(facts), re.match(r"(\d+)\.(\d+)", text)
    if found is None or here is None:
        return warned(
            name,
            CLUSTER_SCOPE,
            text or "not known",
            "Whether this etcd understands the snapshot cannot be told beforehand.",
            "compare with the version of etcd that ran when it was taken",
        )
    taken = (int(found[1]), int(found[2]))
    if taken > (here.major, here.minor):
        return failed(
            name,
            CLUSTER_SCOPE,
            f"etcd {text}, the nodes run {here}",
            "An older etcd does not understand a newer one's data.",
            "set the image in etcd.yaml back to the version that wrote it, on every node",
        )
    if taken < (here.major, here.minor - 1):
        return warned(
            name,
            CLUSTER_SCOPE,
            f"etcd {text}, the nodes run {here}",
            "etcd is only tested to take over data of the version right before it.",
            "choose a newer snapshot if there is one",
        )
    return ok(name, CLUSTER_SCOPE, f"etcd {text}")


def richer_snapshot(contents: SnapshotContents, name: str, live_keys: int) -> Iterator[Check]:
    """Whether another snapshot of the cluster holds far more: this one may be of a new beginning.

    etcd that finds its data directory empty may found a new cluster, whose backups look well.
    """
    if contents.live_keys * 2 < live_keys:
        yield Check(
            "snapshot's keys",
            CLUSTER_SCOPE,
            CheckStatus.WARNING,
            f"{contents.live_keys}, where {name} has {live_keys}",
            "It may have been taken of a cluster that had lost its data and begun anew.",
            f"compare it with {name} before you go on: etcd-rescue diff",
            must_be_acknowledged=True,
        )


def _own_data(member: str) -> Check:
    return Check(
        "snapshot's origin",
        CLUSTER_SCOPE,
        CheckStatus.WARNING,
        f"{member}'s own database: what is only in its write-ahead log is lost",
        f"It is no backup. {member} had written its last moments, and what no majority had agreed "
        "on, to its log alone when it stopped.",
        "go on if no backup loses less; its data directory is kept, as everybody's is",
        must_be_acknowledged=True,
    )


def _hash(has_hash: bool) -> Check:
    if has_hash:
        return ok("snapshot's hash", CLUSTER_SCOPE, "verified", "Its bytes are those etcd wrote.")
    return warned(
        "snapshot's hash",
        CLUSTER_SCOPE,
        "it has none",
        "It is a copy of a member's database: damage inside values cannot be found.",
        "prefer a snapshot that has a hash",
    )


def _alarms(contents: SnapshotContents) -> Check:
    if not contents.alarms:
        return ok("snapshot's alarms", CLUSTER_SCOPE, "none")
    told = ", ".join(contents.alarms)
    if any("CORRUPT" in alarm for alarm in contents.alarms):
        meaning = "etcd had found that its members' data differed when this was taken."
        remedy = "choose a snapshot from before the alarm"
    else:
        meaning = "An alarm travels inside the snapshot: the restored cluster refuses writes."
        remedy = "go on: the plan clears it (compact, defragment, disarm), and asks you first"
    return warned("snapshot's alarms", CLUSTER_SCOPE, told, meaning, remedy)


def _size(facts: ClusterFacts, contents: SnapshotContents) -> Iterator[Check]:
    """Whether the restored members take writes for long; nothing where no quota is known."""
    name, quota = "snapshot's size", smallest_quota(facts)
    if quota is None:
        return
    size = contents.database_size
    told = f"{in_mebibytes(size)} of the quota's {in_mebibytes(quota)}"
    raise_it = "raise --quota-backend-bytes in etcd.yaml on every control-plane node"
    if fills_quota(facts, size):
        yield warned(
            name,
            CLUSTER_SCOPE,
            told,
            "It fills the quota: restored, the first writes raise the alarm NOSPACE, and etcd "
            "refuses all others.",
            "go on: the plan makes room (compact, defragment), and asks you first; if its keys "
            f"alone fill it, {raise_it} before",
        )
    elif size >= _NEARLY_FULL * quota:
        yield warned(
            name,
            CLUSTER_SCOPE,
            told,
            "Soon after the restore it reaches the quota: etcd raises NOSPACE then.",
            f"once the cluster is back: compact and defragment, or {raise_it}",
        )
    else:
        yield ok(name, CLUSTER_SCOPE, f"{binary_size(size)}, quota {binary_size(quota)}")


def _programs(facts: ClusterFacts) -> Iterator[Check]:
    version = server_version(facts)
    chosen = [choose_tool(version, node.tools) for node in facts.nodes.values()]
    tools: list[EtcdTool] = [tool for tool in chosen if tool is not None]
    if not tools:
        return
    if all(tool.bumps_revision for tool in tools):
        yield ok(
            "revision bump",
            CLUSTER_SCOPE,
            "the restore programs have it",
            "Clients notice the restore, whatever revision they had seen.",
        )
    else:
        yield warned(
            "revision bump",
            CLUSTER_SCOPE,
            "the restore programs lack it",
            "Clients that watched before may see nothing new until they restart (etcd 3.4.27, "
            "3.5.10 and later can raise revisions).",
            "go on, and restart kubelet on every node at the end, as the plan offers",
        )
    old = sorted({str(t.version) for t in tools if LEARNERS[0] <= t.version <= LEARNERS[1]})
    if old:
        yield warned(
            "restored as learners",
            CLUSTER_SCOPE,
            f"etcd {', '.join(old)}",
            "With these versions a member that once joined as a learner can come back as one. "
            "The final checks find it.",
            "if they do: etcdctl member promote, or upgrade to 3.5.20 or later",
        )
