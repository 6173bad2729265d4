"""What members answer, as facts, and their errors in words. Nothing here speaks to a member."""

from __future__ import annotations

from dataclasses import dataclass

from recovery.errors import EtcdError


@dataclass(frozen=True, slots=True)
class ListedMember:
    """A member as the member list has it; `name` is empty until it has started once."""

    id: int
    name: str
    peer_urls: tuple[str, ...]
    client_urls: tuple[str, ...]
    learner: bool


@dataclass(frozen=True, slots=True)
class StoredKey:
    """A key as it stands at one revision; `value` is empty where only keys were asked for."""

    key: bytes
    value: bytes
    create_revision: int
    mod_revision: int
    lease: int


@dataclass(frozen=True, slots=True)
class KeyPage:
    """Some keys in order, the revision they were read at, and how many there are in all."""

    keys: tuple[StoredKey, ...]
    revision: int
    count: int
    more: bool


@dataclass(frozen=True, slots=True)
class HashAnswer:
    """HashKV: a hash over all keys up to a revision, as far as they are not compacted away."""

    hash: int
    compact_revision: int
    """Two hashes compare only where this is equal too. -1 where nothing was ever compacted."""
    revision: int
    """The member's own revision when it answered."""


@dataclass(frozen=True, slots=True)
class Alarm:
    """An alarm that a member raised: NOSPACE or CORRUPT."""

    member_id: int
    name: str


class RevisionGoneError(EtcdError):
    """The revision was compacted away on this member, or has not reached it yet."""


class MistrustError(EtcdError):
    """Somebody listens there, but TLS fails: that says nothing about whether etcd serves."""


NOT_LISTENING = "it does not accept connections"
"""What is said of a member whose process does not run."""

_RENEW = (
    "renew it on the node (kubeadm certs renew etcd-server), then restart etcd; without kubeadm, "
    "issue a new one from the same CA"
)

_HANGS_UP = "handshake read failed"

_EXPLANATIONS: tuple[tuple[str, str, str], ...] = (
    ("certificate has expired", "a certificate of the connection has expired", _RENEW),
    (
        "certificate is not yet valid",
        "a certificate of the connection is not valid yet",
        "compare the clocks of this machine and the node",
    ),
    (
        "no match found for server name",
        "its certificate does not name the address that it listens on",
        "issue a certificate with the node's addresses, or correct --listen-client-urls",
    ),
    (
        "hostname verification check failed",
        "its certificate does not name the address that it listens on",
        "issue a certificate with the node's addresses, or correct --listen-client-urls",
    ),
    (
        "certificate signature failure",
        "its certificate is not signed by the CA that its manifest names",
        "look at --cert-file and --trusted-ca-file in etcd.yaml: they must belong together",
    ),
    (
        "certificate_verify_failed",
        "its certificate is not signed by the CA that its manifest names",
        "look at --cert-file and --trusted-ca-file in etcd.yaml: they must belong together",
    ),
    (
        "bad_certificate",
        "it refuses the node's own certificate",
        "see when --cert-file of etcd.yaml expires, and whether --trusted-ca-file signed it",
    ),
    (
        "failed to create security handshaker",
        "its certificate or key is damaged",
        "put --cert-file and --key-file of etcd.yaml back from a backup",
    ),
    (
        # How TLS 1.3 shows a refusal: after the handshake, instead of the first answer.
        "unwrap failed",
        "it refuses the node's own certificate",
        "see when --cert-file of etcd.yaml expires, and whether --trusted-ca-file signed it",
    ),
    ("certificate required", "it refuses the node's own certificate", _RENEW),
    (
        "wrong_version_number",
        "something that does not speak TLS listens on its port",
        "look at --listen-client-urls in etcd.yaml, and at what listens there",
    ),
    (
        "connection refused",
        NOT_LISTENING,
        "see whether its container runs, and its log: crictl ps -a, crictl logs",
    ),
    (
        # etcd opens its port at once, but serves only after it has found a leader
        # (server/embed/etcd.go, serveClients; server/embed/serve.go waits for ReadyNotify).
        _HANGS_UP,
        "it takes connections and does not speak",
        "a member that starts waits like this for a majority: look at the others and at its log",
    ),
    (
        "etcdserver: no leader",
        "it knows no leader",
        "a majority of the members must run; look at the others",
    ),
    (
        "database space exceeded",
        "it accepts no writes: alarm NOSPACE",
        "compact, defragment, then disarm the alarm",
    ),
    (
        "etcdserver: user name is empty",
        "it asks for a user name: authentication is on",
        "Kubernetes does not use etcd's authentication; ask who turned it on",
    ),
    ("permission denied", "it refuses the node's own certificate", "see etcd's roles and users"),
    (
        "etcdserver: request timed out",
        "it could not reach agreement in time",
        "a majority of the members must run; look at the others and at the disks",
    ),
    (
        "etcdserver: leader changed",
        "its leader changed just now",
        "wait a few seconds; if it goes on, look at the disks and the network",
    ),
    (
        "etcdserver: server stopped",
        "it is stopping",
        "see its log: crictl logs on the etcd container",
    ),
)

_GONE = ("required revision has been compacted", "required revision is a future revision")

_NOT_LISTENING = ("failed to connect", "socket closed", "connection reset")


def hangs_up(details: str) -> bool:
    """Whether the TLS handshake got no answer: so does one that a tunnel cannot carry through."""
    return _HANGS_UP in details.lower()


def explain(member: str, code: str, details: str, seconds: float) -> EtcdError:
    """An error of the member's API in words. `code` is gRPC's, `details` its text, `seconds` the
    time it was given."""
    text = details.lower()
    for part, what, remedy in _EXPLANATIONS:
        if part in text:
            kind = MistrustError if _is_tls(text) else EtcdError
            return kind(what, where=member, remedy=remedy, detail=details)
    if any(part in details for part in _GONE):
        return RevisionGoneError(details.partition("mvcc: ")[2], where=member, detail=details)
    if code == "DEADLINE_EXCEEDED":
        return EtcdError(
            f"no answer within {seconds:g} s",
            where=member,
            remedy="a member without a leader, or with a stuck disk, does not answer: see its log",
            detail=details,
        )
    if _is_tls(text):
        remedy = "compare its certificates with its manifest"
        return MistrustError("TLS to it fails", where=member, remedy=remedy, detail=details)
    if any(part in text for part in _NOT_LISTENING):
        what = "it does not accept connections"
        remedy = "see whether its container runs, and its log: crictl ps -a, crictl logs"
    else:
        what, remedy = f"it answers with an error: {code}", "see its log: crictl logs"
    return EtcdError(what, where=member, remedy=remedy, detail=details)


def _is_tls(text: str) -> bool:
    signs = ("handshake failed", "security handshaker", "check failed", "unwrap failed")
    return any(sign in text for sign in signs)
