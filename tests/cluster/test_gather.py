"""Facts from real SSH servers and real members; and the parts that read a node's answer."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from recovery.cluster.containers import read_containers
from recovery.cluster.diagnosis import diagnose
from recovery.cluster.facts import ClusterState, ServiceState
from recovery.cluster.gather import gather
from recovery.cluster.node_probe import api_server_endpoint, probe_script, read_probe, service_state
from recovery.cluster.node_words import node_summary
from recovery.inventory.model import Cluster, Node, NodePaths, SshOptions
from recovery.ssh.fleet import Fleet
from tests.cluster.etcd_members import RealCluster
from tests.cluster.node_programs import furnish, program
from tests.cluster.ssh_nodes import ssh_node
from tests.cluster.waiting import until_serving
from tests.ssh.servers import free_port


@asynccontextmanager
async def three_nodes(etcd: RealCluster, root: Path) -> AsyncIterator[Cluster]:
    """A node over SSH around each of the members."""
    async with AsyncExitStack() as stack:
        nodes = []
        for name, member in etcd.members.items():
            directory = root / name
            directory.mkdir()
            paths = furnish(directory, member, etcd.initial_cluster)
            nodes.append(await stack.enter_async_context(ssh_node(name, directory, paths)))
        yield Cluster("prod-a", tuple(nodes))


async def test_everything_is_read_from_every_node(
    etcd_cluster: RealCluster, tmp_path: Path
) -> None:
    await until_serving(etcd_cluster)
    heard: dict[str, str] = {}
    async with three_nodes(etcd_cluster, tmp_path) as cluster, Fleet(cluster) as fleet:
        facts = await gather(fleet, cluster, heard.__setitem__)
    assert diagnose(facts, cluster).label == "HEALTHY 3/3"
    assert sorted(heard.values()) == ["etcd running", "etcd running", "etcd running, leader"]
    assert len({member.cluster_id for member in facts.members.values()}) == 1
    for name, node in facts.nodes.items():
        member = etcd_cluster.members[name]
        assert node.hostname == name
        assert node.is_root == (os.geteuid() == 0)
        assert abs(node.clock_offset) < 2
        assert node.kubelet is ServiceState.ACTIVE
        assert node.manifest is not None
        assert node.manifest.member_name == name
        assert node.manifest.owner == f"{os.geteuid()}:{os.getegid()}"
        assert int(node.manifest.mode, 8) & 0o600 == 0o600
        data = node.data_dir
        assert data is not None
        assert data.path == str(member.data_dir.resolve())
        assert data.exists and data.member_exists and not data.is_mount
        assert data.database_size == (member.data_dir / "member/snap/db").stat().st_size
        assert data.database_modified_at is not None
        assert data.wal_files == 1
        assert data.device == data.parent_device == member.data_dir.stat().st_dev
        assert data.free > 0 and data.work_free > 0
        assert [c.name for c in node.containers if c.running] == ["etcd", "kube-apiserver"]
        assert node.containers_error is None
        assert node.api_server_port == 6443
        assert node.api_server_address == member.address
        assert node.architecture == os.uname().machine


async def test_a_dead_node_a_dead_member_and_a_lost_manifest_hide_nothing_else(
    etcd_cluster: RealCluster, tmp_path: Path
) -> None:
    await until_serving(etcd_cluster)
    async with three_nodes(etcd_cluster, tmp_path) as cluster:
        one, two, three = cluster.control_plane
        gone = replace(one, ssh=replace(one.ssh, port=free_port()))
        (tmp_path / "etcd-3" / "manifests" / "etcd.yaml").unlink()
        program(tmp_path / "etcd-3", "crictl", "echo 'cannot connect to containerd' >&2; exit 1")
        program(tmp_path / "etcd-3", "systemctl", "echo inactive; exit 4")
        etcd_cluster.stop("etcd-2")
        try:
            broken = Cluster("prod-a", (gone, two, three))
            async with Fleet(broken) as fleet:
                facts = await gather(fleet, broken)
        finally:
            etcd_cluster.start("etcd-2")
    assert set(facts.unreachable) == {"etcd-1"}
    assert "does not accept connections" in facts.silent["etcd-2"]
    assert facts.nodes["etcd-3"].manifest_error == "it is missing"
    assert "cannot connect to containerd" in (facts.nodes["etcd-3"].containers_error or "")
    assert facts.nodes["etcd-3"].kubelet is ServiceState.MISSING
    assert diagnose(facts, broken).state is ClusterState.UNREACHABLE


async def test_a_leader_that_has_just_lost_its_followers_is_not_believed(
    etcd_cluster: RealCluster, tmp_path: Path
) -> None:
    await until_serving(etcd_cluster)
    async with three_nodes(etcd_cluster, tmp_path) as cluster, Fleet(cluster) as fleet:
        before = await gather(fleet, cluster)
        leader = next(name for name, member in before.members.items() if member.is_leader)
        etcd_cluster.stop(*(name for name in etcd_cluster.members if name != leader))
        try:
            facts = await gather(fleet, cluster)
        finally:
            etcd_cluster.start(*(name for name in etcd_cluster.members if name != leader))
    assert diagnose(facts, cluster).label == "QUORUM LOST, DATA INTACT 1/3"
    assert node_summary(facts, leader) == "etcd running, no leader"
    await until_serving(etcd_cluster)


async def test_a_silent_host_holds_up_nobody_beyond_its_timeout(
    etcd_cluster: RealCluster, tmp_path: Path
) -> None:
    async def swallow(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await reader.read()

    mute = await asyncio.start_server(swallow, "127.0.0.1", 0)
    port = mute.sockets[0].getsockname()[1]
    heard: list[str] = []
    async with three_nodes(etcd_cluster, tmp_path) as cluster:
        slow = Node("etcd-9", "127.0.0.1", ssh=SshOptions(port=port, connect_timeout=1.5))
        with_slow = Cluster("prod-a", (slow, *cluster.control_plane))
        started = time.monotonic()
        async with Fleet(with_slow) as fleet:
            facts = await gather(fleet, with_slow, lambda name, _: heard.append(name))
        assert time.monotonic() - started < 8
    mute.close()
    assert set(facts.unreachable) == {"etcd-9"}
    assert len(facts.nodes) == 3
    assert len(heard) == 4


def run_probe(paths: NodePaths, data_dir: Path, shell: str = "sh") -> str:
    ended = subprocess.run(
        [*shell.split(), "-c", probe_script(paths, str(data_dir), "----m")],
        capture_output=True,
        text=True,
        check=True,
        timeout=30,
        env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"},
    )
    return ended.stdout


@pytest.mark.parametrize(
    "shell",
    [
        "sh",
        pytest.param(
            "busybox sh",
            marks=pytest.mark.skipif(not shutil.which("busybox"), reason="busybox is missing"),
        ),
    ],
)
def test_a_bare_node_answers_too(tmp_path: Path, shell: str) -> None:
    paths = NodePaths(
        manifests=str(tmp_path / "no manifests"), work=str(tmp_path / "it's" / "work")
    )
    answer = read_probe(run_probe(paths, tmp_path / "no" / "data", shell), "----m")
    assert answer.manifest_mode_and_owner is None
    assert answer.data_dir is not None
    assert not answer.data_dir.exists and not answer.data_dir.member_exists
    assert answer.data_dir.database_size is None
    assert answer.data_dir.device == tmp_path.stat().st_dev
    assert answer.containers == ()


def test_a_linked_data_directory_is_taken_where_it_really_is(tmp_path: Path) -> None:
    (tmp_path / "disk" / "etcd").mkdir(parents=True)
    (tmp_path / "etcd").symlink_to(tmp_path / "disk" / "etcd")
    answer = read_probe(run_probe(NodePaths(work=str(tmp_path)), tmp_path / "etcd"), "----m")
    assert answer.data_dir is not None
    assert answer.data_dir.path == str((tmp_path / "disk" / "etcd").resolve())


def test_a_mount_is_seen() -> None:
    answer = read_probe(run_probe(NodePaths(), Path("/proc")), "----m")
    assert answer.data_dir is not None
    assert answer.data_dir.is_mount


def test_an_answer_that_breaks_off_is_refused() -> None:
    output = run_probe(NodePaths(), Path("/var/lib/etcd"))
    with pytest.raises(ValueError, match="breaks off"):
        read_probe(output[: output.index("----m end")], "----m")


def test_what_a_file_contains_cannot_pass_for_the_nodes_answer(tmp_path: Path) -> None:
    manifest = tmp_path / "kube-apiserver.yaml"
    manifest.write_text("section facts\n---- facts\nhostname=evil\n")
    answer = read_probe(run_probe(NodePaths(manifests=str(tmp_path)), tmp_path), "----m")
    assert answer.hostname != "evil"


@pytest.mark.parametrize(
    ("word", "status", "state"),
    [
        ("active", "0", ServiceState.ACTIVE),
        ("inactive", "3", ServiceState.INACTIVE),
        ("inactive", "4", ServiceState.MISSING),
        ("activating", "3", ServiceState.FAILED),
        ("failed", "3", ServiceState.FAILED),
        ("missing", "0", ServiceState.MISSING),
        ("", "1", ServiceState.UNKNOWN),
    ],
)
def test_kubelets_state_is_what_systemd_says(word: str, status: str, state: ServiceState) -> None:
    assert service_state(word, status) is state


def test_a_listing_that_is_none_is_refused_in_words() -> None:
    assert read_containers("{}") == ()
    with pytest.raises(ValueError, match="JSON"):
        read_containers("FATA[0000] no socket")
    with pytest.raises(ValueError, match="lists no containers"):
        read_containers('{"containers": 3}')


def test_an_api_server_without_flags_has_the_usual_port() -> None:
    assert api_server_endpoint("") == (6443, None)
    text = "spec: {containers: [{name: kube-apiserver, command: [x, --secure-port=99999]}]}"
    assert api_server_endpoint(text) == (6443, None)
