"""Preflight of certificates: what a restored member or API server would stumble over. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from recovery.cluster.certificate_remedies import KUBEADM, putting_back, renewing
from recovery.cluster.certificates import Certificate, KeyFit, NodeCertificates, Role
from recovery.cluster.facts import ClusterFacts, NodeFacts
from recovery.cluster.x509_chains import covers
from recovery.health.model import CLUSTER_SCOPE, Check, CheckStatus
from recovery.health.verdicts import failed, ok, skipped, warned

SOON = timedelta(days=7)
"""Less than this is left of a certificate that is worth a word."""

_ETCD = (Role.ETCD_CA, Role.ETCD_SERVER, Role.ETCD_PEER)
_API = (Role.CLUSTER_CA, Role.API_SERVER, Role.API_SERVER_TO_ETCD)
_CLIENTS = (Role.ETCD_HEALTHCHECK, Role.ADMIN, Role.KUBELET)

_MEANINGS: dict[tuple[Role, ...], str] = {
    _ETCD: "etcd does not start without them, and its peers and clients refuse what has expired.",
    _API: "Without them the API server does not reach etcd, or nobody trusts it, and the restore "
    "cannot be proven.",
    _CLIENTS: "The restore itself does not need them; kubectl, kubelet and health probes do.",
}


@dataclass(frozen=True, slots=True)
class _Trouble:
    status: CheckStatus
    message: str
    remedy: str


def certificate_checks(facts: ClusterFacts, node: NodeFacts) -> Iterator[Check]:
    """Whether this node's certificates are valid, name the right hosts, and fit their keys."""
    name, known = node.node.name, node.certificates
    if known is None or not node.is_root:
        yield skipped(
            "etcd certificates",
            name,
            "they could not be looked at" if node.is_root else "only root can look at them",
            "see on the node: kubeadm certs check-expiration",
        )
        return
    now = facts.gathered_at + timedelta(seconds=node.clock_offset)
    for check, roles in (
        ("etcd certificates", _ETCD),
        ("API certificates", _API),
        ("client certificates", _CLIENTS),
    ):
        yield _judged(check, roles, node, known, now)
    unknown = [one.role.value for one in known.certificates if one.key is KeyFit.UNKNOWN]
    if unknown:
        yield skipped(
            "certificates' keys",
            name,
            f"nobody could tell whether they fit: {', '.join(unknown)}",
            "openssl on the node tells it: openssl x509 -noout -pubkey and openssl pkey -pubout "
            "print the same",
        )


def authority_checks(facts: ClusterFacts) -> Iterator[Check]:
    """Whether all nodes have the same CAs."""
    yield _same_authority(facts, Role.ETCD_CA, "etcd's CA", "The members would not trust another.")
    yield _same_authority(
        facts, Role.CLUSTER_CA, "the cluster's CA", "Clients trust only API servers of one CA."
    )


def _judged(
    check: str, roles: tuple[Role, ...], node: NodeFacts, known: NodeCertificates, now: datetime
) -> Check:
    troubles = [t for role in roles for t in _troubles(role, node, known, now)]
    name = node.node.name
    if not troubles:
        ends = [one.not_after for one in known.certificates if one.role in roles]
        until = f", valid until {min(ends):%Y-%m-%d}" if ends else ""
        return ok(check, name, f"{len(ends)}{until}" if ends else "none to look at")
    say = failed if any(t.status is CheckStatus.FAILED for t in troubles) else warned
    return say(
        check,
        name,
        "; ".join(t.message for t in troubles),
        _MEANINGS[roles],
        f"on {name}: {'; '.join(dict.fromkeys(t.remedy for t in troubles))}",
    )


