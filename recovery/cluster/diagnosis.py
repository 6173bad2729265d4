"""From facts to a diagnosis in words. Pure: the same facts always say the same."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace

from recovery.cluster import diagnosis_with_quorum, diagnosis_without_quorum
from recovery.cluster.diagnosis_without_quorum import RestoreFrom
from recovery.cluster.facts import ClusterFacts, ClusterState, Diagnosis
from recovery.cluster.node_words import listed, node_line
from recovery.cluster.remarks import remarks
from recovery.inventory.model import Cluster


def majority(total: int) -> int:
    """How many of `total` members must agree before etcd serves writes."""
    return total // 2 + 1


def diagnose(
    facts: ClusterFacts | None, cluster: Cluster, source: RestoreFrom | None = None
) -> Diagnosis:
    """The state of etcd and the API servers as far as the facts allow to say it.

    A member that sees a leader has heard from a majority within the last seconds (raft's check
    of quorum), so one such member is enough to say that quorum is alive, unless more members are
    known to be dead than a quorum can spare: then it leads a cluster of its own. `source` is the
    snapshot that a restore would start from, where one is known.
    """
    total = len(cluster.control_plane)
    if facts is None:
        return Diagnosis(ClusterState.UNKNOWN, 0, total, "The nodes are being asked.", "Wait.")
    found = _judge(facts, tuple(node.name for node in cluster.control_plane), source)
    because = tuple(node_line(facts, node.name) for node in cluster.control_plane)
    return replace(found, because=(*because, *found.because), remarks=remarks(facts))


def _judge(facts: ClusterFacts, names: tuple[str, ...], source: RestoreFrom | None) -> Diagnosis:
    total = len(names)
    if not facts.nodes:
        return _unreachable(facts, total)
    following = _largest_following(facts, names)
    unseen = [n for n in names if n not in facts.members and _may_serve(facts, n)]
    if following and len(following) + len(unseen) >= majority(total):
        return diagnosis_with_quorum.judge(facts, names, following)
    answering = tuple(n for n in names if n in facts.members)
    known_bad = total - len(unseen) - len(following)
    unaskable = [name for name in unseen if name in facts.nodes]
    nobody_knows = not answering or len(unaskable) >= majority(total)
    if nobody_knows and total - known_bad >= majority(total):
        return _cannot_tell(facts, names, unseen)
    return diagnosis_without_quorum.judge(facts, names, answering, following, source)


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


def _cannot_tell(facts: ClusterFacts, names: tuple[str, ...], unseen: list[str]) -> Diagnosis:
    return Diagnosis(
        ClusterState.UNREACHABLE,
        0,
        len(names),
        f"{listed(unseen)} cannot be asked, and etcd may still serve there.",
        f"{_make_askable(facts, unseen)}, then look again.",
        commands=diagnosis_without_quorum.mending(facts, unseen),
    )


def _make_askable(facts: ClusterFacts, unseen: list[str]) -> str:
    parts = []
    away = [name for name in unseen if name not in facts.nodes]
    if away:
        parts.append(f"bring {listed(away)} back within reach")
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
