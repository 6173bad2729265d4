"""Facts of a three-node cluster that lost its quorum, as a real kubeadm cluster would give them."""

from __future__ import annotations

import dataclasses
import hashlib
from datetime import UTC, datetime

from recovery.cluster.facts import (
    ClusterFacts,
    Container,
    DataDirFacts,
    EtcdManifest,
    EtcdTool,
    MemberStatus,
    NodeFacts,
    ServiceState,
    ToolKind,
    Version,
)
from recovery.inventory.model import Cluster, Node, NodePaths, Role
from recovery.restore.plan import RestoreSource

NAMES = ("etcd-1", "etcd-2", "etcd-3")

SOURCE = RestoreSource(
    name="snapshot-etcd-20261122-000000-10.0.0.11.tar",
    location="etcd-1:/cpaas/backup/snapshot-etcd-20261122-000000-10.0.0.11.tar",
    sha256="ab" * 32,
    size=2_097_184,
    has_hash=True,
    revision=182_334,
    taken_at="2026-11-22T00:00:00Z",
)


def manifest_text(name: str, address: str, data_dir: str, state: str | None) -> str:
    """An etcd.yaml as kubeadm writes it."""
    flag = f"    - --initial-cluster-state={state}\n" if state else ""
    return f"""apiVersion: v1
kind: Pod
metadata:
  name: etcd
  namespace: kube-system
spec:
  containers:
  - command:
    - etcd
    - --advertise-client-urls=https://{address}:2379
    - --cert-file=/etc/kubernetes/pki/etcd/server.crt
    - --data-dir={data_dir}
    - --initial-advertise-peer-urls=https://{address}:2380
    - --initial-cluster={name}=https://{address}:2380
{flag}    - --key-file=/etc/kubernetes/pki/etcd/server.key
    - --listen-client-urls=https://127.0.0.1:2379,https://{address}:2379
    - --listen-peer-urls=https://{address}:2380
    - --name={name}
    - --trusted-ca-file=/etc/kubernetes/pki/etcd/ca.crt
    image: registry.k8s.io/etcd:3.5.16-0
    name: etcd
    volumeMounts:
    - mountPath: {data_dir}
      name: etcd-data
  hostNetwork: true
  volumes:
  - hostPath:
      path: {data_dir}
      type: DirectoryOrCreate
    name: etcd-data
"""


def node(number: int, paths: NodePaths | None = None) -> Node:
    """etcd-1, etcd-2, …"""
    return Node(
        f"etcd-{number}", f"10.0.0.1{number}", Role.CONTROL_PLANE, paths=paths or NodePaths()
    )


def node_facts(
    number: int,
    *,
    paths: NodePaths | None = None,
    state: str | None = "existing",
    bumps: bool = True,
    own_tool: bool = True,
) -> NodeFacts:
    """What one node says about itself."""
    here = node(number, paths)
    address = here.host
    data_dir = here.paths.data_dir
    text = manifest_text(here.name, address, data_dir, state)
    tool = EtcdTool(ToolKind.ETCDUTL, "/var/lib/containerd/etcdutl", Version(3, 5, 16), True, bumps)
    return NodeFacts(
        node=here,
        hostname=here.name,
        is_root=True,
        clock_offset=0.01,
        kubelet=ServiceState.ACTIVE,
        manifest=EtcdManifest(
            path=here.paths.etcd_manifest,
            text=text,
            sha256=hashlib.sha256(text.encode()).hexdigest(),
            mode="600",
            owner="0:0",
            member_name=here.name,
            data_dir=data_dir,
            advertise_client_urls=(f"https://{address}:2379",),
            listen_client_urls=("https://127.0.0.1:2379", f"https://{address}:2379"),
            listen_peer_urls=(f"https://{address}:2380",),
            initial_advertise_peer_urls=(f"https://{address}:2380",),
            initial_cluster=((here.name, f"https://{address}:2380"),),
            initial_cluster_state=state,
            cert_file="/etc/kubernetes/pki/etcd/server.crt",
            key_file="/etc/kubernetes/pki/etcd/server.key",
            trusted_ca_file="/etc/kubernetes/pki/etcd/ca.crt",
            image="registry.k8s.io/etcd:3.5.16-0",
            version=Version(3, 5, 16),
        ),
        manifest_error=None,
        data_dir=DataDirFacts(
            path=data_dir,
            exists=True,
            is_mount=False,
            device=1,
            free=20 * 2**30,
            owner="0:0",
            mode="700",
            member_exists=True,
            database_size=2_097_152,
            database_modified_at=datetime(2026, 11, 22, 14, tzinfo=UTC),
            wal_files=2,
            work_device=1,
            work_free=20 * 2**30,
            parent_device=1,
        ),
        containers=(Container("5f1c" * 16, "etcd", "CONTAINER_RUNNING"),),
        containers_error=None,
        tools=(tool,) if own_tool else (),
        has_python3=True,
        selinux_enforcing=False,
        architecture="x86_64",
    )


def cluster(workers: int = 1) -> Cluster:
    """prod-a, with three control-plane nodes."""
    return Cluster(
        "prod-a",
        tuple(node(number) for number in (1, 2, 3)),
        tuple(
            Node(f"worker-{number}", f"10.0.0.2{number}", Role.WORKER)
            for number in range(1, workers + 1)
        ),
    )


def facts(*nodes: NodeFacts) -> ClusterFacts:
    """Two of three members silent, or other nodes where given."""
    chosen = nodes or tuple(node_facts(number) for number in (1, 2, 3))
    return ClusterFacts(
        cluster=dataclasses.replace(cluster(), control_plane=tuple(n.node for n in chosen)),
        gathered_at=datetime(2026, 11, 22, 14, 2, tzinfo=UTC),
        nodes={n.node.name: n for n in chosen},
        unreachable={},
        members={},
        silent={n.node.name: "refused" for n in chosen},
    )


def with_quorum(lost: ClusterFacts) -> ClusterFacts:
    """The same cluster with every member answering."""
    members = {
        name: MemberStatus(name, number, 7, "3.5.16", 1, False, 2_097_152, 182_334, 4, 900)
        for number, name in enumerate(lost.nodes, 1)
    }
    return dataclasses.replace(lost, members=members, silent={})
