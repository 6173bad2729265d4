"""Workers that the inventory does not list take part where they can be reached."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from recovery.health.model import CheckStatus
from recovery.inventory.model import Node, Role
from recovery.restore import unlisted_workers
from recovery.restore.plan_json import plan_facts
from recovery.restore.plan_loading import load_plan
from recovery.restore.planner import PlanOptions, plan
from recovery.restore.unlisted import unlisted_worker, with_unlisted
from recovery.restore.unlisted_workers import (
    UnlistedWorkers,
    find_unlisted_workers,
    worker_checks,
)
from recovery.ssh.fleet import Fleet
from tests.health.test_preflight import CONTENTS
from tests.restore.broken_cluster import SOURCE, cluster, facts

FOUND = unlisted_worker(cluster(), "worker-9", "10.0.0.29")


def test_an_unlisted_worker_is_reached_as_the_first_control_plane_node_is() -> None:
    assert FOUND.role is Role.WORKER
    assert (FOUND.name, FOUND.host) == ("worker-9", "10.0.0.29")
    assert FOUND.ssh == cluster().control_plane[0].ssh


def test_its_kubelet_is_restarted_with_the_others_and_the_question_counts_it() -> None:
    made = plan(facts(), SOURCE, PlanOptions("run-1", workers=(FOUND,)))
    restarts = made.step("kubelets").actions[-1]
    assert restarts.nodes == ("worker-1", "worker-9")
    gate = made.gate_before("kubelets")
    assert gate is not None
    assert "kubelet on 5 nodes" in gate.stops


def test_whoever_takes_the_run_up_again_knows_where_it_is() -> None:
    import json

    made = plan(facts(), SOURCE, PlanOptions("run-1", workers=(FOUND,)))
    loaded = load_plan(json.dumps(plan_facts(made)), "plan.json")
    whole = with_unlisted(cluster(), loaded)
    assert whole.node("worker-9") == FOUND
    assert with_unlisted(whole, loaded) is whole


def test_preflight_says_which_take_part_and_which_do_not() -> None:
    away = unlisted_worker(cluster(), "worker-8", "worker-8")
    found = UnlistedWorkers((FOUND,), ((away, "its name is not known"),), "the snapshot")
    part, no_part = worker_checks(found)
    assert (part.status, part.message) == (CheckStatus.OK, "worker-9, from the snapshot")
    assert no_part.status is CheckStatus.WARNING
    assert "worker-8: its name is not known" in no_part.message
    assert not list(worker_checks(UnlistedWorkers()))


async def test_where_no_api_server_answers_the_snapshot_tells_which_workers_there_are(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def why_not(node: Node) -> str:
        return "" if node.name == "worker-7" else "its name is not known"

    monkeypatch.setattr(unlisted_workers, "_why_not", why_not)
    nodes = ("etcd-1", "etcd-2", "etcd-3", "worker-1", "worker-7", "worker-8")
    contents = replace(CONTENTS, nodes=(*nodes, "-oProxyCommand=x", "a b"))
    async with Fleet(cluster()) as fleet:
        found = await find_unlisted_workers(fleet, cluster(), {}, contents)
    assert [node.name for node in found.reached] == ["worker-7"]
    assert [node.name for node, _ in found.out_of_reach] == ["worker-8"]
    assert found.found_in == "the snapshot"


async def test_many_workers_are_asked_a_few_at_a_time_and_within_a_limit(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    at_once, most = 0, 0

    async def why_not(node: Node) -> str:
        nonlocal at_once, most
        at_once += 1
        most = max(most, at_once)
        try:
            await asyncio.sleep(30 if node.name.endswith("9") else 0)
        finally:
            at_once -= 1
        return ""

    monkeypatch.setattr(unlisted_workers, "_why_not", why_not)
    monkeypatch.setattr(unlisted_workers, "_AT_ONCE", 4)
    monkeypatch.setattr(unlisted_workers, "_ALL_SECONDS", 0.3)
    nodes = [unlisted_worker(cluster(), f"worker-{n}", "10.0.0.1") for n in range(100)]
    told = {node.name: why for node, why in await unlisted_workers._reach(nodes)}
    assert most == 4
    assert len(told) == 100
    assert told["worker-0"] == ""
    assert told["worker-99"] == unlisted_workers.NOT_ASKED
