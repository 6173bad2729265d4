"""Puts together what takes a cluster's backups without the platform."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from recovery.backups.cluster_stores import writable_stores
from recovery.backups.known_verdicts import KnownVerdicts
from recovery.backups.node_store import NodeStore
from recovery.backups.own_backups import OwnBackups, Surroundings
from recovery.backups.own_records import OwnRecords
from recovery.backups.snapshot_cache import SnapshotCache
from recovery.backups.stores import Store
from recovery.backups.taking import Taker
from recovery.inventory.model import Cluster
from recovery.ssh.fleet import Fleet


def own_records(cluster: Cluster, fleet: Fleet, stores: Iterable[Store], state: Path) -> OwnRecords:
    """The records beside the backups, and here; `state`: this machine's state directory."""
    writable = writable_stores(stores)
    directories = {one.node: one.directory for one in writable if isinstance(one, NodeStore)}
    here = state / "backups" / f"{cluster.name}.json"
    return OwnRecords(fleet, directories, here, cluster.name)


def assemble(
    cluster: Cluster,
    fleet: Fleet,
    stores: Iterable[Store],
    cache: SnapshotCache,
    verdicts: KnownVerdicts,
    records: OwnRecords,
    surroundings: Surroundings,
) -> OwnBackups:
    """`stores`: all that the catalog lists."""
    writable = writable_stores(stores)
    taker = Taker(fleet, cluster, writable, cache, verdicts, records)
    return OwnBackups(fleet, cluster, writable, taker, records, surroundings)
