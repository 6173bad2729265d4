"""A node that booted in the middle of a restore may have joined the restored cluster by itself."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.rehearsal.trials import restorer_name
from tests.restore.node_disk import Disk, disk_fixture, good, stage
from tests.snapshots.conftest import History, history
from tests.snapshots.lone_etcd import CLEAN, programs

__all__ = ["disk_fixture", "history"]


def restored(snapshot: Path, target: Path, token: str) -> Path:
    """A member's directory as etcd's own tool makes it, in a cluster that this token tells."""
    subprocess.run(
        [
            *(programs() / restorer_name(), "snapshot", "restore", snapshot),
            *("--name", "etcd-1", "--initial-cluster", "etcd-1=https://10.0.0.11:2380"),
            *("--initial-advertise-peer-urls", "https://10.0.0.11:2380"),
            *("--initial-cluster-token", token, "--data-dir", target),
        ],
        env=CLEAN,
        check=True,
        capture_output=True,
        timeout=60,
    )
    return target / "member"


@pytest.fixture(name="booted")
def booted_fixture(disk: Disk, history: History) -> Disk:
    """The old data is set aside and the new one is staged."""
    stage(disk)
    restored(history.small, disk.staging / "restored", "this run")
    good(disk.run("set-aside", "set-data-aside"))
    return disk


def test_data_of_the_restored_cluster_stays_for_the_others_count_on_it(
    booted: Disk, tmp_path: Path
) -> None:
    member = booted.data_dir / "member"
    shutil.copytree(booted.staging / "restored/member", member)
    (member / "snap/db").write_bytes(b"what it has confirmed")
    for _ in range(2):
        good(booted.run("place", "place-member"))
        assert (member / "snap/db").read_bytes() == b"what it has confirmed"
    assert good(booted.run("place", "place-member", "probe"))
    (unused,) = booted.staging.glob("not-needed-*/member/snap/db")
    assert unused.stat().st_size > 1000
    good(booted.run("place", "place-member", "undo"))
    good(booted.run("set-aside", "set-data-aside", "undo"))
    assert (member / "snap/db").read_bytes() == b"the old data"
    kept = booted.staging / "restored/member/snap/db"
    assert kept.read_bytes() == b"what it has confirmed"


def test_data_of_a_cluster_that_it_has_begun_by_itself_gives_way(
    booted: Disk, history: History, tmp_path: Path
) -> None:
    restored(history.small, tmp_path / "begun", "its own")
    shutil.copytree(tmp_path / "begun/member", booted.data_dir / "member")
    (booted.data_dir / "member/snap/db").write_bytes(b"an empty beginning")
    good(booted.run("place", "place-member"))
    assert (booted.data_dir / "member/snap/db").stat().st_size > 1000
    (kept,) = booted.staging.glob("in-the-way-*/member/snap/db")
    assert kept.read_bytes() == b"an empty beginning"


@pytest.mark.parametrize("log", [b"", b"log", b"\x08\x01\x10" + b"\xff" * 99, b"\xff" * 200])
def test_a_log_that_cannot_be_read_is_nobodys(booted: Disk, log: bytes) -> None:
    member = booted.data_dir / "member"
    shutil.copytree(booted.staging / "restored/member", member)
    for each in (member / "wal").glob("*.wal"):
        each.write_bytes(b"\0" * 24 + log)
    (member / "snap/db").write_bytes(b"an empty beginning")
    good(booted.run("place", "place-member"))
    assert (member / "snap/db").stat().st_size > 1000
