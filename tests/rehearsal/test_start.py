"""The rehearsal cluster comes up as an operator would find it."""

from __future__ import annotations

import asyncio
import os
import shutil
import stat
from pathlib import Path

import pytest

from recovery.rehearsal.breaking import Breakage
from recovery.rehearsal.launcher import launched_rehearsal
from recovery.rehearsal.node.etcd_gateway import GatewayError
from tests.cluster_fixtures import RunningRehearsal, running_rehearsal
from tests.rehearsal.etcd_doors import member, serves, status

pytestmark = pytest.mark.cluster

_ETCD_DIRECTORIES = [
    Path(entry) for entry in os.environ.get("ETCD_RESCUE_TEST_ETCD_DIRS", "").split(":") if entry
]


def test_it_is_up_within_fifteen_seconds(broken_rehearsal: RunningRehearsal) -> None:
    assert sum(broken_rehearsal.timings.values()) < 15


def test_a_healthy_one_is_one_cluster_of_three(healthy_rehearsal: RunningRehearsal) -> None:
    nodes = healthy_rehearsal.cluster.control_plane
    listed = [member(node).call("/v3/cluster/member/list", {}) for node in nodes]
    for answer in listed:
        members = answer["members"]
        assert isinstance(members, list)
        assert {m["name"]: m["peerURLs"] for m in members} == {
            node.name: [f"https://{node.host}:2380"] for node in nodes
        }
    leaders = {str(status(node)["leader"]) for node in nodes}
    assert len(leaders) == 1


def test_members_hold_several_thousand_keys(healthy_rehearsal: RunningRehearsal) -> None:
    for node in healthy_rehearsal.cluster.control_plane:
        answer = member(node).call(
            "/v3/kv/range", {"key": "AA==", "range_end": "AA==", "count_only": True}
        )
        assert 3000 < int(str(answer["count"])) < 10_000


def test_kubectl_sees_every_node_ready(healthy_rehearsal: RunningRehearsal) -> None:
    first = healthy_rehearsal.cluster.control_plane[0]
    deadline = asyncio.run(_ready_nodes(healthy_rehearsal, first.name))
    assert deadline == ["etcd-1", "etcd-2", "etcd-3", "worker-1"]


async def _ready_nodes(rehearsal: RunningRehearsal, name: str) -> list[str]:
    node = rehearsal.cluster.node(name)
    async with asyncio.timeout(20):
        while True:
            answer = await asyncio.to_thread(
                rehearsal.command, node, "kubectl get nodes --no-headers"
            )
            rows = [line.split() for line in answer.stdout.splitlines()]
            ready = sorted(row[0] for row in rows if len(row) > 1 and row[1] == "Ready")
            if len(ready) == 4:
                return ready
            await asyncio.sleep(0.2)


def test_manifests_differ_by_node_as_kubeadms_do(broken_rehearsal: RunningRehearsal) -> None:
    nodes = broken_rehearsal.cluster.control_plane
    texts = [Path(node.paths.etcd_manifest).read_text() for node in nodes]
    for number, text in enumerate(texts, 1):
        listed = ",".join(f"{node.name}=https://{node.host}:2380" for node in nodes[:number])
        assert f"- --initial-cluster={listed}\n" in text
    assert "--initial-cluster-state" not in texts[0]
    assert all("- --initial-cluster-state=existing\n" in text for text in texts[1:])


def test_private_keys_are_private(broken_rehearsal: RunningRehearsal) -> None:
    directory = broken_rehearsal.directory
    secrets = [
        *directory.glob("nodes/*/etc/kubernetes/pki/**/*.key"),
        *directory.glob("nodes/*/etc/kubernetes/*.conf"),
        directory / "client_key",
        directory / "aws-credentials",
    ]
    assert len(secrets) > 20
    assert {stat.S_IMODE(path.stat().st_mode) for path in secrets} == {0o600}
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700


async def test_two_run_side_by_side_and_tell_their_phases_while_they_start() -> None:
    told: list[str] = []
    async with launched_rehearsal(on_phase=told.append) as one, launched_rehearsal() as other:
        assert one.directory != other.directory
        assert one.inventory_path.is_file()
        assert other.inventory_path.is_file()
    assert not one.directory.exists()
    assert not other.directory.exists()
    assert told[0] == "making certificates"
    assert told[-1] == "breaking the cluster"


@pytest.mark.parametrize("etcd_dir", _ETCD_DIRECTORIES, ids=str)
@pytest.mark.parametrize("way", (Breakage.NONE, Breakage.QUORUM_LOST), ids=lambda way: way.value)
def test_every_supported_etcd_runs_it(etcd_dir: Path, way: Breakage) -> None:
    with running_rehearsal(way, etcd_dir=etcd_dir) as rehearsal:
        first = rehearsal.cluster.control_plane[0]
        assert serves(first) is (way is Breakage.NONE)


def test_what_is_done_on_a_node_leaves_the_installed_programs_alone(
    broken_rehearsal: RunningRehearsal,
) -> None:
    """A node's programs are files of its own, not the package's."""
    node = broken_rehearsal.cluster.control_plane[0]
    programs = [path for path in Path(node.paths.containerd).rglob("etcd*") if path.is_file()]
    assert {path.name for path in programs} >= {"etcd", "etcdctl"}
    inodes = {(path.stat().st_dev, path.stat().st_ino) for path in programs}
    from recovery.rehearsal.etcd_binaries import find_etcd

    installed = find_etcd()
    for source in (installed.etcd, installed.etcdctl, installed.etcdutl):
        if source is not None:
            assert (source.stat().st_dev, source.stat().st_ino) not in inodes


def test_a_member_without_its_certificate_is_not_answered(
    healthy_rehearsal: RunningRehearsal,
) -> None:
    node = healthy_rehearsal.cluster.control_plane[0]
    curl = shutil.which("curl")
    if curl is None:
        pytest.skip("curl is not installed")
    answer = healthy_rehearsal.command(
        node, f"{curl} --silent --max-time 3 --insecure https://{node.host}:2379/version"
    )
    assert answer.returncode != 0
    assert serves(node)


def test_a_dead_gateway_is_an_error_not_an_answer(broken_rehearsal: RunningRehearsal) -> None:
    with pytest.raises(GatewayError):
        status(broken_rehearsal.cluster.control_plane[1])
