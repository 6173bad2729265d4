"""What the restored API remembers is compared with what is there, and said with commands."""

from __future__ import annotations

import asyncio
import json

import pytest

from recovery.cluster.kubernetes_objects import KubeNode, PlacedPod, read_placed_pods
from recovery.errors import NodeError
from recovery.health import looking_for_leftovers
from recovery.health.leftovers import LeftoverKind, RunningPod, compare_with_reality
from recovery.health.looking_for_leftovers import running_pods
from tests.restore.broken_cluster import cluster

NAMES = ("etcd-1", "etcd-2", "etcd-3", "worker-1")
ALL_WELL = tuple(KubeNode(name, True, "", False, "10.0.0.9") for name in NAMES)


def test_nothing_is_left_over_where_all_fits() -> None:
    pods = [PlacedPod("shop", "web-1", "worker-1", "Running")]
    assert (
        compare_with_reality(cluster(), ALL_WELL, pods, {"worker-1": [RunningPod("shop", "web-1")]})
        == ()
    )


def test_a_node_that_is_gone_and_its_pods_are_named_with_commands() -> None:
    gone = KubeNode("old-7", False, "NodeStatusUnknown", False, "10.0.0.77")
    pods = [PlacedPod("shop", f"web-{n}", "old-7", "Running") for n in range(7)]
    node, held = compare_with_reality(cluster(), (*ALL_WELL, gone), pods, {})
    assert node.kind is LeftoverKind.NODE_SILENT
    assert "not in the inventory" in node.what
    assert "ssh root@10.0.0.77 systemctl status kubelet" in node.commands
    assert held.kind is LeftoverKind.PODS_ON_GONE_NODES
    assert "7 pods are recorded as running on old-7" in held.what
    assert "and 2 more" in held.what
    assert "spec.nodeName=old-7" in held.commands[0]


def test_pods_of_a_node_without_an_entry_in_the_api_are_on_a_gone_node() -> None:
    pods = [PlacedPod("shop", "web-1", "old-7", "Running"), PlacedPod("a", "b", "", "Pending")]
    (held,) = compare_with_reality(cluster(), ALL_WELL, pods, {})
    assert held.kind is LeftoverKind.PODS_ON_GONE_NODES


def test_a_node_of_the_inventory_that_the_snapshot_does_not_know_is_said() -> None:
    (missing,) = compare_with_reality(cluster(), ALL_WELL[:3], [], {})
    assert missing.kind is LeftoverKind.NODE_NOT_RECORDED
    assert missing.what.startswith("worker-1 is in the inventory")


def test_a_worker_that_nobody_listed_gets_the_command_that_restarts_its_kubelet() -> None:
    stranger = KubeNode("worker-2", True, "", False, "10.0.0.22")
    (found,) = compare_with_reality(cluster(), (*ALL_WELL, stranger), [], {})
    assert found.kind is LeftoverKind.NODE_NOT_LISTED
    assert "ssh root@10.0.0.22 systemctl restart kubelet" in found.commands


def test_pods_newer_than_the_snapshot_and_pods_that_no_longer_run_are_told_apart() -> None:
    pods = [PlacedPod("shop", "old", "worker-1", "Running")]
    running = {"worker-1": [RunningPod("shop", "new")]}
    not_running, not_recorded = compare_with_reality(cluster(), ALL_WELL, pods, running)
    assert not_running.kind is LeftoverKind.PODS_NOT_RUNNING
    assert "shop/old" in not_running.what
    assert not_recorded.kind is LeftoverKind.PODS_NOT_RECORDED
    assert not_recorded.commands == ("crictl pods --namespace shop --name new  # on worker-1",)


def test_what_crictl_lists_is_read_and_nonsense_is_an_error() -> None:
    labels = {"io.kubernetes.pod.name": "web", "io.kubernetes.pod.namespace": "shop"}
    listing = json.dumps({"containers": [{"labels": labels}, {"labels": {}}, 7]})
    assert running_pods(listing, "n") == (RunningPod("shop", "web"),)
    with pytest.raises(NodeError):
        running_pods("oops", "n")


def test_the_table_of_pods_is_read_line_by_line() -> None:
    table = "shop   web-1   worker-1   Running\nshop   web-2   <none>   Pending\n\nwarning\n"
    assert read_placed_pods(table) == (
        PlacedPod("shop", "web-1", "worker-1", "Running"),
        PlacedPod("shop", "web-2", "", "Pending"),
    )


async def test_nodes_that_hang_do_not_stretch_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    async def no_servers(*_: object) -> dict[str, object]:
        return {}

    async def hang(*_: object, **__: object) -> None:
        await asyncio.Event().wait()

    class Hanging:
        async def each(self, *_: object) -> dict[str, object]:
            try:
                await asyncio.Event().wait()
            finally:
                await asyncio.sleep(30)  # as a command does whose node is gone
            return {}

    monkeypatch.setattr(looking_for_leftovers, "api_servers", no_servers)
    monkeypatch.setattr(looking_for_leftovers, "first_answer", hang)
    monkeypatch.setattr(looking_for_leftovers, "SECONDS", 0.05)
    monkeypatch.setattr(looking_for_leftovers, "_ENDING", 0.05)
    async with asyncio.timeout(5):
        told = await looking_for_leftovers.look_for_leftovers(Hanging(), cluster(), {})  # type: ignore[arg-type]
    assert told.not_seen == ("the nodes took longer than 0 s",)
