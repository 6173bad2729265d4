"""Facts about nodes, read without changing anything. The plan is made of these and nothing else."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from recovery.cluster.certificates import NodeCertificates
from recovery.cluster.encryption_at_rest import EncryptionFacts
from recovery.cluster.etcd_answers import ListedMember
from recovery.cluster.ports import PortFacts
from recovery.cluster.surroundings import Surroundings
from recovery.errors import NodeError
from recovery.inventory.model import Cluster, Node

if TYPE_CHECKING:
    from recovery.cluster.agreement import Agreement
    from recovery.cluster.etcd_exit import EtcdExit
    from recovery.cluster.open_keys import OpenKey


class ServiceState(enum.Enum):
    """What `systemctl is-active` says, as far as it matters here."""

    ACTIVE = "active"
    INACTIVE = "inactive"
    FAILED = "failed"
    MISSING = "missing"
    UNKNOWN = "unknown"


class ToolKind(enum.Enum):
    """The two programs that can restore a snapshot (etcdctl up to 3.5, etcdutl from 3.5)."""

    ETCDCTL = "etcdctl"
    ETCDUTL = "etcdutl"


@dataclass(frozen=True, slots=True, order=True)
class Version:
    """An etcd version, ordered as versions are."""

    major: int
    minor: int
    patch: int

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}.{self.patch}"


@dataclass(frozen=True, slots=True)
class EtcdTool:
    """A restore program found on a node, asked for its version and its flags."""

    kind: ToolKind
    path: str
    version: Version
    restores: bool
    """Whether it has `snapshot restore` at all (etcdctl 3.6 does not)."""
    bumps_revision: bool
    """Whether `snapshot restore` has both --bump-revision and --mark-compacted."""


@dataclass(frozen=True, slots=True)
class EtcdManifest:
    """A node's `etcd.yaml`, read. Directories are the host's, mapped through the pod's volumes."""

    path: str
    text: str
    sha256: str
    mode: str
    """Octal, as `stat -c %a` prints it."""
    owner: str
    """`uid:gid`."""
    member_name: str
    data_dir: str
    advertise_client_urls: tuple[str, ...]
    listen_client_urls: tuple[str, ...]
    listen_peer_urls: tuple[str, ...]
    initial_advertise_peer_urls: tuple[str, ...]
    initial_cluster: tuple[tuple[str, str], ...]
    """(member name, peer URL) pairs as this one node lists them: on kubeadm not all members."""
    initial_cluster_state: str | None
    cert_file: str
    key_file: str
    trusted_ca_file: str
    image: str
    version: Version | None
    """From the image's tag; None where the tag says nothing."""
    listen_metrics_urls: tuple[str, ...] = ()
    """Opened last of all, when the member has begun to answer the others."""
    compares_at_start: bool = False
    """Whether it asks every other member for a hash before it answers any of them itself."""


@dataclass(frozen=True, slots=True)
class DataDirFacts:
    """The data directory and the ground it stands on. Sizes are bytes."""

    path: str
    exists: bool
    is_mount: bool
    """A filesystem of its own is mounted on it, so renames must stay inside it."""
    device: int
    """st_dev of the directory, or of its nearest existing parent."""
    free: int
    owner: str
    """`uid:gid` of the directory, or of its nearest existing parent."""
    mode: str
    member_exists: bool
    database_size: int | None
    """Size of member/snap/db; None where it is absent."""
    database_modified_at: datetime | None
    wal_files: int
    work_device: int
    """st_dev of the node's work directory, or of its nearest existing parent."""
    work_free: int
    parent_device: int
    """st_dev of the directory that the data directory stands in."""
    fault: str | None = None
    """Why no etcd can open the database; None where nothing speaks against it."""

    @property
    def intact(self) -> bool:
        """Whether a member could start from it, as far as a look from outside tells."""
        return bool(self.database_size) and self.wal_files > 0 and self.fault is None


@dataclass(frozen=True, slots=True)
class Container:
    """A container as `crictl ps -a` lists it."""

    id: str
    name: str
    state: str
    """CONTAINER_RUNNING, CONTAINER_EXITED, …"""
    attempt: int = 0
    created_at: float = 0.0
    """Seconds since 1970 by the node's clock; 0 where the listing does not say."""

    @property
    def running(self) -> bool:
        """Whether it runs now."""
        return self.state == "CONTAINER_RUNNING"


