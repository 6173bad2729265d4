"""A cluster that has lost its quorum, its snapshots, and what is in them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from recovery.backups.catalog import own_data
from recovery.backups.configuration import BackupSpec, LocalStorage, S3Storage
from recovery.backups.model import (
    Copy,
    Integrity,
    Record,
    Snapshot,
    StoreKind,
)
from recovery.cluster.facts import ClusterState, Diagnosis, NodeCommand
from recovery.inventory.model import Cluster, Node, Role
from recovery.snapshots.model import (
    CountedName,
    SnapshotContents,
    SnapshotMember,
)

NOW = datetime(2026, 11, 22, 14, 2, tzinfo=UTC)
MIB = 1024 * 1024


def canned_clock() -> datetime:
    """Always the same moment."""
    return NOW


def canned_cluster(name: str = "prod-a") -> Cluster:
    """Three control-plane nodes and a worker."""
    nodes = tuple(Node(f"etcd-{n}", f"10.0.0.1{n}") for n in (1, 2, 3))
    spec = BackupSpec(
        schedule="0 0 * * *",
        local=LocalStorage("/cpaas/backup", 7776000),
        s3=S3Storage("https://s3.example.com", "etcd", "eu-1", "prod-a"),
    )
    return Cluster(name, nodes, (Node("worker-1", "10.0.0.21", Role.WORKER),), spec)


def canned_snapshots() -> tuple[Snapshot, ...]:
    """Newest first: good, corrupt, good, cut short, one without a file."""
    return (
        _snapshot(datetime(2026, 11, 22, tzinfo=UTC), 212, (1, 2), s3=True),
        _snapshot(datetime(2026, 11, 21, tzinfo=UTC), 211, (1, 2, 3), s3=True),
        _snapshot(datetime(2026, 11, 20, tzinfo=UTC), 209, (1, 2, 3), s3=False),
        replace(
            _snapshot(datetime(2026, 11, 19, tzinfo=UTC), 97, (2,), s3=False),
            reason="the archive is cut short at byte 101 711 872 of 219 152 384",
            integrity=Integrity.CORRUPT,
        ),
        replace(
            _snapshot(datetime(2026, 11, 18, tzinfo=UTC), 0, (), s3=False, result="Failed"),
            reason="the record says Failed, and no file was found",
        ),
        _snapshot(datetime(2026, 11, 17, tzinfo=UTC), 204, (1, 3), s3=True),
        canned_own_data(),
    )


def canned_stopped() -> Diagnosis:
    """No etcd runs, and nothing is lost."""
    return Diagnosis(
        ClusterState.STARTABLE,
        0,
        3,
        "None of the 3 etcd members answers. The data of all 3 is intact.",
        "Start them before thinking of a restore, which would lose what was written since the "
        "snapshot: on etcd-1, etcd-2 and etcd-3, start kubelet (kubelet is stopped).",
        tuple(
            NodeCommand(f"etcd-{n}", "systemctl start kubelet", "it starts etcd") for n in (1, 2, 3)
        ),
        tuple(
            f"etcd-{n}: kubelet is stopped; there is no etcd container; its data in /var/lib/etcd "
            "is intact as far as its header tells: 230 MiB, written 3 min ago"
            for n in (1, 2, 3)
        ),
        ("The clock of etcd-2 is 240 s ahead of the others: set it.",),
    )


def canned_own_data() -> Snapshot:
    """What etcd-1, which runs without a leader, still holds."""
    path = "/var/lib/etcd/member/snap/db"
    written = NOW - timedelta(minutes=3)
    copy = Copy(StoreKind.MEMBER, path, 230 * MIB, written, node="etcd-1", in_use=True)
    (own,) = own_data([copy])
    return own


def _snapshot(
    taken: datetime, mib: int, nodes: Sequence[int], *, s3: bool, result: str = "Success"
) -> Snapshot:
    name = f"snapshot-etcd-{taken:%Y-%m-%d-%H%M%S}-10.0.0.11.tar"
    copies = [
        Copy(StoreKind.NODE, f"/cpaas/backup/{name}", mib * MIB, taken, node=f"etcd-{n}")
        for n in nodes
    ]
    if s3:
        copies.append(Copy(StoreKind.S3, f"prod-a/{name}", mib * MIB, taken, bucket="etcd"))
    return Snapshot(name, taken, tuple(copies), Record(name, taken, result))


def canned_contents(revision: int = 182334) -> SnapshotContents:
    """A cluster of some age."""
    counted = [
        ("events", 12004, 88), ("pods", 3120, 61), ("secrets", 2207, 12), ("configmaps", 1890, 21),
        ("replicasets", 1204, 9), ("leases", 611, 1), ("endpointslices", 604, 2),
        ("services", 588, 2), ("deployments", 402, 4), ("minions", 12, 1),
        ("apps.example.com/widgets", 462, 3),
    ]  # fmt: skip
    spaces = [
        ("kube-system", 9120, 70), ("shop", 5301, 51), ("cpaas-system", 4210, 40),
        ("monitoring", 2201, 22), ("ingress-nginx", 988, 8), ("default", 402, 2),
        ("very-long-namespace-of-the-payments-team-europe", 120, 1),
    ]  # fmt: skip
    return SnapshotContents(
        revision=revision,
        keys=24881,
        live_keys=23104,
        database_size=212 * MIB,
        cluster_version="3.5.16",
        members=tuple(
            SnapshotMember(n, f"etcd-{n}", (f"https://10.0.0.1{n}:2380",)) for n in (1, 2, 3)
        ),
        alarms=(),
        resources=tuple(CountedName(name, count, mib * MIB) for name, count, mib in counted),
        namespaces=tuple(CountedName(name, count, mib * MIB) for name, count, mib in spaces),
    )
