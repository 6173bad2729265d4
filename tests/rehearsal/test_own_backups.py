"""Backups taken without the platform, from real members, to real nodes and a real S3 server."""

from __future__ import annotations

import asyncio
import hashlib
import os
import subprocess
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from recovery.backups import own_backups, taking
from recovery.backups.choosing_member import members_to_ask
from recovery.backups.model import Copy, Integrity, Snapshot
from recovery.backups.naming import is_backup_name
from recovery.backups.s3_store import S3Store
from recovery.backups.tar_spool import TarSpool
from recovery.errors import DiskError, EtcdError, StoreError, TakenOverError
from recovery.restore import cluster_lock
from recovery.restore.lock import LockedError
from recovery.ssh.fleet import Fleet
from tests.cluster_fixtures import RunningRehearsal
from tests.rehearsal.etcd_doors import member, serves, status
from tests.rehearsal.own_backups import (
    backups_on,
    contents_of,
    incident_of,
    leader_of,
    names_on,
    nothing_half_written,
    restored_etcd,
    taken,
)
from tests.rehearsal.waiting import wait_for
from tests.snapshots.lone_etcd import text64

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(300)]

Held = Callable[[Callable[[], None]], None]


@pytest.fixture
def writes(healthy_rehearsal: RunningRehearsal) -> Iterator[threading.Event]:
    """Somebody writes to the cluster all the time; the event is set after the first ones."""
    door = member(healthy_rehearsal.cluster.control_plane[0])
    stop, begun = threading.Event(), threading.Event()

    def write() -> None:
        number = 0
        while not stop.is_set():
            key, value = f"/registry/load/{number % 50}", f"{number} {'x' * 400}"
            door.call("/v3/kv/put", {"key": text64(key), "value": text64(value)}, 10)
            number += 1
            if number == 20:
                begun.set()

    writing = threading.Thread(target=write)
    writing.start()
    yield begun
    stop.set()
    writing.join()


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> Iterator[Held]:
    """Hold the stream at its first bytes while something is done; called with what is done."""
    act: list[Callable[[], None]] = []
    whole = TarSpool.write

    def write(spool: TarSpool, part: bytes) -> None:
        whole(spool, part)
        if act:
            act.pop()()

    monkeypatch.setattr(TarSpool, "write", write)
    yield act.append


async def test_a_backup_under_write_load_restores_to_what_the_cluster_held_at_its_revision(
    healthy_rehearsal: RunningRehearsal, writes: threading.Event, tmp_path: Path
) -> None:
    cluster = healthy_rehearsal.cluster
    assert await asyncio.to_thread(writes.wait, 20)
    done = await taken(cluster, tmp_path)
    result = done.result
    assert result.everywhere
    assert result.member != leader_of(cluster).name
    assert len(result.copies) == 4
    for node in cluster.control_plane:
        assert not (Path(node.paths.work) / "lock").exists()
    nothing_half_written(cluster, tmp_path)

    packed = backups_on(cluster.control_plane[2]) / result.name
    assert hashlib.sha256(packed.read_bytes()).hexdigest() == result.sha256
    restored = await asyncio.to_thread(restored_etcd, packed, tmp_path)
    with restored as lone:
        expected = contents_of(member(cluster.control_plane[0]), result.revision)
        assert contents_of(lone, result.revision) == expected
        assert len(expected) == result.live_keys


async def test_the_catalog_knows_it_as_verified_and_recorded_and_another_machine_as_recorded(
    healthy_rehearsal: RunningRehearsal, tmp_path: Path
) -> None:
    cluster = healthy_rehearsal.cluster
    done = await taken(cluster, tmp_path)

    async def seen_from(directory: Path) -> Snapshot:
        async with incident_of(cluster, directory) as incident:
            catalog = await incident.list_snapshots()
        return next(each for each in catalog.snapshots if each.name == done.result.name)

    here, elsewhere = await seen_from(tmp_path), await seen_from(tmp_path / "other")
    assert here.integrity is Integrity.VERIFIED
    assert here.revision == done.result.revision
    assert elsewhere.integrity is Integrity.UNVERIFIED
    for each in (here, elsewhere):
        assert each.record is not None
        assert each.record.succeeded
        assert each.record.backup_timestamp == done.result.taken_at
        assert len(each.copies) == 4


