"""The catalog: copies from every store and the cluster's records, joined by file name."""

from __future__ import annotations

import asyncio
import dataclasses
import logging
import posixpath
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import TypeVar

from recovery.backups.belonging import traces_of
from recovery.backups.model import (
    Catalog,
    Copy,
    Integrity,
    Record,
    Snapshot,
    SourceError,
    StoreKind,
    Traces,
)
from recovery.backups.naming import parse_name
from recovery.backups.outside_text import one_line
from recovery.backups.stores import Store
from recovery.errors import RescueError
from recovery.snapshots.model import Verdict

logger = logging.getLogger(__name__)

RECORDS_LOCATION = "EtcdBackupConfiguration"
"""How the records are named where they cannot be read."""

NO_FILE = "recorded, but no file was found"
EMPTY_FILE = "the file is empty"
STOPPED = (
    "this member's own data, with no hash to check it by; "
    "what it has only in its write-ahead log is lost"
)
RUNNING = "this member runs: its data is taken through its API, with a hash"

Found = TypeVar("Found")

_EARLIEST = datetime.min.replace(tzinfo=UTC)


def join(copies: Iterable[Copy], records: Iterable[Record]) -> tuple[Snapshot, ...]:
    """Snapshots, newest first: copies of one file name are one backup, with the record of it.

    A record without a file is a snapshot without copies, and says so. Of a snapshot's copies the
    ones to be preferred come first: those of the size that most of them have (of the largest,
    if they are even), and the odd ones after them, with a remark.
    """
    by_name: dict[str, dict[str, Copy]] = {}
    for copy in copies:
        by_name.setdefault(posixpath.basename(copy.path), {})[copy.location] = copy
    recorded: dict[str, Record] = {}
    for record in records:
        earlier = recorded.get(record.file_name)
        if earlier is None or _recorded_at(record) >= _recorded_at(earlier):
            recorded[record.file_name] = record
    snapshots = (
        _snapshot(name, tuple(by_name.get(name, {}).values()), recorded.get(name))
        for name in by_name.keys() | recorded.keys()
    )
    return tuple(sorted(snapshots, key=_newest_first))


def own_data(copies: Iterable[Copy]) -> tuple[Snapshot, ...]:
    """What members still hold themselves, each a candidate of its own, named by its place."""
    return tuple(
        Snapshot(
            name=copy.location,
            taken_at=None,
            copies=(copy,),
            reason=EMPTY_FILE if copy.size == 0 else None,
            remark=RUNNING if copy.in_use else STOPPED,
            member=copy.node,
        )
        for copy in sorted(copies, key=lambda copy: copy.location)
    )


def with_verdict(
    catalog: Catalog,
    name: str,
    verdict: Verdict,
    live_keys: int | None = None,
    traces: Traces | None = None,
) -> Catalog:
    """The catalog after a snapshot of it was verified. An unknown name changes nothing.

    `live_keys` and `traces` are what is known where the verdict comes without contents.
    What verifies is usable even if the platform recorded it as failed: what the record says then
    becomes the remark.
    """

    def learn(snapshot: Snapshot) -> Snapshot:
        if snapshot.name != name:
            return snapshot
        learned = dataclasses.replace(
            snapshot,
            integrity=verdict.integrity,
            revision=verdict.revision,
            live_keys=verdict.contents.live_keys if verdict.contents is not None else live_keys,
            traces=traces_of(verdict.contents) if verdict.contents is not None else traces,
        )
        if verdict.integrity is Integrity.CORRUPT:
            return dataclasses.replace(learned, reason=verdict.reason or "the file is corrupt")
        remark = "; ".join(filter(None, (snapshot.reason, snapshot.remark))) or None
        return dataclasses.replace(learned, reason=None, remark=remark)

    return dataclasses.replace(catalog, snapshots=tuple(map(learn, catalog.snapshots)))


def keep_verdicts(catalog: Catalog, earlier: Catalog) -> Catalog:
    """A catalog listed anew, with the verdicts of an earlier one where the copies are the same."""
    known = {
        snapshot.name: snapshot
        for snapshot in earlier.snapshots
        if snapshot.integrity is not Integrity.UNVERIFIED
    }
    for snapshot in catalog.snapshots:
        before = known.get(snapshot.name)
        if before is not None and set(snapshot.copies) == set(before.copies):
            verdict = Verdict(before.integrity, before.reason, None, revision=before.revision)
            known_before = before.live_keys, before.traces
            catalog = with_verdict(catalog, snapshot.name, verdict, *known_before)
    return catalog


