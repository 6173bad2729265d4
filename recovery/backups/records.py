"""`status.records` of the EtcdBackupConfiguration, read with patience.

The entries come from a cluster that may be of any release: odd and missing fields are taken for
what can be read in them. An entry without a file name is dropped, for nothing can be joined to it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from recovery.backups.model import Record
from recovery.backups.outside_text import one_line

_GO_TIME = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})[T ]([0-9]{2}:[0-9]{2}:[0-9]{2})(?:\.[0-9]+)?"
    r"\s*(Z|UTC|[+-][0-9]{2}:?[0-9]{2})?(?:\s.*)?"
)


def parse_records(records: object) -> tuple[Record, ...]:
    """The records in the order in which they stand; anything but a list gives none."""
    if not isinstance(records, Sequence) or isinstance(records, str | bytes):
        return ()
    parsed = (_parse_record(entry) for entry in records)
    return tuple(record for record in parsed if record is not None)


def parse_time(value: object) -> datetime | None:
    """RFC 3339, or what looks much like it, in UTC; None for anything else.

    Without a zone, UTC is meant. Go's own way of printing a time is understood too.
    """
    if isinstance(value, datetime):
        return value.replace(tzinfo=value.tzinfo or UTC).astimezone(UTC)
    if not isinstance(value, str):
        return None
    found = _GO_TIME.fullmatch(value.strip())
    if found is None:
        return None
    zone = found[3] or "Z"
    try:
        at = datetime.fromisoformat(
            f"{found[1]}T{found[2]}{'+00:00' if zone in {'Z', 'UTC'} else zone}"
        )
        return at.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def write_time(at: datetime) -> str:
    """RFC 3339 in UTC with whole seconds, for example `2026-11-22T00:00:00Z`."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _parse_record(entry: object) -> Record | None:
    if not isinstance(entry, Mapping):
        return None
    name = entry.get("fileName")
    if not isinstance(name, str):
        return None
    file_name = one_line(name.rstrip("/").rpartition("/")[2])
    if not file_name:
        return None
    result = entry.get("result")
    return Record(
        file_name=file_name,
        backup_timestamp=parse_time(entry.get("backupTimestamp")),
        result=one_line(result) if isinstance(result, str) else "",
    )
