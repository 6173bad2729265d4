"""The backup configuration, its records and its drift as one JSON document."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from datetime import datetime

from recovery.backups.backup_entries import BackupEntry
from recovery.backups.records import write_time
from recovery.backups.schedule import parse_schedule
from recovery.backups.seen_configuration import SeenConfiguration
from recovery.errors import ConfigurationError
from recovery.health.model import Check

_NEXT = 3


def configuration_document(
    cluster: str,
    seen: SeenConfiguration,
    entries: Sequence[BackupEntry],
    checks: Sequence[Check],
    now: datetime,
) -> dict[str, object]:
    """Keys are camelCase, times RFC 3339 UTC. `spec` is as it stands in the resource."""
    problem = seen.problem
    return {
        "cluster": cluster,
        "source": seen.source.value,
        "seenAt": write_time(seen.seen_at) if seen.seen_at else None,
        "name": seen.name or None,
        "resourceVersion": seen.resource_version or None,
        "spec": dict(seen.raw),
        "problem": {"field": problem.where, "message": problem.what} if problem else None,
        "schedule": _schedule(seen, now),
        "backups": [_entry(one) for one in entries],
        "checks": [
            {
                "name": check.name,
                "scope": check.scope,
                "status": check.status.value,
                "message": check.message,
            }
            for check in checks
        ],
    }


def next_times(cron: str, now: datetime, count: int = _NEXT) -> tuple[datetime, ...]:
    """The times that are due next; none where the schedule is not understood."""
    try:
        return tuple(itertools.islice(parse_schedule(cron).upcoming(now), count))
    except ConfigurationError:
        return ()


def _schedule(seen: SeenConfiguration, now: datetime) -> dict[str, object] | None:
    cron = seen.raw.get("schedule")
    if not isinstance(cron, str):
        return None
    try:
        words = parse_schedule(cron).words
    except ConfigurationError:
        words = ""
    return {"words": words or None, "next": [write_time(at) for at in next_times(cron, now)]}


def _entry(entry: BackupEntry) -> dict[str, object]:
    return {
        "names": [one.name for one in entry.files],
        "takenAt": write_time(entry.taken_at) if entry.taken_at else None,
        "result": entry.result or None,
        "nodes": sorted(entry.nodes),
        "s3": entry.in_s3,
        "oddities": [oddity.value for oddity in entry.oddities],
    }
