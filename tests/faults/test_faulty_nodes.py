"""Nodes that misbehave in the middle of a restore: it says so, stops or waits, and is taken up."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.faults.lab import ROLL_BACK, Lab

EVERY = os.environ.get("ETCD_RESCUE_FAULTS") == "every"
only_every = pytest.mark.skipif(not EVERY, reason="minutes of waiting: ETCD_RESCUE_FAULTS=every")

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(1800 if EVERY else 420)]

DISK = 400 * 2**20


@contextmanager
def disk_of_its_own(directory: Path) -> Iterator[Path]:
    """A small filesystem on an empty directory; skips where none may be mounted."""
    mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK},mode=0700", "tmpfs", str(directory)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True).returncode != 0:
        pytest.skip("only root may mount a filesystem of its own here")
    try:
        yield directory
    finally:
        subprocess.run(["umount", "--lazy", directory], check=True)


def resize(disk: Path, size: int) -> None:
    """Give that filesystem more room or less; at once, so that no file can get ahead of it."""
    subprocess.run(["mount", "-o", f"remount,size={size}", disk], check=True)


def failures(events: str) -> dict[str, str]:
    """Why actions failed, by node."""
    told = [json.loads(line) for line in events.splitlines()]
    ended = [event for event in told if event["event"] == "action-ended"]
    return {event["node"]: event["message"] for event in ended if event["outcome"] == "failed"}


def test_a_disk_that_fills_up_in_the_middle_is_named_and_nothing_has_changed(lab: Lab) -> None:
    work = Path(lab.demo.nodes()[1]["paths"]["work"])
    work.mkdir(exist_ok=True)
    with disk_of_its_own(work) as disk:
        running = lab.start("restore", "latest", *ROLL_BACK, "--events", "json")
        lab.wait_for_event(running, "step-ended", "preflight")
        resize(disk, 2**16)
        _, err = running.communicate(timeout=200)
        assert running.returncode == 1, err[-3000:]
        last = json.loads(err.splitlines()[-1])
        assert "runs resume" in last["message"] and "rollback" in last["message"]
        told = failures(err)
        assert re.search("no space left|disk is full", told["etcd-2"].lower()), told
        assert set(told) == {"etcd-2"}
        failed = lab.newest_run()
        assert (failed["state"], failed["step"]) == ("failed", "stage")

        resize(disk, DISK)
        lab.good("runs", "rollback")
        assert lab.newest_run()["state"] == "rolled-back"
        lab.old_data_came_back_unchanged()


def test_a_restore_meets_fault_after_fault_and_ends_at_exactly_the_snapshot(lab: Lab) -> None:
    lab.fault("etcd-2", "kubelet-stays")
    stopped = lab.run("restore", "latest", *ROLL_BACK)
    assert stopped.returncode == 1, stopped.stderr[-3000:]
    assert "etcd-2  Job for kubelet.service canceled." in stopped.stderr
    assert "runs resume" in stopped.stderr.splitlines()[-1]
    assert lab.newest_run()["step"] == "stop"

    lab.fault("etcd-2", "none")
    lab.fault("etcd-1", "slow")
    lab.fault("etcd-1", "etcd-breaks")
    lab.fault("etcd-3", "noisy")
    running = lab.start("runs", "resume", "--events", "json")
    lab.wait_for_event(running, "action-ended", "set-data-aside")
    lab.fault("etcd-2", "reboot")
    _, err = running.communicate(timeout=200)
    assert running.returncode == 1, err[-3000:]
    assert "kubelet was started again" in err
    assert "runs resume" in json.loads(err.splitlines()[-1])["message"]

    running = lab.start("runs", "resume", "--events", "json")
    lab.wait_for_event(running, "action-started", "etcd-formed")
    lab.wait_for_words(running, "etcd-1", "waiting: ")
    lab.fault("etcd-1", "none")
    out, err = running.communicate(timeout=300)
    assert running.returncode == 0, (out, err[-4000:])
    lab.has_exactly_the_snapshot()
    run = lab.newest_run()
    assert run["state"] == "succeeded"
    noise = (lab.demo.runs / str(run["id"]) / "etcd-3.log").read_text()
    assert "noise" in noise and "bytes left out here" in noise
    assert not any(ord(sign) < 32 and sign not in "\n\t" for sign in noise)
    assert "\u202e" not in noise
    lab.fault("etcd-3", "none")
    lab.good("runs", "clean")


@only_every
@pytest.mark.parametrize("fault", ["kubelet-hangs", "etcd-breaks"])
def test_what_does_not_come_right_ends_the_run_and_the_way_back_leads_to_what_was_there(
    lab: Lab, fault: str
) -> None:
    lab.leave_mark(fault)
    lab.fault("etcd-2", fault)
    failed = lab.run("restore", "latest", *ROLL_BACK, seconds=900)
    assert failed.returncode == 1, failed.stderr[-3000:]
    assert "runs rollback" in failed.stderr.splitlines()[-1]
    lab.fault("etcd-2", "none")
    lab.good("runs", "rollback")
    assert lab.newest_run()["state"] == "rolled-back"
    lab.old_data_came_back_unchanged()
    assert lab.has_mark(fault)
    lab.good("runs", "clean")


@only_every
@pytest.mark.parametrize(
    "action", ["restore-member", "stop-kubelet", "remove-containers", "place-member"]
)
def test_a_node_may_boot_at_any_moment(lab: Lab, action: str) -> None:
    running = lab.start("restore", "latest", *ROLL_BACK, "--events", "json")
    lab.wait_for_event(running, "action-ended", action)
    lab.fault("etcd-3", "reboot")
    _, err = running.communicate(timeout=400)
    if running.returncode != 0:
        assert "runs resume" in json.loads(err.splitlines()[-1])["message"]
        lab.good("runs", "resume")
    lab.has_exactly_the_snapshot()
    lab.good("runs", "clean")


@only_every
def test_a_node_that_is_gone_for_good_is_waited_for_and_then_left_out(lab: Lab) -> None:
    running = lab.start("restore", "latest", *ROLL_BACK, "--without", "etcd-3", "--events", "json")
    lab.wait_for_event(running, "action-ended", "set-data-aside")
    lab.fault("etcd-3", "off")
    _, err = running.communicate(timeout=900)
    assert running.returncode == 4, err[-3000:]
    for node in lab.demo.nodes()[:2]:
        assert lab.demo.contents(node) == lab.wanted
    lab.fault("etcd-3", "on")
    lab.good("runs", "resume")
    lab.has_exactly_the_snapshot()
    lab.good("runs", "clean")
