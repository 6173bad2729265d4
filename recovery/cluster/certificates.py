"""A node's certificates as facts. Private keys never come here."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from datetime import datetime


class Role(enum.Enum):
    """What a certificate is for."""

    ETCD_CA = "etcd's CA"
    ETCD_SERVER = "etcd's server"
    ETCD_PEER = "etcd's peer"
    ETCD_HEALTHCHECK = "etcd's health check"
    CLUSTER_CA = "the cluster's CA"
    API_SERVER = "the API server's"
    API_SERVER_TO_ETCD = "the API server's for etcd"
    ADMIN = "admin.conf's"
    KUBELET = "kubelet's"


class KeyFit(enum.Enum):
    """Whether a private key belongs to its certificate, as the node itself says."""

    FITS = "fits"
    DIFFERS = "differs"
    ABSENT = "absent"
    UNKNOWN = "unknown"
    NOT_ASKED = "not-asked"


@dataclass(frozen=True, slots=True)
class Certificate:
    """What a certificate says, and whether its key is there."""

    role: Role
    path: str
    not_before: datetime
    not_after: datetime
    hosts: frozenset[str]
    """Names and addresses of the subject's alternative names, in one notation."""
    signed: bool | None
    """Whether the CA on the same node has signed it; None where that CA could not be read."""
    key: KeyFit


@dataclass(frozen=True, slots=True)
class NodeCertificates:
    """All certificates of one node."""

    certificates: tuple[Certificate, ...]
    missing: tuple[tuple[Role, str], ...]
    """(what, path) of those that are not there."""
    unreadable: tuple[tuple[Role, str], ...]
    """(what, path) of those that are there, and are no certificates."""
    authorities: tuple[tuple[Role, frozenset[str]], ...]
    """The CAs' fingerprints (sha256 of the certificate, hex); several while one is rotated."""
    etcd_hosts: tuple[str, ...] = ()
    """The hosts at which this node's API server calls etcd."""

    def of(self, role: Role) -> Certificate | None:
        """The certificate for this, if it could be read."""
        return next((one for one in self.certificates if one.role is role), None)

    def authority(self, role: Role) -> frozenset[str]:
        """The fingerprints of a CA; empty where it could not be read."""
        return dict(self.authorities).get(role, frozenset())


SIGNERS = {
    Role.ETCD_SERVER: Role.ETCD_CA,
    Role.ETCD_PEER: Role.ETCD_CA,
    Role.ETCD_HEALTHCHECK: Role.ETCD_CA,
    Role.API_SERVER_TO_ETCD: Role.ETCD_CA,
    Role.API_SERVER: Role.CLUSTER_CA,
    Role.ADMIN: Role.CLUSTER_CA,
    Role.KUBELET: Role.CLUSTER_CA,
}
