"""From facts to a diagnosis in words. Pure: the same facts always say the same."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from recovery.cluster.facts import (
    ClusterFacts,
    ClusterState,
    Diagnosis,
    MemberStatus,
    NodeFacts,
    ServiceState,
)
from recovery.inventory.model import Cluster

_RESTORE = "Restore from a verified snapshot."
_REPLACE = "Do not restore: that would roll the cluster back. Repair or replace"


def majority(total: int) -> int:
    """How many of `total` members must agree before etcd serves writes."""
    return total // 2 + 1


def diagnose(facts: ClusterFacts | None, cluster: Cluster) -> Diagnosis:
    """The state of etcd as far as the facts allow to say it.

    A member that sees a leader has heard from a majority within the last seconds (raft's check
    of quorum), so one such member is enough to say that quorum is alive, unless more members are
    known to be dead than a quorum can spare: then it leads a cluster of its own.
    """
    names = tuple(node.name for node in cluster.control_plane)
    total = len(names)
    if facts is None:
        return Diagnosis(ClusterState.UNKNOWN, 0, total, "The nodes are being asked.", "Wait.")
    if not facts.nodes:
        return _unreachable(facts, total)
    following = _largest_following(facts, names)
    unseen = [n for n in names if n not in facts.members and _may_serve(facts, n)]
    if following and len(following) + len(unseen) >= majority(total):
        return _with_quorum(facts, names, following)
    answering = [n for n in names if n in facts.members]
    known_bad = total - len(unseen) - len(following)
    unaskable = [name for name in unseen if name in facts.nodes]
    nobody_knows = not answering or len(unaskable) >= majority(total)
    if nobody_knows and total - known_bad >= majority(total):
        return _cannot_tell(facts, names, unseen)
    return _without_quorum(facts, names, answering, following)


def node_summary(facts: ClusterFacts, name: str) -> str:
    """A few words about one node for the line at the top, for example `etcd running, no leader`."""
    if name in facts.unreachable:
        return f"unreachable: {facts.unreachable[name].what}"
    member = facts.members.get(name)
    if member is not None:
        return _member_summary(member)
    node = facts.nodes.get(name)
    if node is None:
        return "not asked"
    return _silent_summary(node)


def _member_summary(member: MemberStatus) -> str:
    if member.learner:
        return "etcd running, still a learner"
    if not member.leader_id:
        return "etcd running, no leader"
    return "etcd running, leader" if member.is_leader else "etcd running"


def _silent_summary(node: NodeFacts) -> str:
    if node.manifest is None:
        return "no usable etcd manifest"
    data = node.data_dir
    if data is not None and (not data.member_exists or data.database_size is None):
        return "no data"
    containers = [container for container in node.containers if container.name == "etcd"]
    if any(container.running for container in containers):
        return "etcd running, does not answer"
    if node.kubelet is not ServiceState.ACTIVE:
        return "etcd stopped, kubelet stopped"
    return "etcd keeps exiting" if containers else "etcd stopped"


def _may_serve(facts: ClusterFacts, name: str) -> bool:
    """Whether a member that does not answer may serve all the same: nobody could ask it."""
    node = facts.nodes.get(name)
    if node is None or name in facts.mistrusted:
        return True
    if node.manifest is not None:
        return False
    running = any(one.name == "etcd" and one.running for one in node.containers)
    return running or node.containers_error is not None


def _largest_following(facts: ClusterFacts, names: Iterable[str]) -> tuple[str, ...]:
    """The members that follow the same leader of the same cluster; the largest such group."""
    leaders = {
        name: (facts.members[name].cluster_id, facts.members[name].leader_id)
        for name in names
        if name in facts.members and facts.members[name].leader_id
    }
    if not leaders:
        return ()
    (followed, _), *_ = Counter(leaders.values()).most_common(1)
    return tuple(name for name, leader in leaders.items() if leader == followed)


def _with_quorum(
    facts: ClusterFacts, names: tuple[str, ...], following: tuple[str, ...]
) -> Diagnosis:
    total = len(names)
    missing = [name for name in names if name not in following]
    learners = [name for name in following if facts.members[name].learner]
    troubles = sorted({error for name in following for error in facts.members[name].errors})
    if not missing and not troubles and not learners:
        return Diagnosis(
            ClusterState.HEALTHY,
            total,
            total,
            f"All {total} etcd members answer and follow the same leader.",
            "Nothing needs to be restored.",
        )
    if missing:
        sentence = f"etcd serves, without {_listed(missing)}."
        advice = f"{_REPLACE} {_listed(missing)}."
    elif learners:
        sentence = f"etcd serves, but {_listed(learners)} has no vote yet."
        advice = f"Promote or replace {_listed(learners)}; do not restore."
    else:
        sentence = f"All members answer, and report: {'; '.join(troubles)}."
        advice = "Do not restore: clear what the members report."
    return Diagnosis(ClusterState.DEGRADED, len(following), total, sentence, advice)


def _without_quorum(
    facts: ClusterFacts,
    names: tuple[str, ...],
    answering: list[str],
    following: tuple[str, ...],
) -> Diagnosis:
    total = len(names)
    if following:
        sentence = (
            f"{_listed(following)} leads a cluster of its own: too few of the {total} members are "
            "alive to be the real one."
        )
    elif answering:
        sentence = (
            f"{len(answering)} of {total} etcd members answers"
            if len(answering) == 1
            else f"{len(answering)} of {total} etcd members answer"
        ) + ", and no leader can be elected."
    else:
        sentence = f"None of the {total} etcd members answers."
    missing = [name for name in names if name in facts.unreachable]
    advice = (
        f"Bring {_listed(missing)} back within reach first: a restore needs every node."
        if missing
        else _RESTORE
    )
    return Diagnosis(ClusterState.QUORUM_LOST, len(answering), total, sentence, advice)


def _cannot_tell(facts: ClusterFacts, names: tuple[str, ...], unseen: list[str]) -> Diagnosis:
    return Diagnosis(
        ClusterState.UNREACHABLE,
        0,
        len(names),
        f"{_listed(unseen)} cannot be asked, and etcd may still serve there.",
        f"{_make_askable(facts, unseen)}, then look again.",
    )


def _make_askable(facts: ClusterFacts, unseen: list[str]) -> str:
    parts = []
    away = [name for name in unseen if name not in facts.nodes]
    if away:
        parts.append(f"bring {_listed(away)} back within reach")
    for name in unseen:
        if name in facts.nodes:
            parts.append(f"on {name}, {facts.silent.get(name, 'etcd does not answer')}: mend that")
    text = "; ".join(parts)
    return text[:1].upper() + text[1:]


def _unreachable(facts: ClusterFacts, total: int) -> Diagnosis:
    whats = sorted({error.what for error in facts.unreachable.values()})
    reason = f": {whats[0]}" if len(whats) == 1 else ""
    return Diagnosis(
        ClusterState.UNREACHABLE,
        0,
        total,
        f"No control-plane node can be reached over SSH{reason}.",
        "Check the network, the inventory's hosts and your SSH key, then look again.",
    )


def _listed(names: Iterable[str]) -> str:
    listed = list(names)
    return listed[0] if len(listed) == 1 else f"{', '.join(listed[:-1])} and {listed[-1]}"
