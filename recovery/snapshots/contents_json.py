"""What a snapshot holds as the contract's JSON document."""

from __future__ import annotations

from recovery.snapshots.model import JudgedSnapshot, SnapshotContents


def inspect_document(cluster: str, judged: JudgedSnapshot) -> dict[str, object]:
    """The document of `inspect -o json`. Ids are lower-case hex, as etcdctl's are.

    Where the file is corrupt beyond reading, numbers are null and lists are empty.
    """
    return {
        "cluster": cluster,
        "name": judged.name,
        "location": judged.location,
        "member": judged.member,
        "integrity": judged.verdict.integrity.value,
        "reason": judged.verdict.reason,
        "sha256": judged.verdict.sha256,
        "size": judged.verdict.size,
        "unpackedFrom": list(judged.unpacked_from),
        **_contents(judged.verdict.contents),
    }


def _contents(contents: SnapshotContents | None) -> dict[str, object]:
    if contents is None:
        numbers = ("revision", "keys", "liveKeys", "dbSize", "clusterVersion")
        lists = ("members", "alarms", "resources", "namespaces", "encryption", "remarks")
        return {**dict.fromkeys(numbers), **{name: [] for name in lists}}
    return {
        "revision": contents.revision,
        "keys": contents.keys,
        "liveKeys": contents.live_keys,
        "dbSize": contents.database_size,
        "clusterVersion": contents.cluster_version,
        "members": [
            {"id": f"{member.id:x}", "name": member.name, "peerURLs": list(member.peer_urls)}
            for member in contents.members
        ],
        "alarms": list(contents.alarms),
        "resources": [
            {"resource": each.name, "count": each.count, "bytes": each.size}
            for each in contents.resources
        ],
        "namespaces": [
            {"namespace": each.name, "count": each.count, "bytes": each.size}
            for each in contents.namespaces
        ],
        "otherKeys": contents.other_keys,
        "compactedRevision": contents.compacted_revision,
        "consistentIndex": contents.consistent_index,
        "term": contents.term,
        "leases": contents.leases,
        "authEnabled": contents.auth_enabled,
        "encryption": [
            {"provider": each.provider, "key": each.key, "count": each.count}
            for each in contents.encryption
        ],
        "remarks": list(contents.remarks),
    }
