"""The members of the restored cluster, also those on nodes that cannot be asked now. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from recovery.cluster.facts import ClusterFacts
from recovery.errors import RefusedError
from recovery.restore.plan import PlannedMember, RestoreSource


def planned_members(facts: ClusterFacts, source: RestoreSource) -> tuple[PlannedMember, ...]:
    """One member for every control-plane node of the inventory, in its order.

    A node's own manifest says it best. Of a node that cannot be asked the other manifests are
    believed (kubeadm's later ones list the members before them), then the snapshot. Raises
    RefusedError where nobody knows the member.
    """
    return tuple(_member(node.name, facts, source) for node in facts.cluster.control_plane)


def _member(node: str, facts: ClusterFacts, source: RestoreSource) -> PlannedMember:
    known = facts.nodes.get(node)
    if known is not None and known.manifest is not None:
        manifest = known.manifest
        return PlannedMember(manifest.member_name, manifest.initial_advertise_peer_urls)
    told = {
        url: None
        for other in facts.nodes.values()
        if other.manifest is not None
        for name, url in other.manifest.initial_cluster
        if name == node
    }
    if told:
        return PlannedMember(node, tuple(told))
    for member in source.members:
        if member.name == node and member.peer_urls:
            return member
    raise RefusedError(
        f"neither the manifests nor the snapshot tell at which address {node} reaches its peers",
        where=node,
        remedy=f"bring {node} back before restoring",
    )


def in_words(names: Sequence[str]) -> str:
    """`a`, or `a, b and c`."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