async def test_a_node_and_an_s3_server_out_of_reach_are_named_and_the_others_have_it(
    healthy_rehearsal: RunningRehearsal, tmp_path: Path
) -> None:
    cluster = healthy_rehearsal.cluster
    assert cluster.backup is not None
    assert cluster.backup.s3 is not None
    first, second, third = cluster.control_plane
    away = replace(second, ssh=replace(second.ssh, port=1))
    s3 = replace(cluster.backup.s3, endpoint="http://127.0.0.1:1")
    done = await taken(
        replace(
            cluster,
            control_plane=(first, away, third),
            backup=replace(cluster.backup, s3=s3),
        ),
        tmp_path,
    )
    assert not done.result.everywhere
    node, bucket = done.result.failures
    assert node.location.startswith("etcd-2:")
    assert node.remedy
    assert "refuses the connection" in bucket.message
    assert done.result.name in names_on(first)
    assert done.result.name in names_on(third)
    assert done.result.name not in names_on(second)


async def test_a_fault_of_one_place_does_not_cost_what_the_others_have(
    healthy_rehearsal: RunningRehearsal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An S3 server may answer in ways that nobody thought of."""

    async def without_etag(*_: object) -> Copy:
        raise KeyError("ETag")

    monkeypatch.setattr(S3Store, "put", without_etag)
    done = await taken(healthy_rehearsal.cluster, tmp_path)
    assert [copy.node for copy in done.result.copies] == ["etcd-1", "etcd-2", "etcd-3"]
    assert [each.message for each in done.result.failures] == ["KeyError: 'ETag'"]


async def test_where_no_place_takes_it_that_is_an_error_and_is_recorded(
    healthy_rehearsal: RunningRehearsal, tmp_path: Path
) -> None:
    cluster = healthy_rehearsal.cluster
    assert cluster.backup is not None
    nowhere = tmp_path / "a-file"
    nowhere.write_text("")
    nodes = tuple(
        replace(node, paths=replace(node.paths, backups=f"{nowhere}/backups"))
        for node in cluster.control_plane
    )
    broken = replace(cluster, control_plane=nodes, backup=replace(cluster.backup, s3=None))
    with pytest.raises(StoreError) as caught:
        await taken(broken, tmp_path)
    assert "no place took it" in caught.value.what
    async with incident_of(broken, tmp_path) as incident:
        (record,) = await incident.own_backups.records.read_here()
    assert record.result.startswith("Failed: ")
    nothing_half_written(cluster, tmp_path)


async def test_a_leader_that_loses_its_office_while_it_streams_gives_a_whole_backup(
    healthy_rehearsal: RunningRehearsal,
    held: Held,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    cluster = healthy_rehearsal.cluster
    leader = leader_of(cluster)
    heir = next(node for node in cluster.control_plane if node != leader)
    heir_id = dict(status(heir)["header"])["member_id"]  # type: ignore[call-overload]

    def move() -> None:
        member(leader).call("/v3/maintenance/transfer-leadership", {"targetID": heir_id}, 10)

    held(move)
    monkeypatch.setattr(taking, "members_to_ask", lambda facts, of: (leader.name,))
    done = await taken(cluster, tmp_path)
    assert leader_of(cluster).name == heir.name
    assert done.result.member == leader.name
    assert done.result.everywhere


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Ground for the cache with a megabyte of room."""
    mounted = tmp_path / "cache"
    mounted.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", mounted], capture_output=True
    )
    if done.returncode:
        pytest.skip("only root may mount a file system")
    yield mounted
    subprocess.run(["umount", "-l", mounted], check=True)


