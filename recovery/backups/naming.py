"""The platform's file names, `snapshot-etcd-<date>-<time>-<ip>.tar`, read and written.

Source of the form: the platform's documentation of `status.records[].fileName`. It spells out
neither date nor time, so every common way of writing them is read.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from datetime import UTC, datetime

from recovery.backups.outside_text import is_plain_name

PREFIX = "snapshot-etcd-"
"""What the names of the platform's own backups begin with."""

SUFFIXES = (".tar", ".tar.gz", ".tgz", ".gz", ".tar.zst", ".zst", ".db")
"""Wrappings in which a snapshot may lie in a backup directory."""

DATABASE_IN_DATA_DIR = "/member/snap/db"
"""Where a member's own database lies in its data directory (etcd server/storage/datadir)."""

_UNFINISHED = (".partial", ".tmp", ".part", ".download")
_LONGEST_FIRST = tuple(sorted(SUFFIXES, key=len, reverse=True))

_STAMP = re.compile(
    r"(?P<year>[0-9]{4})[-_.]?(?P<month>[0-9]{2})[-_.]?(?P<day>[0-9]{2})"
    r"[-_. T]?"
    r"(?P<hour>[0-9]{2})[-_:.]?(?P<minute>[0-9]{2})(?:[-_:.]?(?P<second>[0-9]{2}))?"
    r"(?:\.[0-9]+)?"
    r"(?P<zone>Z|[+][0-9]{2}:?[0-9]{2})?"
    r"(?:[-_](?P<address>.+))?",
)


@dataclass(frozen=True, slots=True)
class BackupName:
    """What a backup's file name tells."""

    taken_at: datetime
    """UTC. The platform writes no zone; a zone that stands there is honoured."""
    ip: str | None
    """The address of the node that took it; None where there is none, or none that is valid."""


def parse_name(file_name: str) -> BackupName | None:
    """Time and address from a file's name; None for a name that the platform would not write."""
    if not file_name.startswith(PREFIX):
        return None
    found = _STAMP.fullmatch(_without_suffix(file_name)[len(PREFIX) :])
    if found is None:
        return None
    zone = (found["zone"] or "Z").replace("Z", "+00:00")
    try:
        taken_at = datetime.fromisoformat(
            f"{found['year']}-{found['month']}-{found['day']}"
            f"T{found['hour']}:{found['minute']}:{found['second'] or '00'}{zone}"
        ).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return BackupName(taken_at, _address(found["address"] or ""))


def write_name(taken_at: datetime, ip: str) -> str:
    """The name of a backup taken at that time (with a zone) on the node of that address.

    An IPv6 address is written with dashes for colons, which no file system or URL minds.
    """
    stamp = taken_at.astimezone(UTC).strftime("%Y%m%d-%H%M%S")
    address = ipaddress.ip_address(ip)
    text = address.exploded.replace(":", "-") if address.version == 6 else str(address)
    return f"{PREFIX}{stamp}-{text}.tar"


def is_backup_name(file_name: str) -> bool:
    """Whether the platform, or this program in its place, would have given a file that name.

    Only such files are ever deleted: with a time and a valid address, packed as a tar, on one
    line, without directories.
    """
    named = parse_name(file_name)
    whole = named is not None and named.ip is not None and file_name.endswith(".tar")
    return whole and is_candidate(file_name)


def is_candidate(file_name: str) -> bool:
    """Whether a file of that name (no directories) may hold a snapshot.

    Hidden and unfinished files do not count, nor names that would steer a terminal.
    """
    if file_name.startswith(".") or "/" in file_name or not is_plain_name(file_name):
        return False
    if file_name.endswith(_UNFINISHED):
        return False
    return file_name.startswith(PREFIX) or file_name.endswith(SUFFIXES)


def candidate_patterns() -> tuple[str, ...]:
    """Shell patterns that `is_candidate` names match; a listing may hold more, never less."""
    return (f"{PREFIX}*", *(f"*{suffix}" for suffix in SUFFIXES if suffix.count(".") == 1))


def _without_suffix(file_name: str) -> str:
    for suffix in _LONGEST_FIRST:
        if file_name.endswith(suffix):
            return file_name[: -len(suffix)]
    return file_name


def _address(text: str) -> str | None:
    for spelling in (text, text.replace("-", "."), text.replace("-", ":")):
        try:
            return str(ipaddress.ip_address(spelling))
        except ValueError:
            continue
    return None
