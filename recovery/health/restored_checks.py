"""Compares the members with the snapshot that they were restored from."""

from __future__ import annotations

from recovery.cluster.etcd_answers import RevisionGoneError
from recovery.errors import EtcdError
from recovery.health.expected import Expected
from recovery.health.member_answers import Members
from recovery.health.model import CLUSTER_SCOPE, Check
from recovery.health.verdicts import failed, ok, skipped, warned

REVISION = "restored revision"
OBJECTS = "restored objects"

_OTHER = "see which snapshot the restore used; the run's report names it"


async def restored_checks(
    members: Members, names: list[str], revision: int, expected: Expected
) -> tuple[Check, Check]:
    """Whether the cluster has come from the snapshot's revision, with all of its keys.

    `revision` is the cluster's own now; `names` are the members that answer.
    """
    if not names:
        return (
            skipped(REVISION, CLUSTER_SCOPE, "no member answers"),
            skipped(OBJECTS, CLUSTER_SCOPE, "no member answers"),
        )
    return revision_check(revision, expected), await _objects(members, names, expected)


def revision_check(revision: int, expected: Expected) -> Check:
    """Whether the cluster's revision is at or past the restored one."""
    restored = expected.restored_revision
    if revision >= restored:
        return ok(
            REVISION, CLUSTER_SCOPE, f"{revision}, restored from {restored}", "It went on from it."
        )
    return failed(
        REVISION,
        CLUSTER_SCOPE,
        f"{revision} is below the snapshot's {restored}",
        "This is not the data of the snapshot.",
        _OTHER,
    )


async def _objects(members: Members, names: list[str], expected: Expected) -> Check:
    restored, wanted = expected.restored_revision, expected.live_keys
    try:
        there = await members.count(names, restored)
    except RevisionGoneError:
        return await _objects_now(members, names, wanted)
    except EtcdError as error:
        return skipped(OBJECTS, CLUSTER_SCOPE, error.what)
    return count_check(there, wanted)


def count_check(there: int, wanted: int) -> Check:
    """Whether the keys at the restored revision are as many as the snapshot has."""
    message = f"{there} of {wanted}"
    if there == wanted:
        return ok(OBJECTS, CLUSTER_SCOPE, message, "Every key of the snapshot is back.")
    return failed(
        OBJECTS,
        CLUSTER_SCOPE,
        message,
        "The cluster was restored from something else, or not in full.",
        _OTHER,
    )


async def _objects_now(members: Members, names: list[str], wanted: int) -> Check:
    """Kubernetes compacts history after five minutes; from then on only today's keys count."""
    try:
        there = await members.count(names, 0)
    except EtcdError as error:
        return skipped(OBJECTS, CLUSTER_SCOPE, error.what)
    return warned(
        OBJECTS,
        CLUSTER_SCOPE,
        f"{there} now, {wanted} in the snapshot",
        "The restored revision was compacted away since, so the two cannot be compared exactly.",
    )
