"""The catalog as the JSON document of `snapshots -o json`. Its form is a contract with users."""

from __future__ import annotations

from recovery.backups.model import Catalog, Copy, Record, Snapshot, SourceError, StoreKind
from recovery.backups.records import write_time


def catalog_document(cluster_name: str, catalog: Catalog) -> dict[str, object]:
    """The catalog: backups newest first; apart from them what members still hold themselves.

    Times are RFC 3339 UTC, sizes bytes of the stored file.
    """
    return {
        "cluster": cluster_name,
        "snapshots": [_snapshot(each) for each in catalog.snapshots if each.member is None],
        "memberData": [_member_data(each) for each in catalog.snapshots if each.member is not None],
        "errors": [_error(error) for error in catalog.errors],
    }


def _snapshot(snapshot: Snapshot) -> dict[str, object]:
    return {
        "name": snapshot.name,
        "takenAt": write_time(snapshot.taken_at) if snapshot.taken_at is not None else None,
        "size": snapshot.size,
        "copies": [_copy(copy) for copy in snapshot.copies],
        "record": _record(snapshot.record) if snapshot.record is not None else None,
        "usable": snapshot.usable,
        "reason": snapshot.trouble,
        "anotherClusters": _another(snapshot),
        "datedAhead": snapshot.ahead,
        "remark": snapshot.remark,
        "integrity": snapshot.integrity.value,
        "revision": snapshot.revision,
    }


def _another(snapshot: Snapshot) -> str:
    """Whether it is another cluster's: `no` where nothing says so, `maybe`, `yes`."""
    if snapshot.strange is None:
        return "no"
    return "yes" if snapshot.strange.certain else "maybe"


def _member_data(own: Snapshot) -> dict[str, object]:
    """No backup: it has no time and no record, but a member, and a time of the last write."""
    document = _snapshot(own)
    for absent in ("takenAt", "record", "anotherClusters", "datedAhead"):
        del document[absent]
    at = own.written_at
    return {
        "member": own.member,
        "running": any(copy.in_use for copy in own.copies),
        "writtenAt": write_time(at) if at is not None else None,
        **document,
    }


def _copy(copy: Copy) -> dict[str, object]:
    # A member's own database is a file of its node; `member` tells it apart.
    kind = StoreKind.NODE if copy.store is StoreKind.MEMBER else copy.store
    document: dict[str, object] = {"store": kind.value}
    if copy.node is not None:
        document["node"] = copy.node
    return document | {"location": copy.location, "size": copy.size}


def _record(record: Record) -> dict[str, object]:
    at = record.backup_timestamp
    return {
        "result": record.result,
        "backupTimestamp": write_time(at) if at is not None else None,
    }


def _error(error: SourceError) -> dict[str, object]:
    return {
        "store": (StoreKind.NODE if error.store is StoreKind.MEMBER else error.store).value,
        "location": error.location,
        "message": error.message,
        "remedy": error.remedy,
    }
