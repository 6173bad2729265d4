"""Which member a backup is taken from. Pure."""

from __future__ import annotations

import ipaddress
import re
from collections import Counter
from collections.abc import Iterator
from urllib.parse import urlsplit

from recovery.cluster.diagnosis import diagnose
from recovery.cluster.facts import ClusterFacts, EtcdManifest, MemberStatus
from recovery.errors import RefusedError
from recovery.inventory.model import Cluster, Node

_CORRUPT = re.compile(r"memberID:([0-9]+)\s+alarm:CORRUPT")
"""How etcd lists alarms, all of them, in every member's errors (etcdserverpb, AlarmMember)."""


def members_to_ask(facts: ClusterFacts, cluster: Cluster) -> tuple[str, ...]:
    """The members that may give a backup, in the order in which they are asked.

    Followers come first, because streaming a database is work that the leader should be spared;
    those that have applied most come before the others. Learners, members that a CORRUPT alarm
    names, and whoever follows another leader or holds other data than most are left out. Raises
    RefusedError where etcd has no quorum: what a single member holds then is no backup of it.
    """
    diagnosis = diagnose(facts, cluster)
    if not diagnosis.state.has_quorum:
        raise RefusedError(
            f"no backup can be taken: {diagnosis.sentence}",
            where=cluster.name,
            remedy="what the members still hold is listed by `etcd-rescue snapshots`, and can be "
            f"restored from. {diagnosis.advice}",
        )
    led = {name: member for name, member in facts.members.items() if member.leader_id}
    (leader, _), *_ = Counter(member.leader_id for member in led.values()).most_common(1)
    apart = members_apart(facts)
    fit = {
        name: member
        for name, member in led.items()
        if member.leader_id == leader
        and not member.learner
        and not _is_corrupt(member)
        and name not in apart
        and name in facts.nodes
        and facts.nodes[name].manifest is not None
    }
    if not fit:
        raise RefusedError(
            "no backup can be taken: no member that has a quorum can be asked for it",
            where=cluster.name,
            remedy="etcd-rescue health says what is wrong with each",
        )
    return tuple(sorted(fit, key=lambda name: _preference(name, fit[name])))


def members_apart(facts: ClusterFacts) -> tuple[str, ...]:
    """The members that hold other data than most: a backup of them would be another cluster's.

    None where they all agree, or where no larger group tells which of them are right.
    """
    groups = facts.agreement.groups if facts.agreement is not None else ()
    if len(groups) < 2 or len(groups[0]) == len(groups[1]):
        return ()
    return tuple(name for group in groups[1:] for name in group)


def disagreement(facts: ClusterFacts) -> str:
    """That the members of the cluster do not hold the same data, in words; empty where they do."""
    if any("alarm:CORRUPT" in each for one in facts.members.values() for each in one.errors):
        return "etcd has raised the alarm CORRUPT; see etcd-rescue health"
    groups = facts.agreement.groups if facts.agreement is not None else ()
    if len(groups) < 2:
        return ""
    told = ", and other data than ".join(" and ".join(group) for group in groups)
    return f"the members do not agree: {told}; see etcd-rescue health"


def address_in_name(manifest: EtcdManifest, node: Node) -> str:
    """The address that the name of a backup from this node carries; empty where none is known.

    What the member advertises to the others comes first: kubeadm writes the node's own address.
    """
    urls = (*manifest.initial_advertise_peer_urls, *manifest.advertise_client_urls)
    hosts = [_host(url) for url in urls]
    return next(_addresses((*hosts, node.host)), "")


def cluster_addresses(facts: ClusterFacts, cluster: Cluster) -> frozenset[str]:
    """Every address that the name of a backup of this cluster may carry, as far as it is known."""
    hosts = [node.host for node in cluster.control_plane]
    for found in facts.nodes.values():
        if found.manifest is not None:
            peers = (url for _, url in found.manifest.initial_cluster)
            own = found.manifest.initial_advertise_peer_urls
            hosts += map(_host, (*own, *found.manifest.advertise_client_urls, *peers))
    return frozenset(str(ipaddress.ip_address(host)) for host in hosts if _is_address(host))


def _addresses(hosts: tuple[str, ...]) -> Iterator[str]:
    for host in hosts:
        try:
            address = ipaddress.ip_address(host)
        except ValueError:
            continue
        if not address.is_unspecified and not address.is_loopback:
            yield str(address)
    # A cluster on one machine's loopback has no other address.
    yield from (host for host in hosts if _is_address(host))


def _is_address(host: str) -> bool:
    try:
        return bool(ipaddress.ip_address(host))
    except ValueError:
        return False


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def _is_corrupt(member: MemberStatus) -> bool:
    return any(found[1] == str(member.id) for found in map(_CORRUPT.match, member.errors) if found)


def _preference(name: str, member: MemberStatus) -> tuple[bool, bool, int, str]:
    stalls = any(error.startswith("a read fails") for error in member.errors)
    return (stalls, member.is_leader, -member.raft_index, name)
