"""Facts for tests: a cluster of three, healthy unless a test says otherwise."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime
from typing import Any

from recovery.cluster.certificates import Certificate, KeyFit, NodeCertificates, Role
from recovery.cluster.encryption_at_rest import EncryptionFacts
from recovery.cluster.facts import (
    ClusterFacts,
    Container,
    DataDirFacts,
    EtcdTool,
    MemberStatus,
    NodeFacts,
    ServiceState,
    ToolKind,
    Version,
)
from recovery.cluster.manifest import read_manifest
from recovery.cluster.ports import Listener, PortFacts
from recovery.cluster.surroundings import Surroundings
from recovery.errors import NodeError, NodeUnreachableError
from recovery.inventory.model import Cluster, Node
from tests.cluster.manifests import KUBEADM

NAMES = ("etcd-1", "etcd-2", "etcd-3")
CLUSTER = Cluster("prod-a", tuple(Node(name, f"10.0.0.1{i}") for i, name in enumerate(NAMES, 1)))

TOOL = EtcdTool(ToolKind.ETCDUTL, "/usr/local/bin/etcdutl", Version(3, 5, 16), True, True)

DATA_DIR = DataDirFacts(
    path="/var/lib/etcd",
    exists=True,
    is_mount=False,
    device=1,
    free=10 * 2**30,
    owner="0:0",
    mode="700",
    member_exists=True,
    database_size=200 * 2**20,
    database_modified_at=datetime(2026, 11, 22, tzinfo=UTC),
    wal_files=2,
    work_device=1,
    work_free=10 * 2**30,
    parent_device=1,
)

WRECKED = dataclasses.replace(DATA_DIR, fault="both meta pages are damaged or missing")
"""A data directory that no etcd can start from."""


SURROUNDINGS = Surroundings(
    os_id="ubuntu",
    os_name="Ubuntu 24.04",
    programs=frozenset({"kubectl", "openssl", "restorecon"}),
    units_known=True,
    has_admin_kubeconfig=True,
)

ENCRYPTION = EncryptionFacts(api_server_known=True)


def certificate(role: Role, address: str, name: str, **changes: Any) -> Certificate:
    one = Certificate(
        role=role,
        path=f"/etc/kubernetes/pki/{role.name.lower()}.crt",
        not_before=datetime(2026, 6, 1, tzinfo=UTC),
        not_after=datetime(2027, 6, 1, tzinfo=UTC),
        hosts=frozenset({name, address, "127.0.0.1", "localhost"}),
        signed=True,
        key=KeyFit.FITS,
    )
    return dataclasses.replace(one, **changes)


def certificates(name: str, **changes: dict[str, Any]) -> NodeCertificates:
    """A node's certificates, all well; `changes` by the role's name."""
    address = CLUSTER.node(name).host
    return NodeCertificates(
        certificates=tuple(
            certificate(role, address, name, **changes.get(role.name, {})) for role in Role
        ),
        missing=(),
        unreadable=(),
        authorities=(
            (Role.ETCD_CA, frozenset({"e" * 64})),
            (Role.CLUSTER_CA, frozenset({"c" * 64})),
        ),
        etcd_hosts=("127.0.0.1",),
    )


def listener(address: str, port: int, container: str = "etcd", **changes: Any) -> Listener:
    return dataclasses.replace(
        Listener(address, port, container, 100 + port, f"/usr/bin/{container}", container, ""),
        **changes,
    )


def node_facts(name: str, **changes: Any) -> NodeFacts:
    number = NAMES.index(name) + 1
    text = KUBEADM.replace("10.0.0.11", f"10.0.0.1{number}").replace("etcd-1", name)
    facts = NodeFacts(
        node=CLUSTER.node(name),
        hostname=name,
        is_root=True,
        clock_offset=0.0,
        kubelet=ServiceState.ACTIVE,
        manifest=read_manifest("/etc/kubernetes/manifests/etcd.yaml", text, "600", "0:0"),
        manifest_error=None,
        data_dir=DATA_DIR,
        containers=(Container("abc", "etcd", "CONTAINER_RUNNING"),),
        containers_error=None,
        tools=(TOOL,),
        has_python3=True,
        selinux_enforcing=False,
        architecture="x86_64",
        certificates=certificates(name),
        ports=PortFacts(
            (
                listener("127.0.0.1", 2379),
                listener(f"10.0.0.1{number}", 2380),
                listener("*", 6443, "kube-apiserver"),
            )
        ),
        surroundings=SURROUNDINGS,
        encryption=ENCRYPTION,
    )
    return dataclasses.replace(facts, **changes)


def wrecked(*names: str) -> dict[str, NodeFacts]:
    """These nodes with data that is of no use any more."""
    return {name: node_facts(name, data_dir=WRECKED) for name in names}


def member(name: str, **changes: Any) -> MemberStatus:
    status = MemberStatus(
        name=name,
        id=NAMES.index(name) + 1,
        cluster_id=77,
        version="3.5.16",
        leader_id=1,
        learner=False,
        database_size=1000,
        revision=100,
        raft_term=4,
        raft_index=500,
    )
    return dataclasses.replace(status, **changes)


def cluster_facts(
    *,
    nodes: dict[str, NodeFacts] | None = None,
    members: dict[str, MemberStatus] | None = None,
    unreachable: tuple[str, ...] = (),
    silent: tuple[str, ...] = (),
) -> ClusterFacts:
    """Healthy facts; `silent` members do not answer, `unreachable` nodes neither."""
    errors: dict[str, NodeError] = {
        name: NodeUnreachableError("connection refused", where=name) for name in unreachable
    }
    seen = {name: node_facts(name) for name in NAMES if name not in unreachable} | (nodes or {})
    answering = {
        name: member(name) for name in NAMES if name not in unreachable and name not in silent
    } | (members or {})
    return ClusterFacts(
        cluster=CLUSTER,
        gathered_at=datetime(2026, 11, 22, 14, 0, tzinfo=UTC),
        nodes=seen,
        unreachable=errors,
        members=answering,
        silent={name: "no answer" for name in NAMES if name not in answering},
    )


def quorum_lost() -> ClusterFacts:
    """One member answers and knows no leader; the others are dead, and so is their data."""
    return cluster_facts(
        members={"etcd-1": member("etcd-1", leader_id=0)},
        nodes=wrecked("etcd-2", "etcd-3"),
        silent=("etcd-2", "etcd-3"),
    )