@dataclass(frozen=True, slots=True)
class ApiAnswer:
    """What an API server says about itself. `ready` is None where nobody could ask."""

    ready: bool | None
    why: str = ""
    """What is wrong, or why nobody could ask; empty where it is ready."""
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class NodeFacts:
    """Everything one control-plane node said about itself."""

    node: Node
    hostname: str
    is_root: bool
    clock_offset: float
    """Seconds that the node's clock is ahead of this machine's, give or take `clock_doubt`."""
    kubelet: ServiceState
    manifest: EtcdManifest | None
    manifest_error: str | None
    """Why there is no manifest: absent, unreadable, or not understood."""
    data_dir: DataDirFacts | None
    containers: tuple[Container, ...]
    containers_error: str | None
    tools: tuple[EtcdTool, ...]
    has_python3: bool
    selinux_enforcing: bool
    architecture: str
    """`uname -m`."""
    api_server_port: int = 6443
    tools_error: str | None = None
    """Why nobody could look for restore programs; None where somebody did."""
    api_server_address: str | None = None
    """--advertise-address of kube-apiserver.yaml, which its certificate names."""
    certificates: NodeCertificates | None = None
    """None, as in the next three, where nobody could look."""
    ports: PortFacts | None = None
    surroundings: Surroundings | None = None
    encryption: EncryptionFacts | None = None
    api_server: ApiAnswer | None = None
    """Its own word; None where it was not asked, because the etcd behind it does not serve."""
    etcd_exit: EtcdExit | None = None
    """Why etcd does not answer, by its log; None where it does, or where it has no container."""
    manifest_elsewhere: str | None = None
    """Where an etcd.yaml lies that is not among the manifests, if there is none among them."""
    clock_doubt: float = 0.0
    """Seconds by which `clock_offset` may be wrong, because the node was slow to answer."""


@dataclass(frozen=True, slots=True)
class MemberStatus:
    """What a member says through its maintenance API."""

    name: str
    id: int
    cluster_id: int
    version: str
    leader_id: int
    """0 where it knows no leader."""
    learner: bool
    database_size: int
    revision: int
    raft_term: int
    raft_index: int
    errors: tuple[str, ...] = ()
    database_in_use: int | None = None
    """Bytes of `database_size` that hold data; the rest comes back by defragmenting."""
    quota: int | None = None
    """At how many bytes it stops taking writes; None where nobody knows."""
    listed: tuple[ListedMember, ...] = ()
    """The cluster's members, as a majority knows them; empty where none could be asked."""

    @property
    def is_leader(self) -> bool:
        """Whether this member leads."""
        return self.leader_id == self.id


@dataclass(frozen=True, slots=True)
class ClusterFacts:
    """The facts of all control-plane nodes; a node is in `nodes` or in `unreachable`.

    A member is in `members` or in `silent`, under its node's name.
    """

    cluster: Cluster
    gathered_at: datetime
    nodes: dict[str, NodeFacts]
    unreachable: dict[str, NodeError]
    members: dict[str, MemberStatus]
    silent: dict[str, str]
    """Why a member does not answer, in words."""
    mistrusted: frozenset[str] = frozenset()
    """Silent members that run all the same: TLS between them and this program fails."""
    agreement: Agreement | None = None
    """Whether those that serve hold the same data; None where fewer than two could be asked."""
    open_keys: tuple[OpenKey, ...] = ()
    """Private keys that the inventory names, and that others on this machine may read."""


class ClusterState(enum.Enum):
    """The diagnosis in words, as the top line shows it."""

    HEALTHY = "HEALTHY"
    DEGRADED = "DEGRADED"
    API_DOWN = "API NOT READY"
    """etcd is healthy, and an API server in front of it is not."""
    DIVERGED = "DIVERGED"
    """A quorum serves, and its members do not hold the same data."""
    STARTABLE = "QUORUM LOST, DATA INTACT"
    """Enough members still have their data: starting them brings the quorum back."""
    QUORUM_LOST = "QUORUM LOST"
    UNREACHABLE = "UNREACHABLE"
    UNKNOWN = "LOOKING"
    """Facts have not arrived yet."""

    @property
    def has_quorum(self) -> bool:
        """Whether etcd serves, so that a restore would take it back in time."""
        return self in _WITH_QUORUM


_WITH_QUORUM = frozenset(
    {
        ClusterState.HEALTHY,
        ClusterState.DEGRADED,
        ClusterState.API_DOWN,
        ClusterState.DIVERGED,
    }
)


@dataclass(frozen=True, slots=True)
class NodeCommand:
    """A command for a person to run by hand, and what it is for."""

    node: str
    text: str
    why: str


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """One sentence and one advice, with what they rest on."""

    state: ClusterState
    answering: int
    total: int
    sentence: str
    advice: str
    commands: tuple[NodeCommand, ...] = ()
    """The advice as commands, in order; nothing of it was run."""
    because: tuple[str, ...] = ()
    """The facts that it rests on, a line each."""
    remarks: tuple[str, ...] = ()
    """What else wants attention and is not what is wrong: a clock, a disk, a certificate."""

    @property
    def label(self) -> str:
        """For example `QUORUM LOST 1/3`."""
        if self.state is ClusterState.UNKNOWN:
            return str(self.state.value)
        etcd = ", ETCD" if self.state is ClusterState.API_DOWN else ""
        return f"{self.state.value}{etcd} {self.answering}/{self.total}"
