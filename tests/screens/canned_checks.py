"""What the checks before and after a restore say."""

from __future__ import annotations

from collections.abc import Sequence

from recovery.health.leftovers import Leftover, LeftoverKind, Leftovers
from recovery.health.model import CLUSTER_SCOPE, Check, CheckStatus, HealthReport, MemberHealth
from recovery.health.preflight_cluster import ALIVE
from tests.screens.canned_cluster import MIB, NOW


def canned_preflight(*, failed: bool = False) -> tuple[Check, ...]:
    """Mostly well; one warning, and a failure on request."""
    checks = [
        Check("snapshot", CLUSTER_SCOPE, CheckStatus.OK, "sha256 matches, revision 182 334"),
        Check("same cluster", CLUSTER_SCOPE, CheckStatus.OK, "etcd-1, etcd-2, etcd-3 as here"),
        Check("quorum", CLUSTER_SCOPE, CheckStatus.OK, "lost: 1 of 3 members answers"),
    ]
    for number in (1, 2, 3):
        node = f"etcd-{number}"
        low = failed and number == 2
        checks += [
            Check("login", node, CheckStatus.OK, "root"),
            Check(
                "disk space",
                node,
                CheckStatus.FAILED if low else CheckStatus.OK,
                "310 MiB free, 552 MiB needed" if low else "38 GiB free",
                "The restored member and the old data lie side by side until clean-up."
                if low
                else "",
                "free 242 MiB on the filesystem of /var/lib/etcd on etcd-2" if low else "",
            ),
            Check("restore program", node, CheckStatus.OK, "etcdutl 3.5.16, bumps revisions"),
            Check("etcd.yaml", node, CheckStatus.OK, "understood"),
            Check(
                "clock",
                node,
                CheckStatus.WARNING if number == 3 else CheckStatus.OK,
                "4.2 s ahead of this machine" if number == 3 else "in step",
                "Leases can expire early while clocks differ." if number == 3 else "",
                "start chronyd on etcd-3, or go on: the restore itself does not need it"
                if number == 3
                else "",
            ),
        ]
    return tuple(checks)


def canned_living_quorum() -> Check:
    """What preflight says of a cluster that is not lost."""
    return Check(
        "quorum",
        CLUSTER_SCOPE,
        CheckStatus.WARNING,
        "DEGRADED 2/3: quorum is alive, the cluster is not lost",
        "A restore takes the API down and rolls everything back to the snapshot; all that was "
        "written since is gone: 14 hours, 1204 revisions (182334 in the snapshot, 183538 now).",
        "Do not restore: that would roll the cluster back. Repair or replace etcd-3. If it must "
        "be: `etcd-rescue backup now` takes a snapshot of what is there first",
        must_be_acknowledged=True,
        own_yes=ALIVE,
    )


def canned_health(*, starting: bool = False) -> HealthReport:
    """Three agreeing members; one API server may still be starting."""
    nodes = ("etcd-1", "etcd-2", "etcd-3")
    checks = []

    def on_nodes(name: str, messages: Sequence[str], meaning: str = "") -> None:
        for node, message in zip(nodes, messages, strict=True):
            checks.append(Check(name, node, CheckStatus.OK, message, meaning))

    on_nodes("answers a read", ("2 ms", "3 ms", "2 ms"))
    on_nodes("leader and term", ("leader, term 4", "term 4", "term 4"))
    on_nodes("revision", ("1000182334",) * 3)
    on_nodes(
        "HashKV", ("8a41 77e0",) * 3, "All members hold the same data, and it is the snapshot's."
    )
    on_nodes("alarms", ("none",) * 3)
    on_nodes("API server readyz", ("ok", "ok", "ok"))
    if starting:
        checks[-1] = Check(
            "API server readyz",
            "etcd-3",
            CheckStatus.FAILED,
            "starting, 14 s",
            "The API server has not finished its start-up checks.",
            "wait; after two minutes look at its container's log on etcd-3",
        )
    on_nodes("kubelet", ("running",) * 3)
    checks += [
        Check("kubelet", "worker-1", CheckStatus.OK, "running"),
        Check(
            "a write goes through",
            CLUSTER_SCOPE,
            CheckStatus.OK,
            "written once, read on every member",
            "A write was read back on every member.",
        ),
        Check("objects", CLUSTER_SCOPE, CheckStatus.OK, "23 104 of 23 104"),
        Check(
            "nodes",
            CLUSTER_SCOPE,
            CheckStatus.WARNING if not starting else CheckStatus.OK,
            "4 of 4 ready",
            remedy="the old data is kept: clean up once you trust the result",
        ),
    ]
    members = tuple(
        MemberHealth(node, 7 + n, "3.5.16", n == 0, False, 212 * MIB, 1000182334, 4, 90, 0x8A4177E0)
        for n, node in enumerate(nodes)
    )
    return HealthReport("prod-a", NOW, tuple(checks), members)


def canned_leftovers() -> Leftovers:
    """A worker that is gone since, and a pod that is newer than the snapshot."""
    return Leftovers(
        "2026-11-22T14:05:00Z",
        (
            Leftover(
                LeftoverKind.NODE_SILENT,
                "worker-9 is in the API, and does not report (NodeStatusUnknown), and it is not in "
                "the inventory",
                "It may have been taken out of the cluster after the snapshot was taken.",
                ("kubectl describe node worker-9", "ssh root@10.0.0.29 systemctl status kubelet"),
            ),
            Leftover(
                LeftoverKind.PODS_NOT_RECORDED,
                "1 pod runs on worker-1 that the API does not know: shop/web-7f9c4",
                "Newer than the snapshot.",
                ("crictl pods --namespace shop --name web-7f9c4  # on worker-1",),
            ),
        ),
        ("what runs on etcd-3: crictl is not on the PATH",),
    )
