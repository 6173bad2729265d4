"""Judges from the facts, before anything is touched, whether a restore can go well. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from recovery.cluster.facts import ClusterFacts
from recovery.health.model import Check
from recovery.health.preflight_certificates import authority_checks, certificate_checks
from recovery.health.preflight_cluster import cluster_checks, ground_of_cluster
from recovery.health.preflight_kubernetes import kubernetes_checks
from recovery.health.preflight_nodes import node_checks, unreachable_checks
from recovery.health.preflight_snapshot import snapshot_checks
from recovery.health.preflight_surroundings import surroundings_checks
from recovery.snapshots.model import SnapshotContents


def preflight(
    facts: ClusterFacts,
    source_contents: SnapshotContents,
    source_size: int,
    has_hash: bool,
    member: str | None = None,
    *,
    taken_at: datetime | None = None,
    allow_node_count: int | None = None,
) -> tuple[Check, ...]:
    """Every check that a restore of this snapshot needs; failed ones block, warnings are read.

    `source_size` is that of the unpacked file in bytes; `has_hash` tells whether it carries the
    sha256 that etcd wrote at its end; `member` names whose own database it is, if it is no backup;
    `taken_at` is its time, where it is known; `allow_node_count` is the number of control-plane
    nodes that a person allowed by name. Order: whether the cluster is lost at all and what else
    concerns it as a whole, then node by node, then the snapshot.
    """
    checks = [*cluster_checks(facts, source_contents, taken_at, allow_node_count)]
    checks += authority_checks(facts)
    checks += kubernetes_checks(facts, source_contents)
    checks += _nodes(facts, source_size)
    checks += snapshot_checks(facts, source_contents, has_hash, member)
    return tuple(checks)


def ground_checks(
    facts: ClusterFacts, source_size: int, allow_node_count: int | None = None
) -> tuple[Check, ...]:
    """What does not depend on what is in the snapshot; `source_size` is its size, or a guess.

    Nor whether the cluster is lost at all, which the diagnosis says.
    """
    checks = [*ground_of_cluster(facts, allow_node_count), *authority_checks(facts)]
    return (*checks, *_nodes(facts, source_size))


def _nodes(facts: ClusterFacts, source_size: int) -> Iterator[Check]:
    for node in facts.cluster.control_plane:
        if node.name in facts.nodes:
            there = facts.nodes[node.name]
            yield from node_checks(facts, there, source_size)
            yield from certificate_checks(facts, there)
            yield from surroundings_checks(there)
        else:
            yield from unreachable_checks(facts, node.name)
