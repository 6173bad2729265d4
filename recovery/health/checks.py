"""The final checks: every member asked directly, then the Kubernetes side."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from recovery.cluster.facts import EtcdManifest, MemberStatus
from recovery.errors import NodeError
from recovery.health.database_checks import database_checks
from recovery.health.expected import Expected
from recovery.health.kubernetes_checks import kubernetes_checks
from recovery.health.member_answers import MemberAnswer, Members, WriteAnswer
from recovery.health.member_checks import (
    NODE_CHECKS,
    agreement_checks,
    answer_checks,
    hash_checks,
    member_healths,
    revision_checks,
    watch_check,
    write_check,
)
from recovery.health.model import Check, CheckStatus, HealthReport, MemberHealth
from recovery.health.resource_checks import resource_check
from recovery.health.restored_checks import restored_checks
from recovery.health.verdicts import failed, skipped
from recovery.inventory.model import Cluster
from recovery.ssh.fleet import Fleet

POLL_SECONDS = 2.0
"""Between two rounds while something is waited for."""

_REACHED_SECONDS = 15.0
"""For a node to say that it can be reached at all."""

OnCheck = Callable[[Check], None]
"""Hears each check as it is made; in a later round the same check again."""


@dataclass(frozen=True, slots=True)
class _Members:
    checks: tuple[Check, ...]
    healths: tuple[MemberHealth, ...]


async def check_health(
    fleet: Fleet,
    cluster: Cluster,
    manifests: Mapping[str, EtcdManifest],
    expected: Expected | None = None,
    on_check: OnCheck | None = None,
) -> HealthReport:
    """Make every check once. `manifests` are those of the control-plane nodes, by node name.

    Writes one key below /etcd-rescue/health/ and removes it. Never raises for a node or a member
    that is down: a check that could not be made is failed or skipped.
    """
    hear = on_check or _nobody
    names = (node.name for node in cluster.control_plane)
    # They belong to the cluster all the same: nobody is to be told to remove them.
    absent = frozenset(name for name in names if name not in manifests)
    async with asyncio.TaskGroup() as group:
        unusable = group.create_task(_check_the_others(fleet, cluster, manifests, hear))
        members = group.create_task(_check_members(fleet, manifests, expected, hear, absent))
        kubernetes = group.create_task(kubernetes_checks(fleet, cluster, manifests, hear))
    return HealthReport(
        cluster=cluster.name,
        at=datetime.now(UTC),
        checks=(*unusable.result(), *members.result().checks, *kubernetes.result()),
        members=members.result().healths,
    )


async def check_members(
    fleet: Fleet,
    manifests: Mapping[str, EtcdManifest],
    expected: Expected | None = None,
    on_check: OnCheck | None = None,
    *,
    absent: Iterable[str] = (),
) -> tuple[Check, ...]:
    """The checks of the members alone, without Kubernetes, once.

    `absent`: members that belong to the cluster and are not asked, because they come in later.
    """
    hear = on_check or _nobody
    return (await _check_members(fleet, manifests, expected, hear, frozenset(absent))).checks


async def wait_until_healthy(
    fleet: Fleet,
    cluster: Cluster,
    manifests: Mapping[str, EtcdManifest],
    expected: Expected | None = None,
    *,
    seconds: float,
    on_check: OnCheck | None = None,
    on_wait: Callable[[str], None] | None = None,
) -> HealthReport:
    """Repeat all checks until they hold, or `seconds` are over; returns the last report.

    `on_wait` hears after each round, in a few words, what is being waited for. A round under way
    when time is up is finished, so this may take some seconds longer.
    """
    deadline = time.monotonic() + seconds
    while True:
        report = await check_health(fleet, cluster, manifests, expected, on_check)
        if report.healthy or time.monotonic() + POLL_SECONDS >= deadline:
            return report
        if on_wait is not None:
            on_wait(waiting_for(report))
        await asyncio.sleep(POLL_SECONDS)


def waiting_for(report: HealthReport) -> str:
    """What keeps a cluster from being healthy, in a few words; empty where nothing does."""
    open_checks = [
        check
        for check in report.checks
        if check.status in (CheckStatus.FAILED, CheckStatus.SKIPPED)
    ]
    open_checks.sort(key=lambda check: check.status is CheckStatus.SKIPPED)
    if not open_checks:
        return ""
    first = open_checks[0]
    more = f", and {len(open_checks) - 1} more" if len(open_checks) > 1 else ""
    return f"{first.scope}, {first.name}: {first.message}{more}"


async def _check_members(
    fleet: Fleet,
    manifests: Mapping[str, EtcdManifest],
    expected: Expected | None,
    hear: OnCheck,
    absent: frozenset[str] = frozenset(),
) -> _Members:
    checks: list[Check] = []

    def add(*made: Check) -> None:
        checks.extend(made)
        for check in made:
            hear(check)

    def heard(answer: MemberAnswer) -> None:
        add(*answer_checks(answer))

    async with Members(fleet, manifests) as members:
        answers = await members.ask(heard)
        add(*agreement_checks(answers, manifests, absent))
        names = [name for name, answer in answers.items() if answer.status is not None]
        write = await members.write(names)
        add(write_check(write, names), watch_check(write, names))
        statuses = await members.statuses(names)
        add(*revision_checks(statuses, write.revision), *database_checks(statuses, manifests))
        known = [one.revision for one in statuses.values() if isinstance(one, MemberStatus)]
        hashes = await members.hashes(names, _common_revision(write, known))
        add(*hash_checks(hashes))
        if expected is not None:
            add(*await restored_checks(members, names, max(known, default=0), expected))
            if expected.resources:
                add(await resource_check(members, names, expected))
    return _Members(_in_order(checks, manifests), tuple(member_healths(statuses, hashes)))


def _common_revision(write: WriteAnswer, known: list[int]) -> int:
    """A revision that every member should have: the probing write's, or the lowest of all."""
    return write.revision or min(known, default=0)