@pytest.mark.usefixtures("small_disk")
@pytest.mark.parametrize("looks_first", [True, False])
async def test_a_full_disk_here_ends_it_with_the_remedy_and_leaves_nothing(
    healthy_rehearsal: RunningRehearsal,
    looks_first: bool,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    cluster = healthy_rehearsal.cluster
    before = [names_on(node) for node in cluster.control_plane]
    if not looks_first:
        monkeypatch.setattr(taking, "packed_size", lambda size: 0)
    with pytest.raises(DiskError) as caught:
        await taken(cluster, tmp_path)
    assert "room" in caught.value.what or "disk is full" in caught.value.what
    assert "XDG_CACHE_HOME" in caught.value.remedy
    assert [names_on(node) for node in cluster.control_plane] == before
    nothing_half_written(cluster, tmp_path)


async def test_what_no_member_gives_whole_is_written_nowhere(
    healthy_rehearsal: RunningRehearsal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster = healthy_rehearsal.cluster
    before = [names_on(node) for node in cluster.control_plane]
    whole = TarSpool.write

    def damaged(spool: TarSpool, part: bytes) -> None:
        whole(spool, part.replace(b'"amount"', b'"amOunt"'))

    monkeypatch.setattr(TarSpool, "write", damaged)
    with pytest.raises(EtcdError) as caught:
        await taken(cluster, tmp_path)
    assert "hash" in caught.value.what
    assert [names_on(node) for node in cluster.control_plane] == before


async def test_while_somebody_else_works_on_the_cluster_none_is_taken(
    healthy_rehearsal: RunningRehearsal, tmp_path: Path
) -> None:
    cluster = healthy_rehearsal.cluster
    works = {node.name: node.paths.work for node in cluster.control_plane}
    async with Fleet(cluster) as fleet:
        other = cluster_lock.ClusterLock(fleet, cluster.name, works, "20261122-1200-abcd")
        await other.take()
        before = names_on(cluster.control_plane[0])
        with pytest.raises(LockedError):
            await taken(cluster, tmp_path)
        assert names_on(cluster.control_plane[0]) == before
        await other.give_back()
        assert await cluster_lock.look_for_holder(fleet, cluster.name, works) is None


async def test_whoever_takes_the_cluster_over_ends_the_backup(
    healthy_rehearsal: RunningRehearsal,
    held: Held,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    cluster = healthy_rehearsal.cluster
    monkeypatch.setattr(cluster_lock, "KEEP_SECONDS", 0.1)
    work = Path(cluster.control_plane[0].paths.work)
    lost = threading.Event()

    def take_over() -> None:
        lock = work / "lock"
        (work / "lock.theirs").write_text("0123456789abcdef\n{}\n")
        (work / "lock.theirs").replace(lock)
        lost.wait(3)

    held(take_over)
    try:
        with pytest.raises(TakenOverError):
            await taken(cluster, tmp_path)
    finally:
        lost.set()
        (work / "lock").unlink(missing_ok=True)
    nothing_half_written(cluster, tmp_path)


async def test_what_is_older_than_the_ttl_goes_from_nodes_and_s3_each_named_before(
    healthy_rehearsal: RunningRehearsal, tmp_path: Path
) -> None:
    cluster = healthy_rehearsal.cluster
    old = {
        path.name
        for path in backups_on(cluster.control_plane[0]).iterdir()
        if path.stat().st_mtime < datetime.now(UTC).timestamp() - 4 * 3600
        and is_backup_name(path.name)
    }
    assert len(old) >= 3
    bystander = backups_on(cluster.control_plane[0]) / "before-upgrade.db"
    bystander.touch()
    os.utime(bystander, (0, 0))
    said: list[str] = []
    done = await taken(cluster, tmp_path, ttl=4 * 3600, said=said)
    assert done.cleared.failures == ()
    assert len(done.cleared.deleted) == 4 * len(old)
    assert [copy.location in line for copy, line in zip(done.cleared.deleted, said, strict=True)]
    for node in cluster.control_plane:
        assert not names_on(node) & old
        assert done.result.name in names_on(node)
    assert bystander.exists()
    bystander.unlink()
    async with incident_of(cluster, tmp_path) as incident:
        left = (await incident.list_snapshots(records=False)).snapshots
    assert not {each.name for each in left} & old


async def test_what_stops_the_deleting_does_not_make_the_backup_a_failure(
    healthy_rehearsal: RunningRehearsal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A scheduler would take another one a minute later, and fill the disks with them."""
    cluster = healthy_rehearsal.cluster

    async def nobody_knows(*_: object) -> dict[str, float | None]:
        raise StoreError("the clocks cannot be asked")

    monkeypatch.setattr(own_backups, "clock_offsets", nobody_knows)
    done = await taken(cluster, tmp_path, ttl=4 * 3600)
    assert done.result.everywhere
    assert done.cleared.deleted == ()
    assert done.cleared.kept == ("deleting old backups was broken off: the clocks cannot be asked",)


async def test_a_member_that_dies_while_it_streams_is_passed_over(
    healthy_rehearsal: RunningRehearsal, held: Held, tmp_path: Path
) -> None:
    cluster = healthy_rehearsal.cluster
    # More than what sockets and tunnels hold on the way.
    for number in range(32):
        value = text64(f"{number}" + "x" * 1_000_000)
        put: dict[str, object] = {"key": text64(f"/registry/large/{number}"), "value": value}
        member(cluster.control_plane[0]).call("/v3/kv/put", put, 20)
    follower = next(node for node in cluster.control_plane if node != leader_of(cluster))

    def kill() -> None:
        killed = healthy_rehearsal.command(follower, "crictl rm -f $(crictl ps -q --name '^etcd$')")
        assert killed.returncode == 0, killed.stderr

    held(kill)
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(
                taking,
                "members_to_ask",
                lambda facts, of: (
                    follower.name,
                    *(name for name in members_to_ask(facts, of) if name != follower.name),
                ),
            )
            done = await taken(cluster, tmp_path)
    finally:
        await asyncio.to_thread(wait_for, lambda: serves(follower), f"{follower.name} again", 60)
    assert done.result.member != follower.name
    assert any(note.startswith(f"passed over {follower.name}: ") for note in done.result.notes)
    nothing_half_written(cluster, tmp_path)
