"""`rehearse` from outside: the demo's own backups, a file that needs no node, and its manners."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from recovery.rehearsal.trial.kept_trials import KeptTrials
from tests.end_to_end.demo_cluster import PROGRAM, Demo, clean_environment, running_demo
from tests.rehearsal.trials import nothing_is_left
from tests.snapshots.conftest import History, history

__all__ = ["history"]

INVENTORY = """
clusters:
- name: prod-a
  controlPlane:
  - {name: etcd-1, host: 192.0.2.1}
"""
"""A node that nobody has: asking it would take longer than a test may."""


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    with running_demo(tmp_path_factory.mktemp("home")) as running:
        yield running


def rehearse(directory: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command on an inventory whose nodes nobody can reach."""
    return subprocess.run(
        [*PROGRAM, "--inventory", str(inventory(directory)), "rehearse", *arguments],
        env=clean_environment(directory),
        capture_output=True,
        text=True,
        timeout=60,
    )


def inventory(directory: Path) -> Path:
    path = directory / "inventory.yaml"
    path.write_text(INVENTORY)
    return path


@pytest.mark.cluster
def test_the_latest_backup_of_the_demo_serves(demo: Demo) -> None:
    ran = demo.command("rehearse", "latest", "-o", "json")
    assert ran.returncode == 0, ran.stderr
    document = json.loads(ran.stdout)
    assert (document["cluster"], document["passed"]) == ("demo", True)
    told = demo.json("inspect", document["snapshot"])
    assert (document["revision"], document["liveKeys"]) == (told["revision"], told["liveKeys"])
    assert {check["status"] for check in document["checks"]} == {"ok"}
    assert nothing_is_left(demo.home / ".cache/etcd-rescue")
    kept = KeptTrials(demo.home / ".local/state/etcd-rescue")
    asyncio.run(kept.read())
    trial = kept.of(told["sha256"])
    assert trial is not None
    assert trial.passed


def test_a_file_on_this_machine_needs_no_node(history: History, tmp_path: Path) -> None:
    ran = rehearse(tmp_path, str(history.lived))
    assert ran.returncode == 0, ran.stderr
    stages = ran.stderr.splitlines()
    assert [line.split()[0] for line in stages] == ["●"] * 6
    assert "\x1b" not in ran.stderr
    first, *_, sentence = ran.stdout.splitlines()
    assert first.split() == ["STATUS", "WHERE", "CHECK", "SEEN"]
    assert sentence.startswith("It serves: 3 members, ")


def test_a_corrupt_file_is_bad_and_nothing_is_tried(history: History, tmp_path: Path) -> None:
    corrupt = tmp_path / "corrupt.db"
    corrupt.write_bytes(history.lived.read_bytes()[:-1000])
    ran = rehearse(tmp_path, str(corrupt), "-o", "json")
    assert (ran.returncode, ran.stdout) == (1, "")
    assert "corrupt" in ran.stderr


def test_a_directory_without_etcd_is_wrong_use_and_says_nothing_about_the_snapshot(
    history: History, tmp_path: Path
) -> None:
    ran = rehearse(tmp_path, str(history.small), "--etcd-dir", str(tmp_path))
    assert (ran.returncode, ran.stdout) == (2, "")
    assert "--etcd-dir" in ran.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_it_and_leaves_nothing(
    history: History, number: signal.Signals, tmp_path: Path
) -> None:
    # Whoever runs the tests in the background has had Ctrl-C ignored.
    listening = ("env", "--default-signal=INT")
    with subprocess.Popen(
        [
            *listening,
            *PROGRAM,
            "--inventory",
            str(inventory(tmp_path)),
            "rehearse",
            str(history.lived),
        ],
        env=clean_environment(tmp_path),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if "restore three members" in line:
                process.send_signal(number)
                break
        rest = process.stderr.read()
        assert process.wait(20) == 4
    assert "interrupted" in rest
    assert nothing_is_left(tmp_path / ".cache/etcd-rescue")


def test_json_is_one_document(history: History, tmp_path: Path) -> None:
    ran = rehearse(tmp_path, str(history.compacted), "-o", "json")
    document = json.loads(ran.stdout)
    assert document["cluster"] == "prod-a"
    statuses = {check["name"]: check["status"] for check in document["checks"]}
    assert (statuses["alarms"], statuses["a write"]) == ("warning", "skipped")
    assert [stage["state"] for stage in document["stages"]] == ["done"] * 6
    assert Path(document["location"]).samefile(history.compacted)
