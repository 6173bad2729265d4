"""From one control-plane node to an inventory: on a cluster that is well, and on a dead one."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from recovery.errors import HostKeyError, NodeError
from recovery.inventory.discovery import Discovered, FoundNode, Reach, discover
from recovery.inventory.load import load_inventory
from recovery.inventory.model import Cluster, Node, SshOptions
from recovery.inventory.writing import discovered_text
from tests.cluster_fixtures import (
    RunningRehearsal,
    clean_environment,
    healthy_rehearsal,
)

__all__ = ["healthy_rehearsal"]

pytestmark = pytest.mark.cluster


@pytest.fixture(scope="module")
def dead_rehearsal(healthy_rehearsal: RunningRehearsal) -> Iterator[RunningRehearsal]:
    """The same cluster, after no member and no API server runs any more."""
    for node in healthy_rehearsal.cluster.control_plane:
        stop = "systemctl stop kubelet; crictl stop $(crictl ps -q)"
        healthy_rehearsal.command(node, stop)
    yield healthy_rehearsal


def first_of(rehearsal: RunningRehearsal) -> Node:
    """etcd-1 as somebody knows it who knows nothing but how to log in."""
    known = rehearsal.cluster.control_plane[0]
    shared = rehearsal.cluster.control_plane[0].ssh
    ssh = SshOptions(shared.user, shared.port, shared.identity_file, shared.known_hosts_file)
    return Node(known.host, known.host, ssh=ssh)


def without_backups(cluster: Cluster) -> Cluster:
    """Where the rehearsal keeps backups is its own, and nobody could find it out."""

    def plain(nodes: tuple[Node, ...]) -> tuple[Node, ...]:
        return tuple(replace(n, paths=replace(n.paths, backups=None)) for n in nodes)

    return replace(cluster, control_plane=plain(cluster.control_plane), workers=())


def loaded(found: Discovered, tmp_path: Path) -> Cluster:
    """What the program would make of the printed inventory."""
    path = tmp_path / "printed.yaml"
    path.write_text(discovered_text(found, found.name, "Read by a test."))
    return load_inventory(path).clusters[0]


async def test_a_cluster_is_found_from_one_node(
    healthy_rehearsal: RunningRehearsal, tmp_path: Path
) -> None:
    heard: list[FoundNode] = []
    found = await discover(first_of(healthy_rehearsal), {"HOME": str(tmp_path)}, heard.append)
    expected = healthy_rehearsal.cluster
    assert found.remarks == ()
    assert [n.node.name for n in found.nodes] == ["etcd-1", "etcd-2", "etcd-3", "worker-1"]
    assert all(n.reach is Reach.REACHED for n in found.nodes)
    assert {n.node.name for n in heard if n.reach is Reach.ASKING} >= {"etcd-2", "worker-1"}
    cluster = loaded(found, tmp_path)
    assert without_backups(replace(cluster, s3_credentials=expected.s3_credentials)) == (
        without_backups(expected)
    )
    assert [node.host for node in cluster.workers] == [node.host for node in expected.workers]


async def test_a_node_that_cannot_be_logged_in_to_is_in_the_inventory_with_a_remark(
    healthy_rehearsal: RunningRehearsal, tmp_path: Path
) -> None:
    first = first_of(healthy_rehearsal)
    assert first.ssh.known_hosts_file
    lines = first.ssh.known_hosts_file.read_text().splitlines(keepends=True)
    fewer = tmp_path / "known_hosts"
    fewer.write_text("".join(lines[:2] + lines[3:]))
    ssh = replace(first.ssh, known_hosts_file=fewer)
    found = await discover(replace(first, ssh=ssh), {"HOME": str(tmp_path)})
    unknown = found.nodes[2]
    assert isinstance(unknown.error, HostKeyError)
    text = discovered_text(found, "prod-a", "Read by a test.")
    assert "# etcd-3 could not be asked" in text
    assert [node.name for node in loaded(found, tmp_path).control_plane] == [
        "etcd-1",
        "etcd-2",
        "etcd-3",
    ]


async def test_a_worker_is_no_place_to_begin(
    healthy_rehearsal: RunningRehearsal, tmp_path: Path
) -> None:
    worker = healthy_rehearsal.cluster.workers[0]
    with pytest.raises(NodeError, match="no control-plane node"):
        await discover(replace(worker, name=worker.host), {"HOME": str(tmp_path)})


def test_the_command_prints_an_inventory_and_nothing_else(
    healthy_rehearsal: RunningRehearsal, tmp_path: Path
) -> None:
    first = first_of(healthy_rehearsal)
    ran = subprocess.run(
        [
            *(sys.executable, "-m", "tui.command_line", "discover"),
            f"{first.ssh.user}@{first.host}:{first.ssh.port}",
            *("--identity-file", str(first.ssh.identity_file)),
            *("--known-hosts", str(first.ssh.known_hosts_file)),
            *("--name", "prod-a"),
        ],
        env={**clean_environment(), "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert ran.returncode == 0, ran.stderr
    assert "4 of 4 nodes answered" in ran.stderr
    path = tmp_path / "printed.yaml"
    path.write_text(ran.stdout)
    assert load_inventory(path).clusters[0].name == "prod-a"


async def test_a_dead_cluster_is_found_from_the_data_of_its_member(
    dead_rehearsal: RunningRehearsal, tmp_path: Path
) -> None:
    found = await discover(first_of(dead_rehearsal), {"HOME": str(tmp_path)})
    assert found.name == "demo"
    assert [n.node.name for n in found.nodes] == ["etcd-1", "etcd-2", "etcd-3", "worker-1"]
    assert found.backup == dead_rehearsal.cluster.backup
    assert any("member/snap/db on etcd-1 knows it" in remark for remark in found.remarks)
    assert loaded(found, tmp_path).workers[0].host == dead_rehearsal.cluster.workers[0].host


async def test_without_any_data_manifests_are_all_there_is_and_that_is_said(
    dead_rehearsal: RunningRehearsal, tmp_path: Path
) -> None:
    """kubeadm's first node lists only itself; the last one lists all."""
    first, _, last = dead_rehearsal.cluster.control_plane
    for node in (first, last):
        dead_rehearsal.command(node, f"mv {node.paths.data_dir}/member {node.paths.data_dir}/gone")
    alone = await discover(first_of(dead_rehearsal), {"HOME": str(tmp_path)})
    assert [n.node.name for n in alone.nodes] == ["etcd-1"]
    assert any("may list only some of the members" in remark for remark in alone.remarks)
    every = await discover(
        replace(first_of(dead_rehearsal), name=last.host, host=last.host), {"HOME": str(tmp_path)}
    )
    assert [n.node.name for n in every.nodes] == ["etcd-1", "etcd-2", "etcd-3"]
    assert "# no backup configuration was found" in discovered_text(every, "prod-a", "By a test.")
