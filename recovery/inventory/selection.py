"""Picks the cluster that a person means."""

from __future__ import annotations

import difflib

from recovery.errors import UsageError
from recovery.inventory.model import Cluster, Inventory


def select_cluster(inventory: Inventory, name: str | None) -> Cluster:
    """The cluster of that name, or the only one. UsageError where that is not exactly one."""
    names = [cluster.name for cluster in inventory.clusters]
    there_are = f"there are: {', '.join(names)}"
    if name is None:
        if len(names) == 1:
            return inventory.clusters[0]
        raise UsageError(
            f"the inventory has {len(names)} clusters, and none is named",
            where=str(inventory.path),
            remedy=f"add --cluster NAME; {there_are}",
        )
    for cluster in inventory.clusters:
        if cluster.name == name:
            return cluster
    near = difflib.get_close_matches(name, names, n=1)
    raise UsageError(
        f"there is no cluster {name!r}",
        where=str(inventory.path),
        remedy=f"did you mean {near[0]!r}?" if near else there_are,
    )
