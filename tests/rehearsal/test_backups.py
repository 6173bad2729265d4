"""The rehearsal's backups: on every node and in S3, of different ages, two of them bad."""

from __future__ import annotations

import asyncio
import hashlib
import io
import json
import os
import tarfile
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from recovery.backups.catalog import list_catalog
from recovery.backups.cluster_stores import cluster_stores
from recovery.backups.configuration import parse_resource
from recovery.backups.model import Record, Snapshot, StoreKind
from recovery.backups.naming import parse_name
from recovery.backups.other_copies import lies_on_all
from recovery.backups.reference import resolve_reference
from recovery.incident import Incident
from recovery.inventory.model import Cluster
from recovery.ssh.fleet import Fleet
from tests.cluster_fixtures import RunningRehearsal
from tests.rehearsal.etcd_doors import member

pytestmark = pytest.mark.cluster

_CONFIGURATION = "/registry/enhancement.cluster.alauda.io/etcdbackupconfigurations/"


def _files(cluster: Cluster, number: int = 0) -> dict[str, bytes]:
    """A node's backups by name, oldest first."""
    directory = Path(str(cluster.control_plane[number].paths.backups))
    return {path.name: path.read_bytes() for path in sorted(directory.iterdir())}


def _databases(cluster: Cluster) -> dict[str, bytes]:
    """What is in those that can be unpacked."""
    found: dict[str, bytes] = {}
    for name, content in _files(cluster).items():
        try:
            with tarfile.open(fileobj=io.BytesIO(content)) as archive:
                member_file = archive.extractfile("snapshot.db")
                assert member_file is not None
                found[name] = member_file.read()
        except (tarfile.TarError, EOFError):
            continue
    return found


def _files_below(directory: Path) -> list[Path]:
    return [path for path in directory.rglob("*") if path.is_file()]


def _is_whole(database: bytes) -> bool:
    return len(database) % 512 == 32 and (hashlib.sha256(database[:-32]).digest() == database[-32:])


def _records(rehearsal: RunningRehearsal) -> tuple[Record, ...]:
    door = member(rehearsal.cluster.control_plane[0])
    stored = door.range(f"{_CONFIGURATION}etcd-backup-default")
    spec, records = parse_resource(next(iter(stored.values())))
    assert spec.s3 is not None
    return records


def test_every_control_plane_node_has_the_same_backups(
    broken_rehearsal: RunningRehearsal,
) -> None:
    cluster = broken_rehearsal.cluster
    assert _files(cluster, 0) == _files(cluster, 1) == _files(cluster, 2)


async def test_a_backup_that_lies_on_every_node_is_judged_for_a_restore_without_being_fetched(
    broken_rehearsal: RunningRehearsal, tmp_path: Path
) -> None:
    cluster = broken_rehearsal.cluster
    name, database = next(
        (name, each) for name, each in _databases(cluster).items() if _is_whole(each)
    )
    async with Incident(cluster, environ={"HOME": str(tmp_path)}) as incident:
        await incident.list_snapshots(records=False)
        wanted = resolve_reference(name, incident.catalog)
        judged = await incident.ready(wanted)
        assert judged.in_place
        assert judged.verdict.sha256 == hashlib.sha256(database).hexdigest()
        assert judged.verdict.size == len(database)
        large = [
            path
            for path in await asyncio.to_thread(_files_below, tmp_path)
            if path.stat().st_size > 100_000
        ]
        assert not large

        assert isinstance(wanted, Snapshot)
        elsewhere = tuple(copy for copy in wanted.copies if copy.node != "etcd-2")
        assert lies_on_all(["etcd-1", "etcd-3"], wanted, incident.catalog)
        assert incident.catalog is not None
        incident.catalog = replace(
            incident.catalog,
            snapshots=tuple(
                replace(each, copies=elsewhere) if each.name == name else each
                for each in incident.catalog.snapshots
            ),
        )
        here = await incident.ready(replace(wanted, copies=elsewhere))
        assert here.database is not None
        assert here.database in await asyncio.to_thread(_files_below, tmp_path)
        assert here.verdict.sha256 == judged.verdict.sha256


