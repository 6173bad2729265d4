"""Members that would wait for each other are started one after another, and none waits for long."""

from __future__ import annotations

import asyncio
import dataclasses
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest

from recovery.cluster.facts import ClusterFacts, Version
from recovery.cluster.manifest import read_manifest
from recovery.rehearsal.manifests import etcd_manifest
from recovery.rehearsal.node.layout import NodeLayout
from recovery.restore.delivering import Moved, Say
from recovery.restore.events import ActionStarted, Event, Outcome
from recovery.restore.node_work import NodeWorker, Try, WorkResult
from recovery.restore.operator import NodeFailure
from recovery.restore.plan import Action, NodeWork, Plan
from recovery.restore.planner import PlanOptions, plan
from recovery.restore.run import PlanRun
from recovery.restore.run_record import RunRecord
from recovery.restore.runbook import runbook_markdown
from recovery.restore.script import node_script
from recovery.restore.steps import s08_start
from tests.restore.broken_cluster import SOURCE, facts, node_facts
from tests.restore.test_run import ScriptedOperator, ScriptedWatcher

METRICS = ("http://127.0.0.1:2381",)


def comparing(*, metrics: tuple[str, ...] = METRICS) -> ClusterFacts:
    nodes = []
    for number in (1, 2, 3):
        one = node_facts(number)
        assert one.manifest is not None
        manifest = dataclasses.replace(
            one.manifest, compares_at_start=True, listen_metrics_urls=metrics
        )
        nodes.append(dataclasses.replace(one, manifest=manifest))
    return facts(*nodes)


def starting(planned: Plan) -> Action:
    return next(a for a in planned.step("start").actions if a.id == "start-kubelet")


class SlowFirst:
    """Stands where nodes would be: the first fails, or waits until the last has begun."""

    def __init__(self, *, first_fails: bool = False, first_waits: bool = False) -> None:
        self.last_has_begun = asyncio.Event()
        self.order: list[str] = []
        self._first_fails = first_fails
        self._first_waits = first_waits

    async def do(self, work: NodeWork, this: Try, *, say: Say, moved: Moved) -> WorkResult:
        if this.action != "start-kubelet":
            return WorkResult(Outcome.DONE)
        self.order.append(f"begin {work.node}")
        if work.node == "etcd-3":
            self.last_has_begun.set()
        if work.node == "etcd-1" and self._first_fails:
            failure = NodeFailure(work.node, "kubelet did not start", 1, "")
            return WorkResult(Outcome.FAILED, 1, failure)
        if work.node == "etcd-1" and self._first_waits:
            await self.last_has_begun.wait()
        self.order.append(f"end {work.node}")
        return WorkResult(Outcome.DONE)


def run_of(planned: Plan, directory: Path, worker: SlowFirst, events: list[Event]) -> PlanRun:
    return PlanRun(
        planned,
        RunRecord.of_new_run(directory, planned),
        cast("NodeWorker", worker),
        ScriptedWatcher(),
        ScriptedOperator(),
        events.append,
    )


def test_members_that_compare_at_their_start_are_started_one_after_another(tmp_path: Path) -> None:
    planned = plan(comparing(), SOURCE, PlanOptions("run-1"))
    worker, events = SlowFirst(), list[Event]()
    assert asyncio.run(run_of(planned, tmp_path, worker, events).execute()) is Outcome.DONE
    nodes = ("etcd-1", "etcd-2", "etcd-3")
    assert worker.order == [f"{word} {node}" for node in nodes for word in ("begin", "end")]
    begun = [e.node for e in events if isinstance(e, ActionStarted) and e.action == "start-kubelet"]
    assert begun == list(nodes)


def test_a_node_that_takes_long_holds_up_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(s08_start, "PATIENCE_SECONDS", 0.1)
    monkeypatch.setattr(s08_start, "_SPARE_SECONDS", 0.0)
    planned = plan(comparing(), SOURCE, PlanOptions("run-1"))
    worker = SlowFirst(first_waits=True)
    outcome = asyncio.run(asyncio.wait_for(run_of(planned, tmp_path, worker, []).execute(), 20))
    assert outcome is Outcome.DONE
    assert worker.order[-1] == "end etcd-1"


