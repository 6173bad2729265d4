"""Whether the backups can be relied on: what has drifted from what the configuration promises.

Pure rules over a catalog, a configuration's spec and a moment, for `check` and the home screen.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from recovery.backups.backup_entries import BackupEntry, Oddity, backup_entries
from recovery.backups.configuration import BackupSpec
from recovery.backups.model import Catalog, Integrity, Snapshot, StoreKind
from recovery.backups.platform_troubles import known_trouble
from recovery.backups.schedule import parse_schedule
from recovery.errors import ConfigurationError
from recovery.health.model import CLUSTER_SCOPE, Check, CheckStatus

DATES = "dates of backups"
AGE = "newest verified backup"
DUE = "backups taken when due"
IN_S3 = "copies in S3"
ON_NODES = "copies on nodes"
RECORDS = "backup records"

_MISSED = 2
"""The newest good backup is too old once so many later ones should have been there."""
_GRACE = timedelta(minutes=30)
"""What taking a backup may last."""
_AHEAD = timedelta(hours=15)
"""Names tell no zone: one that is further ahead than any zone's time comes of a wrong clock."""
_LOOKED_AT = 5
"""So many of the newest backups must be everywhere; older ones may have gone in good order."""


def backup_drift(
    catalog: Catalog,
    spec: BackupSpec | None,
    now: datetime,
    *,
    nodes: Sequence[str] = (),
    recorded: bool = True,
) -> tuple[Check, ...]:
    """The checks: a place that could not be listed makes one SKIPPED, never wrong or right.

    `nodes` are those that must have what the others have; `recorded` says whether the cluster's
    records could be read. Verdicts are those that the catalog knows: what nobody has verified yet
    is not taken for good.
    """
    catalog = replace(catalog, snapshots=_own(catalog.snapshots))
    entries = backup_entries(catalog, spec, now, recorded=recorded)
    checks = [_age(catalog, spec, now), *_dates(catalog, now)]
    if spec is not None:
        checks += _due(entries, spec, now)
        checks += _in_s3(catalog, entries, spec)
    checks += _on_nodes(catalog, entries, nodes)
    checks += _records(entries, recorded=recorded)
    return tuple(checks)


def _own(snapshots: Sequence[Snapshot]) -> tuple[Snapshot, ...]:
    """What another cluster has written to the same place is no backup of this one; where nothing
    is surely this one's, what may be is counted."""
    sure = tuple(one for one in snapshots if one.strange is None)
    if any(one.member is None and one.copies for one in sure):
        return sure
    return tuple(one for one in snapshots if one.strange is None or not one.strange.certain)


def _age(catalog: Catalog, spec: BackupSpec | None, now: datetime) -> Check:
    backups = [
        one
        for one in catalog.snapshots
        if one.member is None and one.usable and not _is_ahead(one.taken_at, now)
    ]
    best = next((one for one in backups if one.integrity is Integrity.VERIFIED), None)
    if best is None or best.taken_at is None:
        newer = any(one.integrity is Integrity.UNVERIFIED for one in backups)
        if not newer and (catalog.errors or not catalog.places):
            return Check(
                AGE,
                CLUSTER_SCOPE,
                CheckStatus.SKIPPED,
                "none was found, and not every place could be listed",
                remedy="etcd-rescue snapshots names the places",
            )
        return Check(
            AGE,
            CLUSTER_SCOPE,
            CheckStatus.SKIPPED if newer else CheckStatus.FAILED,
            "none is verified yet" if newer else "there is none",
            "" if newer else "If etcd were lost now, nothing would be there to restore.",
            "etcd-rescue verify latest" if newer else "take a backup now",
        )
    message = f"{best.taken_at:%Y-%m-%d %H:%M} UTC"
    missed = _missed(spec, best.taken_at, now)
    unread = _unread_before(backups, best)
    if missed is None or missed < _MISSED:
        return Check(AGE, CLUSTER_SCOPE, CheckStatus.OK, message)
    if unread:
        return Check(
            AGE,
            CLUSTER_SCOPE,
            CheckStatus.SKIPPED,
            f"{message}; newer ones are not verified yet",
            remedy="etcd-rescue verify latest",
        )
    return Check(
        AGE,
        CLUSTER_SCOPE,
        CheckStatus.WARNING,
        f"{message}: {_times(missed)} due since",
        "It is older than twice the interval of the schedule: a restore would lose all since.",
        "take a backup now, and see why the scheduled ones fail",
    )


def _dates(catalog: Catalog, now: datetime) -> Iterator[Check]:
    """What is dated in the future would hide for as long that no later one is taken."""
    ahead = [one for one in catalog.snapshots if one.copies and _is_ahead(one.taken_at, now)]
    if ahead:
        yield Check(
            DATES,
            CLUSTER_SCOPE,
            CheckStatus.WARNING,
            f"{len(ahead)} by {'its name was' if len(ahead) == 1 else 'their names were'} taken in"
            f" the future, the first {ahead[-1].name}",
            "A clock was wrong, here or where it was taken. Such a backup counts for nothing here;"
            " `latest` takes it only where its revision is beyond those of the others.",
            "compare the clocks: etcd-rescue health; set right the one that is wrong",
        )


def _is_ahead(taken_at: datetime | None, now: datetime) -> bool:
    return taken_at is not None and taken_at > now + _AHEAD


