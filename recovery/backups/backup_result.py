"""What came of taking a backup, as facts and as the JSON document of `backup now`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from recovery.backups.model import Copy, StoreKind
from recovery.backups.records import write_time


@dataclass(frozen=True, slots=True)
class PlaceFailure:
    """A place that did not get the backup, or did not let go of an old one."""

    store: StoreKind
    location: str
    message: str
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class BackupResult:
    """A backup that was taken, verified, and written to one place at least."""

    name: str
    taken_at: datetime
    member: str
    """Whose API gave it."""
    revision: int
    live_keys: int
    sha256: str
    """Of the file as it is stored, lower-case hex."""
    size: int
    """Of the file as it is stored, in bytes."""
    copies: tuple[Copy, ...]
    failures: tuple[PlaceFailure, ...] = ()
    notes: tuple[str, ...] = ()
    """What else a person should know: a member that was passed over, say."""

    @property
    def everywhere(self) -> bool:
        """Whether every configured place has it."""
        return not self.failures


def result_document(cluster: str, result: BackupResult) -> dict[str, object]:
    """The result as JSON; times RFC 3339 UTC, sizes bytes."""
    return {
        "cluster": cluster,
        "name": result.name,
        "takenAt": write_time(result.taken_at),
        "member": result.member,
        "revision": result.revision,
        "liveKeys": result.live_keys,
        "sha256": result.sha256,
        "size": result.size,
        "copies": [copy_entry(copy) for copy in result.copies],
        "failures": [failure_entry(failure) for failure in result.failures],
        "notes": list(result.notes),
    }


def copy_entry(copy: Copy) -> dict[str, object]:
    """One place that has it."""
    return {
        "store": copy.store.value,
        **({"node": copy.node} if copy.node is not None else {}),
        "location": copy.location,
        "size": copy.size,
    }


def failure_entry(failure: PlaceFailure) -> dict[str, object]:
    """One place that failed."""
    return {
        "store": failure.store.value,
        "location": failure.location,
        "message": failure.message,
        "remedy": failure.remedy,
    }
