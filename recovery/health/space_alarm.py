"""What of a cluster's checks the alarm NOSPACE explains: no write goes through while it stands."""

from __future__ import annotations

from collections.abc import Iterable

from recovery.health.database_checks import says_full
from recovery.health.member_checks import ALARMS, WATCH, WRITE
from recovery.health.model import Check, CheckStatus

NO_SPACE = "NOSPACE"
"""The alarm with which etcd refuses writes (api/etcdserverpb, AlarmType)."""


def apart_from_no_space(checks: Iterable[Check]) -> tuple[Check, ...]:
    """The checks without those that only say that this alarm is raised, and no other one."""
    listed = tuple(checks)
    alarmed = [check for check in listed if check.name == ALARMS and check.message == NO_SPACE]
    if not alarmed:
        return listed
    return tuple(check for check in listed if check not in alarmed and not _explained(check))


def _explained(check: Check) -> bool:
    """No write goes through, so no watch tells of one; and databases are over their quota."""
    no_write = check.name == WRITE or (check.name == WATCH and check.status is CheckStatus.SKIPPED)
    return no_write or says_full(check)
