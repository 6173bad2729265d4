"""Diagnosis and preflight in one look, without choosing a snapshot first: what `check` shows."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from recovery.backups.restore_from import newest_to_restore
from recovery.cluster.facts import ClusterFacts, ClusterState, Diagnosis
from recovery.health.model import Check, CheckStatus
from recovery.health.preflight import ground_checks

if TYPE_CHECKING:
    from recovery.backups.model import Catalog, Snapshot
    from recovery.incident import Incident

LISTING_SECONDS = 8.0
"""For the stores, after the nodes have answered; what was listed until then counts."""


@dataclass(frozen=True, slots=True)
class Examination:
    """One look at a cluster, and what follows from it."""

    facts: ClusterFacts
    diagnosis: Diagnosis
    checks: tuple[Check, ...]
    """Preflight of the nodes and the cluster; that of a snapshot needs a snapshot."""
    catalog: Catalog | None
    newest: Snapshot | None
    """The backup that a restore would start from."""

    @property
    def good(self) -> bool:
        """Whether there is nothing to do: healthy, and no check fails."""
        failed = any(check.status is CheckStatus.FAILED for check in self.checks)
        return self.diagnosis.state is ClusterState.HEALTHY and not failed


async def examine(incident: Incident) -> Examination:
    """Ask nodes and stores at once; never raises for one that does not answer."""
    asked: list[asyncio.Future[object]] = [
        asyncio.ensure_future(incident.list_snapshots(records=False))
    ]
    try:
        facts = await incident.look(hasty=True)
        asked.append(asyncio.ensure_future(incident.backups.configuration()))
        await asyncio.wait(asked, timeout=LISTING_SECONDS)
        listed = asked[0].done() and asked[0].exception() is None
    finally:
        for one in asked:
            one.cancel()
        await asyncio.gather(*asked, return_exceptions=True)
    newest = newest_to_restore(incident.catalog)
    return Examination(
        facts,
        incident.diagnosis,
        ground_checks(facts, _size(facts), incident.allow_node_count)
        + (_backups(incident) if listed else ()),
        incident.catalog,
        newest,
    )


def _backups(incident: Incident) -> tuple[Check, ...]:
    """What has drifted. Without a backup configuration nobody has promised any."""
    if incident.catalog is None or not incident.backups.promised:
        return ()
    return incident.backups.drift(incident.catalog, datetime.now(UTC))


def _size(facts: ClusterFacts) -> int:
    """The largest database of today, which is about what a restore writes."""
    sizes = [member.database_size for member in facts.members.values()]
    for node in facts.nodes.values():
        if node.data_dir is not None and node.data_dir.database_size and not node.data_dir.fault:
            sizes.append(node.data_dir.database_size)
    return max(sizes, default=0)
