"""Whose snapshot it is: several clusters may share a bucket or a directory. Pure.

Restoring another cluster's snapshot destroys the cluster. What decides, the surest first: the
members and nodes inside it, the CA that its clients trusted, the members' addresses, and, as long
as nobody has read it, the address in its name.
"""

from __future__ import annotations

import dataclasses
import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from recovery.backups.model import Catalog, Snapshot, Strange, Traces
from recovery.backups.naming import parse_name
from recovery.cluster.certificates import Role
from recovery.cluster.facts import ClusterFacts
from recovery.inventory.model import Cluster
from recovery.snapshots.model import SnapshotContents

_A_MINUTE = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class ClusterIdentity:
    """What is known of the cluster at hand. Names in lower case."""

    names: frozenset[str]
    """Of its control-plane nodes, which are its members' names as well."""
    addresses: frozenset[str]
    whole: bool
    """Whether every control-plane node's address is known: another one is a stranger's then."""
    authorities: frozenset[str] = frozenset()
    named: frozenset[str] = frozenset()
    """Addresses that names of its backups are known to carry, whatever the nodes say."""


def identity_of(cluster: Cluster, facts: ClusterFacts | None) -> ClusterIdentity:
    """The cluster by its inventory, and by its nodes as far as they have answered.

    An address of the inventory may be that of a gateway. Where no manifest tells a node's own, it
    counts only if the inventory is right about the nodes that do tell.
    """
    own = {name: _own_addresses(facts, name) for name in facts.nodes} if facts is not None else {}
    told = {name: found for name, found in own.items() if found}
    by_inventory = {node.name: _addresses((node.host,)) for node in cluster.control_plane}
    trusted = bool(told) and all(by_inventory.get(name, set()) & told[name] for name in told)
    whole = all(
        node.name in told or (trusted and by_inventory[node.name]) for node in cluster.control_plane
    )
    names = {node.name for node in cluster.control_plane}
    names |= {
        node.manifest.member_name
        for node in (facts.nodes.values() if facts is not None else ())
        if node.manifest is not None
    }
    return ClusterIdentity(
        names=frozenset(map(str.lower, names)),
        addresses=frozenset().union(*by_inventory.values(), *told.values()),
        whole=whole,
        authorities=authorities_here(facts) if facts is not None else frozenset(),
    )


def authorities_here(facts: ClusterFacts) -> frozenset[str]:
    """Fingerprints of the CA that the nodes have, as far as it could be read."""
    return frozenset[str]().union(
        *(
            node.certificates.authority(Role.CLUSTER_CA)
            for node in facts.nodes.values()
            if node.certificates is not None
        )
    )


def traces_of(contents: SnapshotContents) -> Traces:
    """What the contents tell of their cluster."""
    urls = [url for member in contents.members for url in member.peer_urls]
    return Traces(
        members=frozenset(member.name.lower() for member in contents.members if member.name),
        addresses=frozenset(_addresses(map(_host, urls))),
        nodes=frozenset(map(str.lower, contents.nodes)),
        authorities=frozenset(contents.authorities),
    )


def strangeness(snapshot: Snapshot, identity: ClusterIdentity) -> Strange | None:
    """Why the snapshot seems to be another cluster's; None where nothing says so."""
    if snapshot.member is not None:
        return None
    traces = snapshot.traces
    if traces is not None:
        found = of_contents(traces, identity)
        if found is not None or _proven(traces, identity):
            return found
    named = parse_name(snapshot.name)
    if snapshot.record is not None or named is None or named.ip is None or not identity.whole:
        return None
    if named.ip in identity.addresses | identity.named:
        return None
    return Strange(
        f"its name carries {named.ip}, which no node of this cluster has: it may be another "
        "cluster's",
        certain=False,
    )


def of_contents(traces: Traces, identity: ClusterIdentity) -> Strange | None:
    """The same, by what is in it."""
    if traces.members and not traces.members & identity.names:
        found = _some(traces.members)
        return Strange(f"it is another cluster's: its members are {found}", certain=True)
    if traces.nodes and not traces.nodes & identity.names:
        found = _some(traces.nodes)
        return Strange(f"it is another cluster's: its nodes are {found}", certain=True)
    if traces.authorities and identity.authorities:
        if traces.authorities & identity.authorities:
            return None
        return Strange(
            "it was taken of a cluster with another CA: another one with these names, or this one "
            "before its CA was replaced",
            certain=False,
        )
    if identity.whole and traces.addresses and not traces.addresses & identity.addresses:
        found = _some(traces.addresses)
        return Strange(
            f"its members were at {found}, where no node of this cluster is: it may be another "
            "cluster's",
            certain=False,
        )
    return None


def is_surely_own(snapshot: Snapshot, identity: ClusterIdentity) -> bool:
    """Whether something says that it is this cluster's: a record, what is in it, or its name."""
    if snapshot.record is not None:
        return True
    if snapshot.traces is not None and _proven(snapshot.traces, identity):
        return True
    named = parse_name(snapshot.name)
    return named is not None and named.ip is not None and named.ip in identity.addresses


def _proven(traces: Traces, identity: ClusterIdentity) -> bool:
    """Whether something in it is this cluster's alone, whatever the name says."""
    return bool(traces.authorities & identity.authorities or traces.addresses & identity.addresses)


def marked(catalog: Catalog, identity: ClusterIdentity, now: datetime) -> Catalog:
    """The catalog, each snapshot with whether it seems to be another's, and dated in the future.

    `now`, with a zone, as most clocks have it.
    """
    known = dataclasses.replace(identity, named=identity.named | _named_by_own(catalog, identity))
    return dataclasses.replace(
        catalog,
        snapshots=tuple(
            dataclasses.replace(
                each,
                strange=strangeness(each, known),
                ahead=each.taken_at is not None and each.taken_at > now + _A_MINUTE,
            )
            for each in catalog.snapshots
        ),
    )


def _named_by_own(catalog: Catalog, identity: ClusterIdentity) -> frozenset[str]:
    """The addresses in the names of those that are this cluster's by a record or by contents: a
    node may have more addresses than its manifest tells."""
    found = set()
    for each in catalog.snapshots:
        traces = each.traces
        by_contents = traces is not None and (
            of_contents(traces, identity) is None and _proven(traces, identity)
        )
        named = parse_name(each.name)
        if named is not None and named.ip is not None and (each.record is not None or by_contents):
            found.add(named.ip)
    return frozenset(found)


def _own_addresses(facts: ClusterFacts, name: str) -> set[str]:
    manifest = facts.nodes[name].manifest
    if manifest is None:
        return set()
    urls = (*manifest.initial_advertise_peer_urls, *manifest.advertise_client_urls)
    return _addresses(map(_host, urls))


def _addresses(hosts: Iterable[str]) -> set[str]:
    found = set()
    for host in hosts:
        try:
            found.add(str(ipaddress.ip_address(host)))
        except ValueError:
            continue
    return found


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def _some(names: Iterable[str]) -> str:
    shown = sorted(names)
    more = f" and {len(shown) - 3} more" if len(shown) > 3 else ""
    return ", ".join(shown[:3]) + more