def _unread_before(backups: Sequence[Snapshot], best: Snapshot) -> bool:
    newer = backups[: backups.index(best)]
    return any(one.integrity is Integrity.UNVERIFIED for one in newer)


def _due(entries: Sequence[BackupEntry], spec: BackupSpec, now: datetime) -> Iterator[Check]:
    if spec.paused:
        yield Check(
            DUE,
            CLUSTER_SCOPE,
            CheckStatus.WARNING,
            "backups are paused",
            "Nothing is backed up until somebody resumes them.",
            "etcd-rescue backup set --paused no",
        )
        return
    newest = next(
        (
            one.taken_at
            for one in entries
            if one.files[0].copies and one.taken_at and not _is_ahead(one.taken_at, now)
        ),
        None,
    )
    if newest is None:
        return
    missed = _missed(spec, newest, now)
    if missed is None:
        yield Check(
            DUE,
            CLUSTER_SCOPE,
            CheckStatus.SKIPPED,
            f"the schedule {spec.schedule} is not understood here",
            remedy="see what the platform makes of it: etcd-rescue backup show",
        )
    elif missed:
        yield Check(
            DUE,
            CLUSTER_SCOPE,
            CheckStatus.WARNING,
            f"overdue: {_times(missed)} due since the newest file of {newest:%Y-%m-%d %H:%M} UTC",
            "No file was written when one was due.",
            "see the newest record: etcd-rescue backup show",
        )
    else:
        yield Check(DUE, CLUSTER_SCOPE, CheckStatus.OK, f"the last one was taken {newest:%H:%M}")


def _missed(spec: BackupSpec | None, newest: datetime, now: datetime) -> int | None:
    """How many later times were due; None where there is no schedule to tell. A backup that is
    named for the minute it was due in was taken then."""
    if spec is None:
        return None
    try:
        schedule = parse_schedule(spec.schedule)
    except ConfigurationError:
        return None
    return schedule.due_between(newest.replace(second=59), now - _GRACE)


def _in_s3(catalog: Catalog, entries: Sequence[BackupEntry], spec: BackupSpec) -> Iterator[Check]:
    if spec.s3 is None:
        return
    unlisted = [error for error in catalog.errors if error.store is StoreKind.S3]
    if unlisted:
        yield Check(
            IN_S3,
            CLUSTER_SCOPE,
            CheckStatus.SKIPPED,
            f"the bucket could not be listed: {unlisted[0].message}",
            remedy=unlisted[0].remedy,
        )
        return
    held = [one for one in entries if one.nodes][:_LOOKED_AT]
    lacking = [one for one in held if not one.in_s3]
    if lacking:
        yield Check(
            IN_S3,
            CLUSTER_SCOPE,
            CheckStatus.WARNING,
            f"{len(lacking)} of the newest {len(held)} on nodes are not in the bucket,"
            f" the first {lacking[0].name}",
            "If the nodes were lost, these backups would be lost with them.",
            "test the bucket with the cluster's keys: etcd-rescue backup set --test",
        )
    elif held:
        yield Check(IN_S3, CLUSTER_SCOPE, CheckStatus.OK, f"the newest {len(held)} are there")


def _on_nodes(
    catalog: Catalog, entries: Sequence[BackupEntry], nodes: Sequence[str]
) -> Iterator[Check]:
    silent = {
        error.location.partition(":")[0]
        for error in catalog.errors
        if error.store is StoreKind.NODE
    }
    holders = sorted({*nodes, *(node for one in entries for node in one.nodes)})
    newest = [one for one in entries if one.nodes][:_LOOKED_AT]
    for node in holders:
        if node in silent:
            continue
        lacking = [one for one in newest if node not in one.nodes]
        if lacking:
            yield Check(
                ON_NODES,
                node,
                CheckStatus.WARNING,
                f"lacks {len(lacking)} of the newest {len(newest)} that other nodes have",
                "Nodes that hold different backups are no copies of each other.",
                "see its disk and its backup directory: etcd-rescue backup show",
            )
    for error in catalog.errors:
        if error.store is StoreKind.NODE:
            node = error.location.partition(":")[0]
            yield Check(ON_NODES, node, CheckStatus.SKIPPED, error.message, remedy=error.remedy)
    for one in newest:
        if len({copy.size for file in one.files[:1] for copy in file.copies}) > 1:
            yield Check(
                ON_NODES,
                CLUSTER_SCOPE,
                CheckStatus.WARNING,
                f"copies of {one.name} differ in size",
                "One of them was cut short, or written by somebody else.",
                f"etcd-rescue verify {one.name}",
            )


def _records(entries: Sequence[BackupEntry], *, recorded: bool) -> Iterator[Check]:
    if not recorded:
        yield Check(RECORDS, CLUSTER_SCOPE, CheckStatus.SKIPPED, "they could not be read")
        return
    newest = next((one for one in entries if one.result), None)
    if newest is not None and Oddity.FAILED in newest.oddities:
        trouble = known_trouble(newest.result)
        yield Check(
            RECORDS,
            CLUSTER_SCOPE,
            CheckStatus.WARNING,
            f"the newest says {newest.result}",
            f"{trouble.name}: {trouble.meaning}"
            if trouble is not None
            else "The last backup could not be taken, or not stored.",
            trouble.remedy if trouble is not None else "take one now, and see what it says",
        )


def _times(missed: int) -> str:
    return f"{missed} more backup{'' if missed == 1 else 's'}" if missed < 9 else "9 and more"
