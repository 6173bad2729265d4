"""Nodes that misbehave in the middle of a restore: it says so, stops or waits, and is taken up."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.end_to_end.demo_cluster import running_demo
from tests.faults.lab import Lab

EVERY = os.environ.get("ETCD_RESCUE_FAULTS") == "every"
only_every = pytest.mark.skipif(not EVERY, reason="minutes of waiting: ETCD_RESCUE_FAULTS=every")

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(1800 if EVERY else 420)]

DISK = 400 * 2**20
TAKEN = 370 * 2**20
"""What is left is less than the write-ahead log of a restored member."""


@pytest.fixture(name="lab", scope="module")
def lab_fixture(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with running_demo(tmp_path_factory.mktemp("home")) as demo:
        yield Lab(demo, tmp_path_factory.mktemp("scratch"))


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


def test_a_disk_that_fills_up_in_the_middle_is_named_and_nothing_has_changed(lab: Lab) -> None:
    node = lab.demo.nodes()[1]
    with disk_of_its_own(Path(node["paths"]["dataDir"])) as disk:
        running = lab.start("restore", "latest", "--acknowledge-warnings", "--events", "json")
        lab.wait_for_event(running, "step-started", "stage")
        with (disk / "grows").open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, TAKEN)
        _, err = running.communicate(timeout=200)
        assert running.returncode == 1, err[-3000:]
        last = json.loads(err.splitlines()[-1])
        assert "runs resume" in last["message"] and "rollback" in last["message"]
        assert "no space left on device" in err.lower()
        failed = lab.newest_run()
        assert (failed["state"], failed["step"]) == ("failed", "restore")

        (disk / "grows").unlink()
        lab.good("runs", "rollback")
        assert lab.newest_run()["state"] == "rolled-back"
        assert not list(disk.glob(".etcd-rescue-*/aside")), "something was set aside"


def test_a_restore_meets_fault_after_fault_and_ends_at_exactly_the_snapshot(lab: Lab) -> None:
    lab.fault("etcd-2", "kubelet-stays")
    stopped = lab.run("restore", "latest", "--acknowledge-warnings")
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
