"""Compares objects per resource with the snapshot that the cluster was restored from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from recovery.cluster.etcd_answers import RevisionGoneError
from recovery.errors import EtcdError
from recovery.health.expected import Expected
from recovery.health.member_answers import Members
from recovery.health.model import CLUSTER_SCOPE, Check
from recovery.health.verdicts import failed, ok, skipped, warned

RESOURCES = "restored resources"

_MOST_NAMED = 3
_STORED_AS = {"nodes": "minions", "services": "services/specs", "endpoints": "services/endpoints"}


def key_prefixes(resource: str) -> tuple[bytes, ...]:
    """Where etcd may have a resource that is named as `inspect` names it.

    `widgets.apps.example.com` lies below `apps.example.com/widgets`; a resource whose own name has
    a dot lies below its name.
    """
    name, dot, group = resource.partition(".")
    places = [f"{group}/{name}", resource] if dot else [_STORED_AS.get(resource, resource)]
    return tuple(f"/registry/{place}/".encode() for place in places)


async def resource_check(members: Members, names: list[str], expected: Expected) -> Check:
    """Whether there are as many objects of each resource as in the snapshot."""
    wanted = dict(expected.resources)
    if not wanted or not names:
        why = "the snapshot names none" if names else "no member answers"
        return skipped(RESOURCES, CLUSTER_SCOPE, why)
    try:
        there = await _count(members, names, list(wanted), expected.restored_revision)
        exact = True
    except RevisionGoneError:
        try:
            there, exact = await _count(members, names, list(wanted), 0), False
        except EtcdError as error:
            return skipped(RESOURCES, CLUSTER_SCOPE, error.what)
    except EtcdError as error:
        return skipped(RESOURCES, CLUSTER_SCOPE, error.what)
    return compare_resources(there, wanted, exact=exact)


async def _count(
    members: Members, names: list[str], resources: Sequence[str], revision: int
) -> dict[str, int]:
    counted = {}
    for resource in resources:
        found = [await members.count(names, revision, prefix) for prefix in key_prefixes(resource)]
        counted[resource] = sum(found)
    return counted


def compare_resources(there: Mapping[str, int], wanted: Mapping[str, int], *, exact: bool) -> Check:
    """`exact` where both are of the restored revision; later the cluster has lived on.

    At that revision only fewer is wrong: below a resource's place there can be keys that are no
    objects and that reading the snapshot did not count, and all keys are counted elsewhere.
    """
    differing = {
        name: count
        for name, count in wanted.items()
        if there.get(name, 0) < count or (not exact and there.get(name, 0) != count)
    }
    if not differing:
        return ok(
            RESOURCES,
            CLUSTER_SCOPE,
            f"{len(wanted)} resources, each as in the snapshot",
            "No kind of object is missing.",
        )
    named = sorted(differing, key=lambda name: abs(there.get(name, 0) - wanted[name]), reverse=True)
    told = ", ".join(f"{n} {there.get(n, 0)} of {wanted[n]}" for n in named[:_MOST_NAMED])
    more = f" and {len(named) - _MOST_NAMED} more" if len(named) > _MOST_NAMED else ""
    if exact:
        return failed(
            RESOURCES,
            CLUSTER_SCOPE,
            f"{told}{more}",
            "The cluster was restored from something else, or not in full.",
            "see which snapshot the restore used; the run's report names it",
        )
    return warned(
        RESOURCES,
        CLUSTER_SCOPE,
        f"now {told}{more}",
        "The cluster has lived on since, and the restored revision was compacted away.",
    )
