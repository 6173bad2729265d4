"""What members still hold themselves, as candidates beside the backups."""

from __future__ import annotations

import contextlib
import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from recovery.backups.catalog import RUNNING, STOPPED
from recovery.backups.model import Catalog, Integrity, Snapshot
from recovery.backups.reference import resolve_reference
from recovery.errors import RescueError
from recovery.incident import Incident
from recovery.rehearsal.breaking import Breakage
from tests.cluster_fixtures import RunningRehearsal, running_rehearsal


@pytest.fixture(scope="module")
def half_stopped() -> Iterator[RunningRehearsal]:
    """etcd-1 runs without a leader, etcd-2 and etcd-3 are stopped with their data whole."""
    with running_rehearsal(Breakage.NONE) as rehearsal:
        for node in rehearsal.cluster.control_plane[1:]:
            stopped = rehearsal.command(
                node, "systemctl stop kubelet && crictl rm -f $(crictl ps -q --name '^etcd$')"
            )
            assert stopped.returncode == 0, stopped.stderr
        yield rehearsal


@contextlib.asynccontextmanager
async def incident_of(rehearsal: RunningRehearsal, directory: Path) -> AsyncIterator[Incident]:
    environment = {**os.environ, "XDG_CACHE_HOME": str(directory), "XDG_STATE_HOME": str(directory)}
    async with Incident(rehearsal.cluster, environ=environment) as incident:
        yield incident


def of_member(catalog: Catalog, name: str) -> Snapshot:
    (found,) = [snapshot for snapshot in catalog.snapshots if snapshot.member == name]
    return found


async def test_each_member_that_has_data_is_a_candidate_behind_the_backups(
    half_stopped: RunningRehearsal, tmp_path: Path
) -> None:
    async with incident_of(half_stopped, tmp_path) as incident:
        catalog = await incident.list_snapshots()
    assert [snapshot.member for snapshot in catalog.snapshots][-3:] == [
        "etcd-1",
        "etcd-2",
        "etcd-3",
    ]
    assert of_member(catalog, "etcd-1").remark == RUNNING
    assert of_member(catalog, "etcd-2").remark == STOPPED
    assert catalog.places == 4


async def test_a_stopped_members_data_is_read_where_it_lies_and_has_no_hash(
    half_stopped: RunningRehearsal, tmp_path: Path
) -> None:
    async with incident_of(half_stopped, tmp_path) as incident:
        own = of_member(await incident.list_snapshots(), "etcd-3")
        judged = await incident.judge(own)
        assert judged.in_place
        assert judged.member == "etcd-3"
        assert judged.verdict.integrity is Integrity.NO_HASH
        fetched = await incident.verify(own)
        assert fetched.verdict == judged.verdict
        assert incident.catalog is not None
        assert of_member(incident.catalog, "etcd-3").revision == judged.verdict.revision


async def test_a_running_member_without_a_leader_gives_a_copy_with_a_hash(
    half_stopped: RunningRehearsal, tmp_path: Path
) -> None:
    async with incident_of(half_stopped, tmp_path) as incident:
        catalog = await incident.list_snapshots()
        running = await incident.verify(of_member(catalog, "etcd-1"))
        stopped = await incident.verify(of_member(catalog, "etcd-2"))
    assert running.verdict.integrity is Integrity.VERIFIED
    assert running.verdict.contents is not None
    assert stopped.verdict.contents is not None
    assert running.verdict.contents.revision >= stopped.verdict.contents.revision


async def test_the_latest_backup_is_never_a_members_own_data(
    half_stopped: RunningRehearsal, tmp_path: Path
) -> None:
    from recovery.backups.latest import newest_verified

    async with incident_of(half_stopped, tmp_path) as incident:
        catalog = await incident.list_snapshots()
        await incident.verify(of_member(catalog, "etcd-1"))
        assert incident.catalog is not None
        latest = await newest_verified(incident.catalog, incident.verify)
    assert latest.member is None


async def test_a_restore_from_own_data_has_to_be_acknowledged(
    half_stopped: RunningRehearsal, tmp_path: Path
) -> None:
    async with incident_of(half_stopped, tmp_path) as incident:
        judged = await incident.ready(of_member(await incident.list_snapshots(), "etcd-2"))
        checks = await incident.preflight(judged)
        (origin,) = [check for check in checks if check.name == "snapshot's origin"]
        assert origin.must_be_acknowledged
        plan = incident.plan(judged)
    assert plan.source.member == "etcd-2"
    assert any("write-ahead log" in warning for warning in plan.warnings)


async def test_own_data_is_named_by_its_place_on_the_command_line(
    half_stopped: RunningRehearsal, tmp_path: Path
) -> None:
    async with incident_of(half_stopped, tmp_path) as incident:
        own = of_member(await incident.list_snapshots(), "etcd-2")
        for catalog in (incident.catalog, None):
            judged = await incident.judge(resolve_reference(own.name, catalog))
            assert (judged.name, judged.member) == (own.name, "etcd-2")


async def test_a_wiped_member_is_no_candidate_and_a_wrecked_one_is_told_to_be_none(
    broken_rehearsal: RunningRehearsal, tmp_path: Path
) -> None:
    async with incident_of(broken_rehearsal, tmp_path) as incident:
        catalog = await incident.list_snapshots()
        members = [snapshot.member for snapshot in catalog.snapshots if snapshot.member]
        # etcd tries again and again to start on etcd-2, and may have begun a database meanwhile.
        assert [member for member in members if member != "etcd-2"] == ["etcd-1", "etcd-3"]
        with pytest.raises(RescueError):
            await incident.judge(of_member(catalog, "etcd-3"))
        wrecked = of_member(incident.catalog or catalog, "etcd-3")
        assert not wrecked.usable
