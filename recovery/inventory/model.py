"""What an inventory says, as facts. Field names follow the inventory file of the contract."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from pathlib import Path

from recovery.backups.configuration import BackupSpec


class Role(enum.Enum):
    """What a node is to the cluster."""

    CONTROL_PLANE = "control-plane"
    WORKER = "worker"


@dataclass(frozen=True, slots=True)
class SshOptions:
    """How to log in. `None` leaves the choice to ~/.ssh/config and the usual defaults."""

    user: str | None = None
    port: int | None = None
    identity_file: Path | None = None
    known_hosts_file: Path | None = None
    proxy_jump: str | None = None
    sudo: bool = False
    connect_timeout: float = 10.0
    """Seconds until a silent host counts as unreachable; covers TCP, key exchange and login."""


@dataclass(frozen=True, slots=True)
class NodePaths:
    """Where things lie on a node. What the etcd manifest says about the data directory wins."""

    manifests: str = "/etc/kubernetes/manifests"
    pki: str = "/etc/kubernetes/pki/etcd"
    kubernetes: str = "/etc/kubernetes"
    data_dir: str = "/var/lib/etcd"
    containerd: str = "/var/lib/containerd"
    work: str = "/root/etcd-rescue"
    backups: str | None = None
    """This node's backup directory, where it is not the `localStorage.path` of the cluster."""

    @property
    def etcd_manifest(self) -> str:
        """The static pod manifest of the node's etcd member."""
        return f"{self.manifests}/etcd.yaml"

    @property
    def admin_kubeconfig(self) -> str:
        """The administrator's kubeconfig that kubeadm writes on control-plane nodes."""
        return f"{self.kubernetes}/admin.conf"


@dataclass(frozen=True, slots=True)
class Node:
    """A machine reached over SSH. Its name is the Kubernetes node name and the member name."""

    name: str
    host: str
    role: Role = Role.CONTROL_PLANE
    ssh: SshOptions = field(default_factory=SshOptions)
    paths: NodePaths = field(default_factory=NodePaths)


@dataclass(frozen=True, slots=True)
class S3CredentialsSource:
    """Where S3 keys come from: a named profile, or (None) the AWS chain, the secret, a prompt."""

    profile: str | None = None
    file: Path | None = None
    """A shared credentials file to look the profile up in, instead of ~/.aws/credentials."""


@dataclass(frozen=True, slots=True)
class Cluster:
    """One Kubernetes cluster whose etcd members are static pods."""

    name: str
    control_plane: tuple[Node, ...]
    workers: tuple[Node, ...] = ()
    backup: BackupSpec | None = None
    s3_credentials: S3CredentialsSource = field(default_factory=S3CredentialsSource)

    @property
    def nodes(self) -> tuple[Node, ...]:
        """Control-plane nodes first, then workers."""
        return self.control_plane + self.workers

    def node(self, name: str) -> Node:
        """The node of that name; KeyError where there is none."""
        for node in self.nodes:
            if node.name == name:
                return node
        raise KeyError(name)


@dataclass(frozen=True, slots=True)
class Inventory:
    """The clusters of one inventory file."""

    path: Path
    clusters: tuple[Cluster, ...]
