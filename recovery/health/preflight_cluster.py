"""Preflight of the cluster as a whole: its size, its members, its quorum, its clocks."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from datetime import datetime
from statistics import median

from recovery.cluster.diagnosis import diagnose
from recovery.cluster.facts import ClusterFacts, ClusterState, EtcdManifest, Version
from recovery.cluster.node_count import DOCUMENTED, refused_node_count
from recovery.health.model import CLUSTER_SCOPE, Check, CheckStatus, OwnYes
from recovery.health.preflight_nodes import CLOCK_FAILURE, server_version
from recovery.health.verdicts import failed, ok, warned
from recovery.snapshots.model import SnapshotContents

FAULTY = (Version(3, 5, 0), Version(3, 5, 2))
"""etcd can lose consistency after a crash (etcd's own notice of March 2022)."""

QUORUM = "quorum"
"""The check that says whether the cluster is lost at all."""

_ALIVE = "quorum is alive, the cluster is not lost"

_RAISED = 500_000_000
"""A gap no cluster writes in its life: revisions were raised by a restore in between."""


def cluster_checks(
    facts: ClusterFacts,
    contents: SnapshotContents,
    taken_at: datetime | None = None,
    allow_node_count: int | None = None,
) -> Iterator[Check]:
    """What concerns all nodes together.

    `taken_at` is the snapshot's time, where it is known; `allow_node_count` the number of
    control-plane nodes that a person named beyond the documented one.
    """
    yield _quorum(facts, contents, taken_at)
    yield from ground_of_cluster(facts, allow_node_count)


def ground_of_cluster(facts: ClusterFacts, allow_node_count: int | None = None) -> Iterator[Check]:
    """The same, as far as no snapshot has to be chosen for it."""
    yield _size(facts, allow_node_count)
    yield _member_names(facts)
    yield _addresses(facts)
    yield _own_clock(facts)
    yield _keys(facts)
    yield _server_version(facts)


def manifests(facts: ClusterFacts) -> dict[str, EtcdManifest]:
    """The readable manifests, by node."""
    return {name: n.manifest for name, n in facts.nodes.items() if n.manifest is not None}


def _size(facts: ClusterFacts, allowed: int | None) -> Check:
    size = len(facts.cluster.control_plane)
    name = "control-plane nodes"
    refused = refused_node_count(size, allowed)
    if refused is not None:
        return failed(
            name,
            CLUSTER_SCOPE,
            refused[0],
            "Nobody has documented or tried what a restore does to a cluster of this size.",
            refused[1],
        )
    if size == DOCUMENTED:
        return ok(name, CLUSTER_SCOPE, str(size), "The documented procedure is made for three.")
    if size == 1:
        return warned(
            name,
            CLUSTER_SCOPE,
            "1",
            "The documented procedure is made for three; with one node the steps are the same.",
            "see that the inventory lists every control-plane node",
        )
    return warned(
        name,
        CLUSTER_SCOPE,
        f"{size}, allowed with --allow-node-count",
        "The platform documents the restore for three control-plane nodes only.",
        "go on only where the platform's support has agreed",
    )


ALIVE = OwnYes("--quorum-is-alive", "The cluster is not lost", "roll back")
"""A general yes to warnings must not roll back a cluster that is not lost."""


def _quorum(facts: ClusterFacts, contents: SnapshotContents, taken_at: datetime | None) -> Check:
    diagnosis = diagnose(facts, facts.cluster)
    label = diagnosis.label
    if diagnosis.state is ClusterState.QUORUM_LOST:
        return ok(QUORUM, CLUSTER_SCOPE, label, diagnosis.sentence)
    if diagnosis.state is ClusterState.UNREACHABLE:
        return failed(QUORUM, CLUSTER_SCOPE, label, diagnosis.sentence, diagnosis.advice)
    if diagnosis.state is ClusterState.STARTABLE:
        return Check(
            QUORUM,
            CLUSTER_SCOPE,
            CheckStatus.WARNING,
            label,
            f"{diagnosis.sentence} A restore would lose what was written since the snapshot.",
            diagnosis.advice,
            must_be_acknowledged=True,
        )
    return Check(
        QUORUM,
        CLUSTER_SCOPE,
        CheckStatus.WARNING,
        f"{label}: {_ALIVE}",
        "A restore takes the API down and rolls everything back to the snapshot; all that was "
        f"written since is gone: {_rolled_back(facts, contents, taken_at)}.",
        f"{diagnosis.advice} If it must be: `etcd-rescue backup now` takes a snapshot of what is "
        "there first",
        must_be_acknowledged=True,
        own_yes=ALIVE,
    )


def _rolled_back(facts: ClusterFacts, contents: SnapshotContents, taken_at: datetime | None) -> str:
    """What a restore of a living cluster undoes, as far as it can be counted."""
    now = max((member.revision for member in facts.members.values()), default=0)
    ahead = now - contents.revision
    if not 0 <= ahead < _RAISED:
        counted = (
            f"nobody can count it, as the snapshot is at revision {contents.revision} and the "
            f"cluster at {now}"
        )
    else:
        counted = f"{ahead} revisions ({contents.revision} in the snapshot, {now} now)"
    if taken_at is None:
        return counted
    return f"{_age((facts.gathered_at - taken_at).total_seconds())}, {counted}"


def _age(seconds: float) -> str:
    """A length of time in the one unit that says it best."""
    for unit, length in (("days", 86400), ("hours", 3600)):
        if seconds >= 2 * length:
            return f"{seconds // length:.0f} {unit}"
    return f"{max(0, seconds) // 60:.0f} minutes"


def _member_names(facts: ClusterFacts) -> Check:
    name = "member names"
    wrong = [
        f"{node}: --name={manifest.member_name}"
        for node, manifest in manifests(facts).items()
        if manifest.member_name != node
    ]
    names = [manifest.member_name for manifest in manifests(facts).values()]
    if wrong or len(set(names)) != len(names):
        return failed(
            name,
            CLUSTER_SCOPE,
            "; ".join(wrong) or "two members have the same name",
            "A member is called as its node; another name may mean another machine.",
            "correct the node's name in the inventory, or --name in its etcd.yaml",
        )
    return ok(name, CLUSTER_SCOPE, ", ".join(names) or "none known", "As the nodes are called.")


def _addresses(facts: ClusterFacts) -> Check:
    """kubeadm's manifests list only the members that were there when a node joined, so a list may
    be short; what it says about a member must still be what that member says about itself."""
    name = "peer addresses"
    own = {m.member_name: set(m.initial_advertise_peer_urls) for m in manifests(facts).values()}
    conflicts, strangers = [], []
    for node, manifest in manifests(facts).items():
        for member, url in manifest.initial_cluster:
            if member in own and url not in own[member]:
                conflicts.append(f"{node} has {member} at {url}")
            elif member not in own and len(own) == len(facts.cluster.control_plane):
                strangers.append(f"{node} lists {member}")
    everywhere = [url for urls in own.values() for url in urls]
    conflicts += sorted(
        {f"{url} is given twice" for url in everywhere if everywhere.count(url) > 1}
    )
    if conflicts:
        return failed(
            name,
            CLUSTER_SCOPE,
            "; ".join(conflicts),
            "The manifests disagree about where members are, so they would not find each other.",
            "correct --initial-cluster or --initial-advertise-peer-urls in etcd.yaml",
        )
    if strangers:
        return warned(
            name,
            CLUSTER_SCOPE,
            "; ".join(strangers),
            "A member that is no longer a control-plane node; the restore leaves it out.",
            "see that the inventory lists every control-plane node",
        )
    return ok(name, CLUSTER_SCOPE, "the manifests agree", "Members will find each other.")


def _own_clock(facts: ClusterFacts) -> Check:
    offsets = [node.clock_offset for node in facts.nodes.values()]
    offset = median(offsets) if offsets else 0.0
    if abs(offset) <= CLOCK_FAILURE:
        return ok("this machine's clock", CLUSTER_SCOPE, "agrees with the nodes")
    return warned(
        "this machine's clock",
        CLUSTER_SCOPE,
        f"{abs(offset):.0f} s {'behind' if offset > 0 else 'ahead of'} the nodes",
        "The ages of backups shown here are off by as much.",
        "set this machine's clock",
    )


def _keys(facts: ClusterFacts) -> Check:
    name = "private keys here"
    if not facts.open_keys:
        return ok(name, CLUSTER_SCOPE, "readable by their owner alone")
    named = [f"{key.path} has mode {key.mode:04o}" for key in facts.open_keys]
    files = shlex.join(str(key.path) for key in facts.open_keys)
    return warned(
        name,
        CLUSTER_SCOPE,
        "; ".join(named),
        "Others on this machine can read the key that opens the nodes; ssh itself refuses it so.",
        f"chmod 600 {files}",
    )


def _server_version(facts: ClusterFacts) -> Check:
    name, version = "etcd version", server_version(facts)
    if version is None:
        return warned(
            name,
            CLUSTER_SCOPE,
            "not known",
            "The image's tag does not say it, so the newest restore program is taken.",
            "see that the restore program is not older than etcd: crictl images",
        )
    found = {str(m.version) for m in manifests(facts).values() if m.version is not None}
    if FAULTY[0] <= version <= FAULTY[1]:
        return warned(
            name,
            CLUSTER_SCOPE,
            str(version),
            "etcd 3.5.0 to 3.5.2 can lose consistency when a member crashes.",
            "upgrade to 3.5.3 or later once the cluster is back",
        )
    if len(found) > 1:
        return warned(
            name,
            CLUSTER_SCOPE,
            ", ".join(sorted(found)),
            "The nodes run different versions of etcd, as in the middle of an upgrade.",
            "the newest one decides which restore program is used; finish the upgrade later",
        )
    return ok(name, CLUSTER_SCOPE, str(version))
