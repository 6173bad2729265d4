"""What an earlier look has proven by writing, so that who only watches need not write again. Pure.

A screen that stays open would otherwise write to etcd, and remove, every half minute.
"""

from __future__ import annotations

import dataclasses

from recovery.health.member_checks import WATCH, WRITE
from recovery.health.model import Check, CheckStatus, HealthReport


def earlier_write(report: HealthReport) -> tuple[Check, ...]:
    """The checks of the probing write and of its watch, each with when it was made.

    Empty where one of them did not pass: only another write tells when that is over.
    """
    made = [check for check in report.checks if check.name in (WRITE, WATCH)]
    if len(made) != 2 or any(check.status is not CheckStatus.OK for check in made):
        return ()
    return tuple(
        dataclasses.replace(check, message=f"{check.message}, at {report.at:%H:%M:%S}Z")
        for check in made
    )
