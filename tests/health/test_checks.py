"""The final checks against real members, over real SSH."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from recovery.cluster.etcd_client import connected
from recovery.cluster.facts import EtcdManifest
from recovery.health.checks import check_health, check_members, wait_until_healthy, waiting_for
from recovery.health.expected import Expected
from recovery.health.model import CLUSTER_SCOPE, Check, CheckStatus, HealthReport
from recovery.inventory.model import Cluster
from recovery.ssh.fleet import Fleet
from tests.cluster.etcd_members import RealCluster, real_cluster
from tests.cluster.node_programs import furnish, program
from tests.cluster.ssh_nodes import ssh_node
from tests.cluster.waiting import until_serving

NODE = {
    "metadata": {"labels": {"node-role.kubernetes.io/control-plane": ""}},
    "status": {"conditions": [{"type": "Ready", "status": "True"}]},
}


@pytest.fixture(scope="module")
def etcd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealCluster]:
    """Three members for the module."""
    with real_cluster(tmp_path_factory.mktemp("etcd")) as cluster:
        yield cluster


def kubectl(directory: Path, *, ready: bool = True, nodes: list[str]) -> None:
    """A kubectl that answers as an API server in that state would let it."""
    items = [{**NODE, "metadata": {"name": name}} for name in nodes]
    pods = [
        {
            "metadata": {"name": f"{part}-{name}"},
            "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]},
        }
        for name in nodes
        for part in ("etcd", "kube-apiserver")
    ]
    answer = "echo ok" if ready else "echo '[-]etcd failed: reason withheld' >&2; exit 1"
    (directory / "nodes.json").write_text(json.dumps({"items": items}))
    (directory / "pods.json").write_text(json.dumps({"items": pods}))
    program(
        directory,
        "kubectl",
        f'case "$*" in\n  *readyz*) {answer} ;;\n'
        f"  *'get nodes '*) cat '{directory}/nodes.json' ;;\n"
        f"  *'get pods '*) cat '{directory}/pods.json' ;;\n  *) exit 64 ;;\nesac",
    )


@asynccontextmanager
async def ground(
    etcd: RealCluster, root: Path
) -> AsyncIterator[tuple[Fleet, Cluster, dict[str, EtcdManifest]]]:
    """Nodes around the members, with a kubectl that says that all is well."""
    async with AsyncExitStack() as stack:
        nodes = []
        for name, member in etcd.members.items():
            (root / name).mkdir()
            paths = furnish(root / name, member, etcd.initial_cluster)
            kubectl(root / name, nodes=list(etcd.members))
            nodes.append(await stack.enter_async_context(ssh_node(name, root / name, paths)))
        cluster = Cluster("prod-a", tuple(nodes))
        fleet = await stack.enter_async_context(Fleet(cluster))
        await until_serving(etcd)
        yield fleet, cluster, {name: etcd.manifest(name) for name in etcd.members}


def bad(report: HealthReport | tuple[Check, ...]) -> dict[tuple[str, str], str]:
    checks = report if isinstance(report, tuple) else report.checks
    return {(c.scope, c.name): c.message for c in checks if c.status is not CheckStatus.OK}


async def test_a_healthy_cluster_passes_every_check_and_keeps_nothing_of_the_probe(
    etcd: RealCluster, tmp_path: Path
) -> None:
    heard: list[Check] = []
    async with ground(etcd, tmp_path) as (fleet, cluster, manifests):
        report = await check_health(fleet, cluster, manifests, on_check=heard.append)
    assert bad(report) == {}
    assert report.healthy
    assert set(heard) == set(report.checks)
    assert len({member.hash for member in report.members}) == 1
    assert sum(member.leader for member in report.members) == 1
    names = {check.name for check in report.checks if check.scope == "etcd-2"}
    assert names == {
        "answers a read",
        "member, leader, term",
        "revision",
        "HashKV",
        "alarms",
        "database size",
        "API server readyz",
        "kubelet",
    }
    member = etcd.members["etcd-1"]
    async with connected("etcd-1", member.target, member.certificates) as client:
        assert await client.count(b"/etcd-rescue/") == 0


async def test_a_dead_member_fails_and_what_depends_on_it_is_not_called_ok(
    etcd: RealCluster, tmp_path: Path
) -> None:
    async with ground(etcd, tmp_path) as (fleet, _, manifests):
        etcd.stop("etcd-3")
        try:
            await until_serving(etcd, "etcd-1", "etcd-2")
            checks = await check_members(fleet, manifests)
        finally:
            etcd.start("etcd-3")
    found = {(c.scope, c.name): c.status for c in checks}
    assert found["etcd-3", "answers a read"] is CheckStatus.FAILED
    assert found["etcd-3", "HashKV"] is CheckStatus.SKIPPED
    assert found["etcd-1", "HashKV"] is CheckStatus.OK
    assert found[CLUSTER_SCOPE, "a write"] is CheckStatus.OK


async def test_without_quorum_nothing_is_proven(etcd: RealCluster, tmp_path: Path) -> None:
    async with ground(etcd, tmp_path) as (fleet, cluster, manifests):
        etcd.stop("etcd-2", "etcd-3")
        try:
            report = await check_health(fleet, cluster, manifests)
        finally:
            etcd.start("etcd-2", "etcd-3")
    assert not report.healthy
    assert bad(report)[CLUSTER_SCOPE, "a write"] == "no member answers"
    assert "answers a read" in waiting_for(report)


async def test_a_node_that_cannot_be_reached_fails_with_the_reason_and_the_remedy(
    etcd: RealCluster, tmp_path: Path
) -> None:
    async with ground(etcd, tmp_path) as (_, cluster, manifests):
        nodes = list(cluster.control_plane)
        nodes[0] = replace(nodes[0], ssh=replace(nodes[0].ssh, known_hosts_file=Path("/dev/null")))
        known = {"etcd-2": manifests["etcd-2"]}
        async with Fleet(replace(cluster, control_plane=tuple(nodes))) as fleet:
            report = await check_health(fleet, cluster, known)
    unknown, unread = (
        next(c for c in report.checks if (c.scope, c.name) == (node, "answers a read"))
        for node in ("etcd-1", "etcd-3")
    )
    assert unknown.status is unread.status is CheckStatus.FAILED
    assert unknown.message.startswith("the host key is not known")
    assert "/dev/null" in unknown.remedy
    assert unread.message == "no etcd manifest could be read"
    (listed,) = (check for check in report.checks if check.name == "members")
    assert (listed.status, listed.message) == (CheckStatus.OK, "etcd-1, etcd-2, etcd-3")
    assert not report.healthy


async def test_the_restored_data_is_compared_with_the_snapshot(
    etcd: RealCluster, tmp_path: Path
) -> None:
    async with ground(etcd, tmp_path) as (fleet, cluster, manifests):
        member = etcd.members["etcd-1"]
        async with connected("etcd-1", member.target, member.certificates) as client:
            await client.put(b"/registry/pods/a/b", b"1")
            revision = await client.put(b"/registry/pods/a/c", b"1")
            keys = await client.count()
            await client.delete(b"/registry/pods/a/b")
        right = await check_health(fleet, cluster, manifests, Expected(revision, keys))
        assert bad(right) == {}
        fewer = await check_health(fleet, cluster, manifests, Expected(revision, keys + 1))
        assert bad(fewer) == {(CLUSTER_SCOPE, "restored objects"): f"{keys} of {keys + 1}"}
        ahead = await check_health(
            fleet, cluster, manifests, Expected(revision, keys, 1_000_000_000)
        )
        assert "is below the snapshot's" in bad(ahead)[CLUSTER_SCOPE, "restored revision"]
        assert not ahead.healthy
        async with connected("etcd-1", member.target, member.certificates) as client:
            await client.compact(await client.put(b"/registry/x", b"1"))
        later = await check_health(fleet, cluster, manifests, Expected(revision, keys))
        assert "in the snapshot" in bad(later)[CLUSTER_SCOPE, "restored objects"]
        assert later.healthy


async def test_kubernetes_trouble_is_named_by_node(etcd: RealCluster, tmp_path: Path) -> None:
    async with ground(etcd, tmp_path) as (fleet, cluster, manifests):
        kubectl(tmp_path / "etcd-1", ready=False, nodes=["etcd-1", "etcd-2"])
        (tmp_path / "etcd-2" / "bin" / "kubectl").unlink()
        program(tmp_path / "etcd-3", "systemctl", "echo inactive; exit 3")
        report = await check_health(fleet, cluster, manifests)
    found = bad(report)
    assert found["etcd-1", "API server readyz"] == "not ready: etcd"
    assert ("etcd-2", "API server readyz") in found
    assert found["etcd-3", "kubelet"] == "inactive"
    assert "etcd-3 is not in the API" in found[CLUSTER_SCOPE, "nodes"]


async def test_health_is_waited_for_and_what_for_is_said(etcd: RealCluster, tmp_path: Path) -> None:
    async with ground(etcd, tmp_path) as (fleet, cluster, manifests):
        kubectl(tmp_path / "etcd-1", ready=False, nodes=list(etcd.members))
        waits: list[str] = []

        def heal(words: str) -> None:
            waits.append(words)
            kubectl(tmp_path / "etcd-1", nodes=list(etcd.members))

        report = await wait_until_healthy(fleet, cluster, manifests, seconds=30, on_wait=heal)
        assert report.healthy
        assert waits == ["etcd-1, API server readyz: not ready: etcd"]
        kubectl(tmp_path / "etcd-1", ready=False, nodes=list(etcd.members))
        late = await wait_until_healthy(fleet, cluster, manifests, seconds=0)
        assert not late.healthy


async def test_members_that_hold_different_data_are_found_though_each_looks_healthy(
    tmp_path: Path,
) -> None:
    with real_cluster(tmp_path / "etcd") as etcd:
        await until_serving(etcd)
        one = etcd.members["etcd-1"]
        async with connected("etcd-1", one.target, one.certificates) as client:
            for number in range(20):
                await client.put(b"/k/%d" % number, b"same")
        two = etcd.members["etcd-2"]
        async with connected("etcd-2", two.target, two.certificates) as client:
            await client.read(b"/k/19")
            await client.defragment()
        etcd.stop("etcd-2")
        corrupt(two.data_dir / "member" / "snap" / "db")
        etcd.start("etcd-2")
        (tmp_path / "ground").mkdir()
        async with ground(etcd, tmp_path / "ground") as (fleet, _, manifests):
            checks = await check_members(fleet, manifests)
    found = {(c.scope, c.name): c for c in checks}
    assert found["etcd-2", "answers a read"].status is CheckStatus.OK
    assert found["etcd-2", "HashKV"].status is CheckStatus.FAILED
    assert "different data" in found["etcd-2", "HashKV"].meaning


def corrupt(database: Path) -> None:
    """Change a value in a stopped member's database, as a bad disk does."""
    data = database.read_bytes()
    assert b"same" in data
    database.write_bytes(data.replace(b"same", b"sane"))
