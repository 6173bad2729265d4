"""Every backup as the records and the places have it together, and what is odd about it.

Pure: over a catalog, a configuration's spec and a moment.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from recovery.backups.configuration import BackupSpec
from recovery.backups.model import Catalog, Snapshot, StoreKind
from recovery.backups.same_backup import by_backup

_TTL_GRACE = timedelta(days=1)
"""Whoever deletes old files does not do it by the second."""


class Oddity(enum.Enum):
    """What may be odd about a backup."""

    NO_FILE = "recorded, no file"
    NO_RECORD = "no record"
    FAILED = "failed"
    PAST_RETENTION = "past its retention"
    ANOTHERS = "another cluster's"
    """Or it may be: nothing else about it says anything of this one's backups."""


@dataclass(frozen=True, slots=True)
class BackupEntry:
    """One backup: its files (one, or one from each node) and what is odd."""

    files: tuple[Snapshot, ...]
    oddities: tuple[Oddity, ...]

    @property
    def name(self) -> str:
        """The name of its first file."""
        return self.files[0].name

    @property
    def taken_at(self) -> datetime | None:
        """When it was taken, UTC."""
        return self.files[0].taken_at

    @property
    def result(self) -> str:
        """What its record says; empty without one."""
        return next((one.record.result for one in self.files if one.record is not None), "")

    @property
    def nodes(self) -> frozenset[str]:
        """The nodes that have a file of it."""
        copies = (copy for one in self.files for copy in one.copies)
        return frozenset(c.node for c in copies if c.store is StoreKind.NODE and c.node)

    @property
    def in_s3(self) -> bool:
        """Whether the bucket has it."""
        return any(copy.store is StoreKind.S3 for one in self.files for copy in one.copies)


def backup_entries(
    catalog: Catalog, spec: BackupSpec | None, now: datetime, *, recorded: bool = True
) -> tuple[BackupEntry, ...]:
    """All backups, newest first. `recorded`: whether records were read, so that one can lack."""
    backups = [one for one in catalog.snapshots if one.member is None]
    return tuple(
        BackupEntry(tuple(files), tuple(_oddities(files, spec, now, recorded=recorded)))
        for files in by_backup(backups)
    )


def _oddities(
    files: Iterable[Snapshot], spec: BackupSpec | None, now: datetime, *, recorded: bool
) -> Iterator[Oddity]:
    files = tuple(files)
    if any(one.strange is not None for one in files):
        yield Oddity.ANOTHERS
        return
    records = [one.record for one in files if one.record is not None]
    copies = [copy for one in files for copy in one.copies]
    failed = any(record.result and not record.succeeded for record in records)
    if failed:
        yield Oddity.FAILED
    elif records and not copies:
        yield Oddity.NO_FILE
    if copies and not records and recorded:
        yield Oddity.NO_RECORD
    taken_at = files[0].taken_at
    ttl = spec.local.ttl_seconds if spec is not None and spec.local is not None else None
    on_nodes = any(copy.store is StoreKind.NODE for copy in copies)
    if (
        ttl
        and on_nodes
        and taken_at is not None
        # In seconds: a ttl may reach past what a timedelta holds.
        and (now - taken_at - _TTL_GRACE).total_seconds() > ttl
    ):
        yield Oddity.PAST_RETENTION
