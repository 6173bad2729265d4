"""One of three nodes cannot be reached: two are restored, and the same run brings in the third."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml

from recovery.rehearsal.node.etcd_gateway import GatewayError
from tests.faults.lab import ROLL_BACK, KillPoint, Lab
from tests.rehearsal.waiting import wait_for

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(420)]

NOBODY_LISTENS = 1


def set_port(lab: Lab, node: int, port: int) -> int:
    """Change the SSH port in the inventory; the one that was there."""
    document = yaml.safe_load(lab.demo.inventory.read_text())
    ssh = document["clusters"][0]["controlPlane"][node]["ssh"]
    before: int = ssh["port"]
    ssh["port"] = port
    lab.demo.inventory.write_text(yaml.safe_dump(document))
    return before


def holds(lab: Lab, node: dict[str, Any]) -> dict[str, str] | None:
    """What this member has; None where it does not answer."""
    try:
        return lab.demo.contents(node)
    except GatewayError:
        return None


def test_two_of_three_are_restored_after_consent_and_the_third_comes_in_by_resume(lab: Lab) -> None:
    before = [run["id"] for run in lab.demo.json("runs", "list")["runs"]]
    port = set_port(lab, 2, NOBODY_LISTENS)

    for yes in ([], ["--acknowledge-warnings"], ["--without", "etcd-2"]):
        refused = lab.run("restore", "latest", *yes)
        assert refused.returncode == 3, refused.stderr
        assert "--without etcd-3" in refused.stderr
    assert [run["id"] for run in lab.demo.json("runs", "list")["runs"]] == before

    short = lab.run("restore", "latest", "--without", "etcd-3", *ROLL_BACK)
    assert short.returncode == 4, short.stderr[-4000:]
    assert "runs resume" in short.stderr
    assert lab.newest_run()["state"] == "interrupted"
    two = lab.demo.nodes()[:2]
    for node in two:
        assert lab.demo.contents(node) == lab.wanted
    lab.leave_mark("written-with-two")

    set_port(lab, 2, port)
    lab.good("runs", "resume")
    assert lab.newest_run()["state"] == "succeeded"
    assert lab.has_mark("written-with-two")
    health = json.loads(lab.demo.command("health", "-o", "json", "--wait", "30").stdout)
    assert health["healthy"] is True
    assert len({member["hash"] for member in health["members"]}) == 1


def test_a_node_that_dies_in_the_middle_is_left_out_and_brought_in_later(lab: Lab) -> None:
    dies_here = KillPoint("after", "action-ended", "stop-kubelet", 3)
    lab.restore_killed(dies_here)
    lab.fault("etcd-2", "off")

    alone = lab.run("runs", "resume", "--without", "etcd-2")
    assert alone.returncode == 4, alone.stderr[-4000:]
    assert "etcd-2" in str(lab.demo.command("runs", "show").stdout)
    for node in (lab.demo.nodes()[0], lab.demo.nodes()[2]):
        assert lab.demo.contents(node) == lab.wanted

    # It boots with its old data, and kubelet starts that by itself.
    lab.fault("etcd-2", "on")
    lab.good("runs", "resume")
    assert lab.newest_run()["state"] == "succeeded"
    lab.has_exactly_the_snapshot()
    lab.good("runs", "clean")


def test_a_node_whose_etcd_has_joined_by_itself_keeps_what_it_has_confirmed(lab: Lab) -> None:
    """With restored data instead it would have forgotten that, and never be let in by the others:
    `tocommit is out of range`.
    """
    lab.restore_killed(KillPoint("after", "action-ended", "set-data-aside", 3))
    lab.fault("etcd-3", "off")
    short = lab.run("runs", "resume", "--without", "etcd-3")
    assert short.returncode == 4, short.stderr[-4000:]

    # It boots, and kubelet starts etcd on the empty directory, as a member that the others know.
    lab.fault("etcd-3", "on")
    third = lab.demo.nodes()[2]
    wait_for(lambda: holds(lab, third) == lab.wanted, "etcd-3 to join by itself", 60)
    lab.leave_mark("confirmed-by-all")
    lab.good("runs", "resume")
    assert lab.newest_run()["state"] == "succeeded"
    assert lab.has_mark("confirmed-by-all")
    lab.good("runs", "clean")