def _troubles(
    role: Role, node: NodeFacts, known: NodeCertificates, now: datetime
) -> Iterator[_Trouble]:
    """What is wrong with one certificate. A client's is never more than a warning."""
    bad = CheckStatus.WARNING if role in _CLIENTS else CheckStatus.FAILED
    # Whose CA it is and which names it has is between the API server and those who call it: a
    # company's own CA is good where their kubeconfigs have it. etcd is restored all the same.
    chosen = CheckStatus.WARNING if role is Role.API_SERVER else bad
    one = known.of(role)
    if one is None:
        yield from _not_there(role, known, bad)
        return
    renew = renewing(role)
    if one.not_after <= now:
        yield _Trouble(bad, f"{role.value} expired on {one.not_after:%Y-%m-%d}", renew)
    elif one.not_after - now < SOON:
        left = f"{role.value} expires on {one.not_after:%Y-%m-%d %H:%M}Z"
        yield _Trouble(CheckStatus.WARNING, left, renew)
    if one.not_before > now:
        words = f"{role.value} is not valid before {one.not_before:%Y-%m-%d %H:%M}Z"
        yield _Trouble(bad, words, "set the node's clock, or renew the certificate")
    if one.signed is False:
        signer = "the cluster's CA" if role in (*_API, Role.ADMIN, Role.KUBELET) else "etcd's CA"
        signer = "etcd's CA" if role is Role.API_SERVER_TO_ETCD else signer
        yield _Trouble(chosen, f"{role.value} is not signed by {signer} of this node", _anew(one))
    if one.key is KeyFit.DIFFERS:
        yield _Trouble(bad, f"{role.value} does not belong to its key", _anew(one))
    elif one.key is KeyFit.ABSENT:
        yield _Trouble(bad, f"{role.value} has no key beside it", _anew(one))
    lacking = [host for host in _hosts(role, node, known) if not covers(one.hosts, host)]
    if lacking:
        yield _Trouble(chosen, f"{role.value} does not name {', '.join(lacking)}", _anew(one))
    elif role in (Role.ETCD_SERVER, Role.ETCD_PEER) and not covers(one.hosts, node.node.name):
        words = f"{role.value} does not name {node.node.name}"
        yield _Trouble(CheckStatus.WARNING, words, "go on if the node was given another name since")


def _not_there(role: Role, known: NodeCertificates, bad: CheckStatus) -> Iterator[_Trouble]:
    path = dict(known.unreadable).get(role)
    if path is not None:
        words = f"{role.value} cannot be read: {path} is no certificate"
        yield _Trouble(bad, words, putting_back(role, path))
        return
    path = dict(known.missing).get(role)
    # Newer kubeadm has no certificate for health checks, and not every node has an admin.conf.
    if path is not None and role not in _CLIENTS:
        yield _Trouble(bad, f"{role.value} is missing: {path}", putting_back(role, path))


def _anew(one: Certificate) -> str:
    """How to have a certificate made anew: renewing keeps its names."""
    if one.role not in KUBEADM or one.role is Role.ADMIN:
        return renewing(one.role)
    key = one.path.removesuffix(".crt") + ".key"
    return (
        f"move {one.path} and {key} aside, then kubeadm init phase certs {KUBEADM[one.role]} "
        "(with --config, where the cluster was set up with one)"
    )


def _hosts(role: Role, node: NodeFacts, known: NodeCertificates) -> list[str]:
    """The hosts that a certificate has to name, because somebody calls the server by them."""
    manifest = node.manifest
    if role is Role.API_SERVER:
        return [node.api_server_address] if node.api_server_address else []
    if manifest is None:
        return []
    if role is Role.ETCD_PEER:
        return _of_urls(manifest.initial_advertise_peer_urls)
    if role is Role.ETCD_SERVER:
        listening = _of_urls(manifest.listen_client_urls)
        own = [host for host in known.etcd_hosts if host in listening]
        return list(dict.fromkeys([*_of_urls(manifest.advertise_client_urls), *own]))
    return []


def _of_urls(urls: Iterable[str]) -> list[str]:
    return [host for url in urls if (host := urlsplit(url).hostname)]


def _in_short(names: Sequence[str], facts: ClusterFacts) -> str:
    everywhere = len(names) == len(facts.cluster.control_plane)
    return f"all {len(names)} nodes" if everywhere else ", ".join(names)


def _same_authority(facts: ClusterFacts, role: Role, name: str, meaning: str) -> Check:
    groups: dict[frozenset[str], list[str]] = {}
    for node in facts.nodes.values():
        found = node.certificates.authority(role) if node.certificates else frozenset()
        if found:
            groups.setdefault(found, []).append(node.node.name)
    if not groups:
        return skipped(name, CLUSTER_SCOPE, "it could not be compared", "compare ca.crt by hand")
    if len(groups) == 1:
        (nodes,) = groups.values()
        return ok(name, CLUSTER_SCOPE, f"the same on {_in_short(nodes, facts)}")
    told = "; ".join(f"{', '.join(nodes)} {min(found)[:8]}" for found, nodes in groups.items())
    common = frozenset.intersection(*groups)
    if common:
        return warned(
            name,
            CLUSTER_SCOPE,
            f"not the same everywhere: {told}",
            "One CA is on all nodes and others are not, as in the middle of a rotation.",
            "finish the rotation once the cluster is back",
        )
    return failed(
        name,
        CLUSTER_SCOPE,
        f"the nodes have different ones: {told}",
        f"{meaning} One of these nodes may be of another cluster, or was installed anew.",
        "find the node that differs (openssl x509 -noout -fingerprint -sha256 -in ca.crt), and "
        "correct the inventory, or bring its pki directory back from a backup",
    )