async def list_catalog(
    stores: Sequence[Store],
    read_records: Callable[[], Awaitable[Sequence[Record]]] | None = None,
    on_update: Callable[[Catalog], None] | None = None,
    *,
    own_records: Callable[[], Awaitable[Sequence[Record]]] | None = None,
    patience: float = 60.0,
) -> Catalog:
    """List every store and the records, all at once: backups newest first, then members' data.

    `read_records` reads the platform's, `own_records` those of backups taken without it.
    `on_update` hears the catalog as it grows.

    A source that fails, or takes longer than `patience` seconds, becomes a SourceError and never
    hides the others. Until every store has answered, records without a file are left out, because
    the file may still be found.
    """
    copies: dict[int, tuple[Copy, ...]] = {}
    records: list[Record] = []
    errors: list[SourceError] = []
    waiting = set(range(len(stores)))

    def catalog() -> Catalog:
        found = [copy for index in sorted(copies) for copy in copies[index]]
        own = [copy for copy in found if copy.store is StoreKind.MEMBER]
        snapshots = join((copy for copy in found if copy.store is not StoreKind.MEMBER), records)
        if waiting:
            snapshots = tuple(snapshot for snapshot in snapshots if snapshot.copies)
        places = sum(stores[index].kind is not StoreKind.MEMBER for index in copies)
        return Catalog((*snapshots, *own_data(own)), _once(errors), places)

    def updated() -> None:
        if on_update is not None:
            on_update(catalog())

    async def ask_store(index: int, store: Store) -> None:
        found = await _ask(store.list(), store.kind, store.label, patience)
        waiting.discard(index)
        if isinstance(found, SourceError):
            errors.append(found)
        else:
            copies[index] = found
        updated()

    async def ask_records(read: Callable[[], Awaitable[Sequence[Record]]]) -> None:
        found = await _ask(read(), StoreKind.RECORDS, RECORDS_LOCATION, patience)
        if isinstance(found, SourceError):
            errors.append(found)
        else:
            records.extend(found)
        updated()

    async with asyncio.TaskGroup() as group:
        for index, store in enumerate(stores):
            group.create_task(ask_store(index, store))
        for read in (read_records, own_records):
            if read is not None:
                group.create_task(ask_records(read))
    return catalog()


async def _ask(
    question: Awaitable[Found], kind: StoreKind, location: str, patience: float
) -> Found | SourceError:
    try:
        async with asyncio.timeout(patience):
            return await question
    except RescueError as error:
        return SourceError(kind, location, one_line(error.what), one_line(error.remedy))
    except TimeoutError:
        return SourceError(
            kind, location, f"no answer within {patience:g} s", "look again once it answers"
        )
    except Exception as error:
        # One source at fault must not hide the others; the log has the traceback.
        logger.exception("listing %s failed", location)
        return SourceError(kind, location, one_line(f"{type(error).__name__}: {error}"))


def _once(errors: Sequence[SourceError]) -> tuple[SourceError, ...]:
    """A node that is down is down for each of its directories: it is said once."""
    seen: dict[tuple[str, str], SourceError] = {}
    for error in errors:
        place = error.location.partition(":")[0] if error.location[:1] != "/" else error.location
        kept = seen.setdefault((place, error.message), error)
        if kept.store is StoreKind.MEMBER and error.store is not StoreKind.MEMBER:
            seen[(place, error.message)] = error
    return tuple(seen.values())


def _snapshot(name: str, copies: tuple[Copy, ...], record: Record | None) -> Snapshot:
    usual = _usual_size(copies)
    ordered = sorted(
        copies,
        key=lambda copy: (copy.size != usual, copy.store is StoreKind.S3, copy.location),
    )
    return Snapshot(
        name=name,
        taken_at=_taken_at(name, copies, record),
        copies=tuple(ordered),
        record=record,
        reason=_reason(copies, record),
        remark=_remark(copies, usual),
    )


def _usual_size(copies: Sequence[Copy]) -> int:
    if not copies:
        return 0
    counted = Counter(copy.size for copy in copies)
    return max(counted, key=lambda size: (counted[size], size))


def _taken_at(name: str, copies: Sequence[Copy], record: Record | None) -> datetime | None:
    if record is not None and record.backup_timestamp is not None:
        return record.backup_timestamp
    named = parse_name(name)
    if named is not None:
        return named.taken_at
    # A copy is never older than its snapshot, so the oldest is the nearest guess.
    return min((copy.modified_at for copy in copies), default=None)


def _reason(copies: Sequence[Copy], record: Record | None) -> str | None:
    failed = record is not None and bool(record.result) and not record.succeeded
    said = f"recorded as failed: {record.result}" if record is not None and failed else None
    if not copies:
        return f"{said}, and no file was found" if said else NO_FILE
    if all(copy.size == 0 for copy in copies):
        return EMPTY_FILE
    return said


def _remark(copies: Sequence[Copy], usual: int) -> str | None:
    odd = sorted((copy for copy in copies if copy.size != usual), key=lambda copy: copy.location)
    if not odd:
        return None
    named = ", ".join(f"{one_line(copy.location)} has {copy.size} bytes" for copy in odd)
    return f"copies differ: {named}, the others {usual}"


def _recorded_at(record: Record) -> datetime:
    return record.backup_timestamp or _EARLIEST


def _newest_first(snapshot: Snapshot) -> tuple[float, str]:
    taken_at = snapshot.taken_at
    return (-taken_at.timestamp() if taken_at is not None else float("inf"), snapshot.name)