def test_three_are_whole_and_the_two_newest_ways_to_fail_are_there(
    broken_rehearsal: RunningRehearsal,
) -> None:
    files = _files(broken_rehearsal.cluster)
    databases = _databases(broken_rehearsal.cluster)
    whole = [name for name in databases if _is_whole(databases[name])]
    corrupt = [name for name in databases if not _is_whole(databases[name])]
    cut_short = [name for name in files if name not in databases]
    assert len(whole) >= 3
    assert len(corrupt) == 1
    assert len(cut_short) == 1
    assert corrupt[0] == max(files), "the newest is not one that verifies"
    assert cut_short[0] > min(whole)


def test_corruption_is_of_a_value_so_that_only_the_hash_can_tell(
    broken_rehearsal: RunningRehearsal,
) -> None:
    databases = _databases(broken_rehearsal.cluster)
    corrupt = databases[max(databases)]
    assert len(corrupt) % 512 == 32
    assert corrupt[16:20] == bytes.fromhex("edda0ced"), "bbolt's magic number stands"


def test_names_and_times_agree_and_lie_in_the_past(broken_rehearsal: RunningRehearsal) -> None:
    directory = Path(str(broken_rehearsal.cluster.control_plane[0].paths.backups))
    for path in directory.iterdir():
        name = parse_name(path.name)
        assert name is not None
        assert name.taken_at.timestamp() == path.stat().st_mtime
        assert name.taken_at.timestamp() < time.time()
        assert name.ip == broken_rehearsal.cluster.control_plane[0].host


def test_snapshots_have_the_three_members_inside(broken_rehearsal: RunningRehearsal) -> None:
    cluster = broken_rehearsal.cluster
    for name, database in _databases(cluster).items():
        for node in cluster.control_plane:
            assert f'"name":"{node.name}"'.encode() in database, name
            assert f'"peerURLs":["https://{node.host}:2380"]'.encode() in database, name


def test_there_is_something_to_lose_after_the_last_backup(
    healthy_rehearsal: RunningRehearsal,
) -> None:
    door = member(healthy_rehearsal.cluster.control_plane[0])
    live = door.range("/registry/configmaps/payments/", prefix=True)
    last = _databases(healthy_rehearsal.cluster)
    newest = last[max(name for name in last if _is_whole(last[name]))]
    lost = [key for key in live if key.encode() not in newest]
    assert len(lost) > 50


def test_records_tell_of_every_file_and_of_one_that_failed(
    healthy_rehearsal: RunningRehearsal,
) -> None:
    records = _records(healthy_rehearsal)
    files = _files(healthy_rehearsal.cluster)
    assert {record.file_name for record in records} >= set(files)
    failed = [record for record in records if record.result != "Success"]
    assert len(failed) == 1
    assert failed[0].file_name not in files


async def test_the_engine_finds_them_on_nodes_and_in_s3_with_the_inventory_alone(
    broken_rehearsal: RunningRehearsal, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    cluster = broken_rehearsal.cluster
    async with Fleet(cluster) as fleet:
        catalog = await list_catalog(cluster_stores(cluster, fleet, None))
    assert catalog.errors == ()
    sizes: Mapping[str, int] = {n: len(c) for n, c in _files(cluster).items()}
    backups = [snapshot for snapshot in catalog.snapshots if snapshot.member is None]
    assert {snapshot.name for snapshot in backups} == set(sizes)
    for snapshot in backups:
        stores = sorted(copy.store.value for copy in snapshot.copies)
        assert stores == [StoreKind.NODE.value] * 3 + [StoreKind.S3.value]
        assert {copy.size for copy in snapshot.copies} == {sizes[snapshot.name]}


def test_the_s3_keys_are_where_the_platform_keeps_them(
    healthy_rehearsal: RunningRehearsal,
) -> None:
    node = healthy_rehearsal.cluster.control_plane[0]
    answer = healthy_rehearsal.command(
        node, "kubectl get secret etcd-backup-s3-secret --namespace cpaas-system -o json"
    )
    assert answer.returncode == 0, answer.stderr
    assert set(json.loads(answer.stdout)["data"]) == {"ACCESS_KEY", "SECRET_KEY"}
