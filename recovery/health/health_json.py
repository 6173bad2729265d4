"""The health report as the contract's JSON document."""

from __future__ import annotations

from datetime import UTC

from recovery.health.model import Check, HealthReport, MemberHealth


def health_document(report: HealthReport) -> dict[str, object]:
    """The document of `health -o json`. Ids and hashes are lower-case hex, as etcdctl's are."""
    return {
        "cluster": report.cluster,
        "at": report.at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
        "healthy": report.healthy,
        "checks": [check_entry(check) for check in report.checks],
        "members": [_member(member) for member in report.members],
    }


def check_entry(check: Check) -> dict[str, object]:
    """One check as an entry of `checks`."""
    return {
        "name": check.name,
        "scope": check.scope,
        "status": check.status.value,
        "message": check.message,
        "meaning": check.meaning,
        "remedy": check.remedy,
    }


def _member(member: MemberHealth) -> dict[str, object]:
    return {
        "name": member.name,
        "id": f"{member.id:x}",
        "version": member.version,
        "leader": member.leader,
        "learner": member.learner,
        "dbSize": member.database_size,
        "revision": member.revision,
        "raftTerm": member.raft_term,
        "raftIndex": member.raft_index,
        "hash": None if member.hash is None else f"{member.hash:08x}",
    }