def test_a_node_whose_kubelet_does_not_start_does_not_keep_the_others_from_starting(
    tmp_path: Path,
) -> None:
    planned = plan(comparing(), SOURCE, PlanOptions("run-1"))
    worker = SlowFirst(first_fails=True)
    assert asyncio.run(run_of(planned, tmp_path, worker, []).execute()) is Outcome.FAILED
    assert worker.order[1:] == ["begin etcd-2", "end etcd-2", "begin etcd-3", "end etcd-3"]


@pytest.mark.parametrize("planned_with", [facts(), comparing(metrics=())])
def test_members_that_wait_for_nobody_are_started_at_once(planned_with: ClusterFacts) -> None:
    action = starting(plan(planned_with, SOURCE, PlanOptions("run-1")))
    assert action.apart == 0
    assert all("MOST_TRIES" not in work.script for work in action.works)


def test_the_plan_says_why_they_start_one_after_another() -> None:
    action = starting(plan(comparing(), SOURCE, PlanOptions("run-1")))
    assert "One node after another" in action.reason
    assert action.apart > s08_start.PATIENCE_SECONDS


def test_the_runbook_says_that_they_start_one_after_another() -> None:
    text = runbook_markdown(plan(comparing(), SOURCE, PlanOptions("run-1")))
    assert text.count("On etcd-1, etcd-2, etcd-3, one after another:") == 1


@pytest.mark.parametrize(
    ("line", "compares"),
    [
        ("", False),
        ("    - --experimental-initial-corrupt-check=true\n", True),
        ("    - --experimental-initial-corrupt-check=false\n", False),
        ("    - --feature-gates=StopGRPCServiceOnDefrag=true,InitialCorruptCheck=true\n", True),
        ("    - --feature-gates=InitialCorruptCheck=false\n", False),
    ],
)
def test_the_manifest_says_whether_a_member_compares_at_its_start(
    line: str, compares: bool
) -> None:
    layout = NodeLayout(Path("/node"), "etcd-1", "10.0.0.11")
    text = etcd_manifest(layout, [layout], Version(3, 5, 16), "existing")
    as_kubeadm_has_it = "    - --experimental-initial-corrupt-check=true\n"
    assert as_kubeadm_has_it in text
    text = text.replace(as_kubeadm_has_it, line)
    assert read_manifest("etcd.yaml", text, "600", "0:0").compares_at_start is compares


@pytest.fixture(name="listener")
def listener_fixture() -> Iterator[socket.socket]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        yield listener


def seeing(listener: socket.socket, tries: str) -> str:
    """The part of the script that looks for the metrics listener, alone."""
    from recovery.restore.listening import WHO_LISTENS, listening_patterns

    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    return node_script(
        s08_start._SEE_IT_SERVE.replace("@WHO_LISTENS@", WHO_LISTENS.strip()),
        urls=url,
        sockets=" ".join(listening_patterns([url])),
        most_tries=tries,
    )


def test_the_script_sees_that_the_member_has_come_up(listener: socket.socket) -> None:
    began = subprocess.Popen(
        ["sh", "-c", seeing(listener, "200")], stdout=subprocess.PIPE, text=True
    )
    listener.listen()
    out, _ = began.communicate(timeout=30)
    assert began.returncode == 0
    assert out == "etcd answers the other members\n"


def test_a_member_that_does_not_come_up_soon_is_no_failure(listener: socket.socket) -> None:
    begun = time.monotonic()
    ran = subprocess.run(
        ["sh", "-c", seeing(listener, "2")], capture_output=True, text=True, timeout=30
    )
    assert (ran.returncode, ran.stdout) == (0, "")
    assert time.monotonic() - begun < 20
