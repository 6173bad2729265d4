"""Backups taken as a test needs them, and what of them lies where."""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from recovery.backups.naming import is_backup_name
from recovery.backups.own_backups import BackupDone
from recovery.backups.own_records import FILE_NAME
from recovery.incident import Incident
from recovery.inventory.model import Cluster, Node
from recovery.rehearsal.node.etcd_gateway import EtcdGateway
from tests.rehearsal.etcd_doors import status
from tests.snapshots.lone_etcd import CLEAN, LoneEtcd, programs


@contextlib.asynccontextmanager
async def incident_of(cluster: Cluster, directory: Path) -> AsyncIterator[Incident]:
    environment = {
        **os.environ,
        "XDG_CACHE_HOME": str(directory / "cache"),
        "XDG_STATE_HOME": str(directory / "state"),
    }
    async with Incident(cluster, environ=environment) as incident:
        yield incident


async def taken(
    cluster: Cluster, directory: Path, ttl: int | None = None, said: list[str] | None = None
) -> BackupDone:
    heard: list[str] = [] if said is None else said
    async with incident_of(cluster, directory) as incident:
        return await incident.own_backups.take(heard.append, ttl_seconds=ttl)


def backups_on(node: Node) -> Path:
    return Path(str(node.paths.backups))


def names_on(node: Node) -> set[str]:
    return {path.name for path in backups_on(node).iterdir()} - {FILE_NAME}


def nothing_half_written(cluster: Cluster, directory: Path) -> None:
    for node in cluster.control_plane:
        assert all(map(is_backup_name, names_on(node)))
    scratch = directory / "cache/etcd-rescue/scratch"
    assert not scratch.exists() or list(scratch.iterdir()) == []


def leader_of(cluster: Cluster) -> Node:
    told = {node.name: status(node) for node in cluster.control_plane}
    leader = told[cluster.control_plane[0].name]["leader"]
    ids = {str(dict(each["header"])["member_id"]): name for name, each in told.items()}  # type: ignore[call-overload]
    return cluster.node(ids[str(leader)])


def contents_of(door: EtcdGateway | LoneEtcd, revision: int) -> dict[str, tuple[str, str]]:
    """Every key with its value and the revision of its last change, at a revision."""
    asked = {"key": "AA==", "range_end": "AA==", "revision": revision}
    answer: Any = (
        door.ask("kv/range", **asked)
        if isinstance(door, LoneEtcd)
        else door.call("/v3/kv/range", asked, 20)
    )
    return {kv["key"]: (kv.get("value", ""), kv["mod_revision"]) for kv in answer["kvs"]}


def restored_etcd(packed: Path, directory: Path) -> LoneEtcd:
    subprocess.run(["tar", "-xf", packed, "-C", directory], check=True)
    tool = programs() / "etcdutl"
    subprocess.run(
        [
            *(tool if tool.exists() else programs() / "etcdctl", "snapshot", "restore"),
            *(directory / "snapshot.db", "--data-dir", directory / "data", "--name", "etcd-1"),
            *("--initial-cluster", "etcd-1=http://127.0.0.1:2380"),
            *("--initial-advertise-peer-urls", "http://127.0.0.1:2380"),
        ],
        env=CLEAN,
        check=True,
        capture_output=True,
    )
    return LoneEtcd(directory)
