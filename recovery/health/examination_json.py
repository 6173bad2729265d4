"""An examination as the JSON document of `check -o json`."""

from __future__ import annotations

from datetime import UTC, datetime

from recovery.cluster.facts import ClusterFacts, DataDirFacts, Diagnosis, MemberStatus, NodeFacts
from recovery.cluster.node_words import node_summary
from recovery.health.examination import Examination
from recovery.health.health_json import check_entry


def examination_document(examination: Examination) -> dict[str, object]:
    """The document. Ids and hashes are lower-case hex, sizes bytes, times RFC 3339 UTC."""
    facts, newest = examination.facts, examination.newest
    names = [node.name for node in facts.cluster.control_plane]
    return {
        "cluster": facts.cluster.name,
        "at": _time(facts.gathered_at),
        "good": examination.good,
        "diagnosis": diagnosis_entry(examination.diagnosis),
        "nodes": [_node(facts, name) for name in names],
        "members": [_member(facts, name, facts.members[name]) for name in facts.members],
        "checks": [check_entry(check) for check in examination.checks],
        "restoreFrom": None
        if newest is None
        else {
            "name": newest.name,
            "takenAt": _time(newest.taken_at),
            "integrity": newest.integrity.value,
        },
    }


def diagnosis_entry(diagnosis: Diagnosis) -> dict[str, object]:
    """A diagnosis with what it rests on."""
    return {
        "state": diagnosis.state.name.lower().replace("_", "-"),
        "label": diagnosis.label,
        "answering": diagnosis.answering,
        "total": diagnosis.total,
        "sentence": diagnosis.sentence,
        "advice": diagnosis.advice,
        "commands": [
            {"node": one.node, "command": one.text, "why": one.why} for one in diagnosis.commands
        ],
        "because": list(diagnosis.because),
        "remarks": list(diagnosis.remarks),
    }


def _node(facts: ClusterFacts, name: str) -> dict[str, object]:
    node, error = facts.nodes.get(name), facts.unreachable.get(name)
    if node is None:
        return {"name": name, "reachable": False, "error": error.what if error else "not asked"}
    return {
        "name": name,
        "reachable": True,
        "summary": node_summary(facts, name),
        "kubelet": node.kubelet.value,
        "etcd": _etcd(facts, node),
        "dataDir": _data(node.data_dir),
        "clockOffset": node.clock_offset,
        "apiServer": None
        if node.api_server is None
        else {"ready": node.api_server.ready, "message": node.api_server.why},
    }


def _etcd(facts: ClusterFacts, node: NodeFacts) -> dict[str, object]:
    ended = node.etcd_exit
    own = [container for container in node.containers if container.name == "etcd"]
    return {
        "running": any(container.running for container in own),
        "attempt": max((container.attempt for container in own), default=None),
        "silence": facts.silent.get(node.node.name),
        "exitCode": ended.exit_code if ended else None,
        "reason": ended.reason if ended else None,
        "lastLines": list(ended.lines) if ended else [],
    }


def _data(data: DataDirFacts | None) -> dict[str, object] | None:
    if data is None:
        return None
    return {
        "path": data.path,
        "exists": data.exists,
        "intact": data.intact,
        "fault": data.fault,
        "databaseSize": data.database_size,
        "modifiedAt": _time(data.database_modified_at),
        "walFiles": data.wal_files,
        "free": data.free,
    }


def _member(facts: ClusterFacts, name: str, member: MemberStatus) -> dict[str, object]:
    reading = facts.agreement.readings.get(name) if facts.agreement else None
    known = reading is not None and reading.hash is not None
    return {
        "name": name,
        "id": f"{member.id:x}",
        "clusterId": f"{member.cluster_id:x}",
        "version": member.version,
        "leader": member.is_leader,
        "hasLeader": bool(member.leader_id),
        "learner": member.learner,
        "raftTerm": member.raft_term,
        "raftIndex": member.raft_index,
        "revision": member.revision,
        "hash": f"{reading.hash:08x}" if reading is not None and known else None,
        "hashRevision": facts.agreement.revision if facts.agreement and known else None,
        "dbSize": member.database_size,
        "dbInUse": member.database_in_use,
        "quota": member.quota,
        "errors": list(member.errors),
    }


def _time(moment: datetime | None) -> str | None:
    if moment is None:
        return None
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
