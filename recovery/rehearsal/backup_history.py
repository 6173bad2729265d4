"""The backups of the rehearsal: which there are, and what is wrong with two of them."""

from __future__ import annotations

import enum
import io
import tarfile
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from recovery.rehearsal.node.stored_objects import encode_custom

SCHEDULE = "0 */6 * * *"
TTL_SECONDS = 7_776_000
_EVERY = timedelta(hours=6)


class Fault(enum.Enum):
    """What is wrong with a backup."""

    NONE = "none"
    CORRUPT = "corrupt"
    CUT_SHORT = "cut short"
    NOT_TAKEN = "not taken"


@dataclass(frozen=True, slots=True)
class PlannedBackup:
    """One backup of the history."""

    at: datetime
    fault: Fault
    address: str
    """Of the node that took it."""

    @property
    def file_name(self) -> str:
        """The platform's name for it."""
        return f"snapshot-etcd-{self.at:%Y%m%d-%H%M%S}-{self.address}.tar"


def planned_backups(now: datetime, address: str) -> tuple[PlannedBackup, ...]:
    """Oldest first, every six hours: three good, one cut short, one not taken, one corrupt.

    The newest is the corrupt one, so that the newest file is not the newest good backup.
    """
    last = now.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    last -= timedelta(hours=last.hour % 6)
    faults = (
        Fault.NONE,
        Fault.NONE,
        Fault.CUT_SHORT,
        Fault.NOT_TAKEN,
        Fault.NONE,
        Fault.CORRUPT,
    )
    return tuple(
        PlannedBackup(last - _EVERY * (len(faults) - 1 - number), fault, address)
        for number, fault in enumerate(faults)
    )


def backup_file(database: bytes, backup: PlannedBackup) -> bytes:
    """The `.tar` as it lies in a store."""
    if backup.fault is Fault.CORRUPT:
        database = corrupted(database)
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.GNU_FORMAT) as archive:
        member = tarfile.TarInfo("snapshot.db")
        member.size = len(database)
        member.mtime = int(backup.at.timestamp())
        member.mode = 0o600
        archive.addfile(member, io.BytesIO(database))
    whole = packed.getvalue()
    return whole[: len(whole) * 3 // 5] if backup.fault is Fault.CUT_SHORT else whole


def corrupted(database: bytes) -> bytes:
    """One bit of one stored value flipped: the structure stays sound, only the hash can tell."""
    place = database.find(b'"amount"')
    if place < 0:
        place = len(database) // 2
    damaged = bytearray(database)
    damaged[place + 12] ^= 0x01
    return bytes(damaged)


def configuration(
    backups: tuple[PlannedBackup, ...], endpoint: str, bucket: str, directory: str, local: str
) -> bytes:
    """The EtcdBackupConfiguration with its records, as it lies in etcd."""
    return encode_custom(
        {
            "apiVersion": "enhancement.cluster.alauda.io/v1",
            "kind": "EtcdBackupConfiguration",
            "metadata": {"name": "etcd-backup-default"},
            "spec": {
                "schedule": SCHEDULE,
                "paused": False,
                "localStorage": {"path": local, "ttl": str(TTL_SECONDS)},
                "remoteStorage": {
                    "s3": {
                        "endpoint": endpoint,
                        "region": "us-east-1",
                        "bucket": bucket,
                        "dir": directory,
                        "skipTLSVerify": False,
                        "secretRef": "etcd-backup-s3-secret",
                    }
                },
            },
            "status": {
                "records": [
                    {
                        "backupTimestamp": f"{backup.at:%Y-%m-%dT%H:%M:%SZ}",
                        "fileName": backup.file_name,
                        "result": "Failed" if backup.fault is Fault.NOT_TAKEN else "Success",
                    }
                    for backup in backups
                ]
            },
        }
    )