def _in_order(checks: list[Check], manifests: Mapping[str, EtcdManifest]) -> tuple[Check, ...]:
    """By node as the cluster lists them, then the cluster's own; within them as they were made."""
    rank = {name: number for number, name in enumerate(manifests)}
    place = {name: number for number, name in enumerate(NODE_CHECKS)}
    return tuple(
        sorted(
            checks,
            key=lambda check: (rank.get(check.scope, len(rank)), place.get(check.name, 0)),
        )
    )


async def _check_the_others(
    fleet: Fleet, cluster: Cluster, manifests: Mapping[str, EtcdManifest], hear: OnCheck
) -> tuple[Check, ...]:
    """The members that cannot be asked, each with the reason why not."""
    names = [node.name for node in cluster.control_plane if node.name not in manifests]
    reached = await fleet.each(names, lambda session: session.run("true", timeout=_REACHED_SECONDS))
    errors = {name: told for name, told in reached.items() if isinstance(told, NodeError)}
    checks = tuple(check for name in names for check in _without_manifest(name, errors.get(name)))
    for check in checks:
        hear(check)
    return checks


def _without_manifest(name: str, unreachable: NodeError | None) -> tuple[Check, ...]:
    first, *others = NODE_CHECKS
    if unreachable is not None:
        why, remedy = unreachable.what, unreachable.remedy or "bring the node back"
        meaning = "A node that cannot be reached can be asked nothing."
    else:
        why, remedy = "no etcd manifest could be read", "look at the node and its etcd.yaml"
        meaning = "Without it nobody knows where the member listens."
    return (
        failed(first, name, why, meaning, f"{remedy}; then check again"),
        *(skipped(check, name, "not asked") for check in others),
    )


def _nobody(_: Check) -> None:
    """Hears checks where no one else listens."""
