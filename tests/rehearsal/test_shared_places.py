"""Backup directories that another cluster writes to as well, and backups dated in the future."""

from __future__ import annotations

import io
import json
import os
import subprocess
import tarfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from recovery.backups.naming import is_backup_name, write_name
from recovery.backups.scheduled_backups import ScheduledBackups
from recovery.inventory.model import Cluster
from recovery.rehearsal.kubernetes_keys import first_keys
from recovery.rehearsal.node.layout import NodeLayout
from tests.cluster_fixtures import RunningRehearsal
from tests.end_to_end.demo_cluster import PROGRAM, clean_environment
from tests.snapshots.lone_etcd import LoneEtcd

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(300)]

_AT_ONCE = 100


def snapshot_of_another(
    directory: Path, names: tuple[str, ...], host: str, authority: str = ""
) -> bytes:
    """A real snapshot of a cluster whose nodes are called so."""
    directory.mkdir()
    layouts = [NodeLayout(Path("/"), name, host, worker=False) for name in names]
    pairs: list[tuple[str, str | bytes]] = list(first_keys(layouts, authority))
    with LoneEtcd(directory) as etcd:
        for first in range(0, len(pairs), _AT_ONCE):
            etcd.put_many(pairs[first : first + _AT_ONCE])
        return etcd.save(directory / "saved.db").read_bytes()


def put_in(directory: Path, name: str, database: bytes) -> str:
    """The database packed, as a backup of that name."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        entry = tarfile.TarInfo("snapshot.db")
        entry.size = len(database)
        archive.addfile(entry, io.BytesIO(database))
    (directory / name).write_bytes(packed.getvalue())
    return name


class Bastion:
    """The program's commands, from a home that is nobody's."""

    def __init__(self, rehearsal: RunningRehearsal, home: Path) -> None:
        self.rehearsal, self.home = rehearsal, home
        self.node = rehearsal.cluster.control_plane[0]
        self.backups = Path(str(self.node.paths.backups))

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*PROGRAM, "--inventory", self.rehearsal.inventory_path, *arguments],
            env=clean_environment(self.home),
            capture_output=True,
            text=True,
            timeout=200,
        )

    def entry(self, name: str) -> dict[str, Any]:
        listed = json.loads(self.run("snapshots", "-o", "json").stdout)["snapshots"]
        found: dict[str, Any] = next(one for one in listed if one["name"] == name)
        return found


@pytest.fixture(name="bastion")
def bastion_fixture(broken_rehearsal: RunningRehearsal, tmp_path: Path) -> Bastion:
    return Bastion(broken_rehearsal, tmp_path)


def in_hours(hours: int) -> datetime:
    return datetime.now(UTC).replace(microsecond=0) + timedelta(hours=hours)


def test_latest_takes_none_of_another_cluster_lists_mark_it_and_a_restore_of_it_is_refused(
    bastion: Bastion,
) -> None:
    best = json.loads(bastion.run("inspect", "latest", "-o", "json").stdout)["name"]
    # Written a moment ago, and with an address that the other cluster has in common by accident.
    database = snapshot_of_another(bastion.home / "other", ("db-1", "db-2"), "10.9.0.1")
    near = put_in(bastion.backups, write_name(in_hours(0), bastion.node.host), database)
    far = put_in(bastion.backups, write_name(in_hours(0), "10.9.0.1"), database)
    try:
        ran = bastion.run("inspect", "latest", "-o", "json")
        assert json.loads(ran.stdout)["name"] == best
        theirs = "it is another cluster's: its nodes are db-1, db-2"
        assert f"passed over {near}: {theirs}" in ran.stderr
        assert f"passed over {far}: its name carries 10.9.0.1" in ran.stderr

        table = bastion.run("snapshots").stdout
        assert theirs in table
        entry = bastion.entry(near)
        assert (entry["anotherClusters"], entry["usable"]) == ("yes", False)

        yes = ("--confirm", "demo", "--acknowledge-warnings", "--snapshot-is-ours")
        refused = bastion.run("restore", near, *yes)
        assert refused.returncode == 3, refused.stderr
        assert "is among its 2 nodes" in refused.stderr
    finally:
        (bastion.backups / near).unlink()
        (bastion.backups / far).unlink()


def test_a_cluster_of_the_same_names_and_another_ca_wants_a_yes_of_its_own(
    bastion: Bastion,
) -> None:
    names = tuple(node.name for node in bastion.rehearsal.cluster.control_plane)
    etcds = bastion.rehearsal.cluster.control_plane[0].paths.pki
    authority = (Path(etcds) / "ca.crt").read_text()
    database = snapshot_of_another(bastion.home / "twin", names, "10.9.0.1", authority)
    twin = put_in(bastion.backups, write_name(in_hours(0), bastion.node.host), database)
    try:
        ran = bastion.run("inspect", "latest", "-o", "json")
        assert json.loads(ran.stdout)["name"] != twin
        assert f"passed over {twin}: it was taken of a cluster with another CA" in ran.stderr
        half = bastion.run("restore", twin, "--confirm", "demo", "--acknowledge-warnings")
        assert half.returncode == 3
        assert "add --snapshot-is-ours" in half.stderr
    finally:
        (bastion.backups / twin).unlink()


def test_latest_passes_over_one_dated_in_the_future_whose_revision_is_an_old_one(
    bastion: Bastion,
) -> None:
    listed = json.loads(bastion.run("snapshots", "-o", "json").stdout)["snapshots"]
    best = json.loads(bastion.run("inspect", "latest", "-o", "json").stdout)["name"]
    # The oldest one, as a node would name it whose clock is wrong.
    oldest = min(one["name"] for one in listed if one["copies"])
    assert is_backup_name(oldest)
    assert oldest != best
    wrong = write_name(in_hours(24 * 400), bastion.node.host)
    os.link(bastion.backups / oldest, bastion.backups / wrong)
    try:
        ran = bastion.run("inspect", "latest", "-o", "json")
        assert json.loads(ran.stdout)["name"] == best
        assert f"passed over {wrong}: its time" in ran.stderr
        assert bastion.entry(wrong)["datedAhead"] is True
        assert "its time has not come yet" in bastion.run("snapshots").stdout
    finally:
        (bastion.backups / wrong).unlink()


async def test_the_scheduler_takes_neither_of_them_for_the_newest_backup(bastion: Bastion) -> None:
    def cluster() -> Cluster:
        return bastion.rehearsal.cluster

    environment = {"HOME": str(bastion.home), "PATH": "/usr/bin:/bin"}
    known = await ScheduledBackups(cluster, environment).newest()
    assert known is not None
    names = (write_name(in_hours(0), "10.9.0.1"), write_name(in_hours(24 * 400), bastion.node.host))
    for name in names:
        (bastion.backups / name).write_bytes(b"of somebody, or of some time")
    try:
        assert await ScheduledBackups(cluster, environment).newest() == known
    finally:
        for name in names:
            (bastion.backups / name).unlink()
