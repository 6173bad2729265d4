"""The workers of a plan that the inventory does not list, as nodes that can be reached. Pure."""

from __future__ import annotations

from dataclasses import replace

from recovery.inventory.model import Cluster, Node, Role
from recovery.restore.plan import Plan


def unlisted_worker(cluster: Cluster, name: str, host: str) -> Node:
    """Reached as the first control-plane node is: nothing else is known of it."""
    return replace(cluster.control_plane[0], name=name, host=host, role=Role.WORKER)


def with_unlisted(cluster: Cluster, plan: Plan) -> Cluster:
    """The cluster with the plan's workers, so that any program can take the run up again."""
    listed = {node.name for node in cluster.nodes}
    found = [
        unlisted_worker(cluster, worker.name, worker.host)
        for worker in plan.unlisted_workers
        if worker.name not in listed
    ]
    return replace(cluster, workers=(*cluster.workers, *found)) if found else cluster
