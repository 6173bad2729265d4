"""What a report proves, in sentences for a person: only what its checks really showed."""

from __future__ import annotations

from recovery.health import kubernetes_checks, member_checks, restored_checks
from recovery.health.model import CheckStatus, HealthReport


def proven(report: HealthReport) -> tuple[str, ...]:
    """One sentence for each thing that the passed checks prove together; the strongest first."""
    passed = {check.name for check in report.checks}
    passed -= {check.name for check in report.checks if check.status is not CheckStatus.OK}
    sentences = []
    if {member_checks.HASH, member_checks.ANSWERS} <= passed:
        same = "All members hold the same data"
        whole = {restored_checks.REVISION, restored_checks.OBJECTS} <= passed
        sentences.append(f"{same}, and it is the snapshot's." if whole else f"{same}.")
    if member_checks.WRITE in passed:
        watched = member_checks.WATCH in passed
        told = ", told of by a watch there" if watched else ""
        sentences.append(f"A write was read on every member{told}, and removed again.")
    if {kubernetes_checks.READYZ, kubernetes_checks.NODES} <= passed:
        sentences.append("Every API server is ready, and so is every node.")
    return tuple(sentences)
