"""What has drifted: rules over a catalog, a configuration and a moment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from recovery.backups import drift
from recovery.backups.backup_entries import Oddity, backup_entries
from recovery.backups.configuration import BackupSpec, LocalStorage, S3Storage
from recovery.backups.drift import backup_drift
from recovery.backups.listed_places import unlisted_places
from recovery.backups.model import (
    Catalog,
    Copy,
    Integrity,
    Record,
    Snapshot,
    SourceError,
    StoreKind,
)
from recovery.health.model import Check, CheckStatus
from recovery.inventory.model import Cluster, Node

MIDNIGHT = datetime(2026, 11, 24, tzinfo=UTC)
NOW = MIDNIGHT + timedelta(hours=14)
SPEC = BackupSpec(
    "0 0 * * *",
    local=LocalStorage("/cpaas/backup", 7_776_000),
    s3=S3Storage("https://s3.example.com", "etcd"),
)


def backup(
    days: int,
    nodes: Sequence[int] = (1, 2, 3),
    *,
    s3: bool = True,
    result: str | None = "Success",
    verified: bool = True,
) -> Snapshot:
    taken = MIDNIGHT - timedelta(days=days)
    name = f"snapshot-etcd-{taken:%Y%m%d-%H%M%S}-10.0.0.11.tar"
    copies = [
        Copy(StoreKind.NODE, f"/cpaas/backup/{name}", 9, taken, node=f"etcd-{n}") for n in nodes
    ]
    if s3:
        copies.append(Copy(StoreKind.S3, name, 9, taken, bucket="etcd"))
    record = Record(name, taken, result) if result is not None else None
    integrity = Integrity.VERIFIED if verified else Integrity.UNVERIFIED
    return Snapshot(name, taken, tuple(copies), record, integrity)


def check(
    name: str,
    *backups: Snapshot,
    spec: BackupSpec | None = SPEC,
    now: datetime = NOW,
    errors: tuple[SourceError, ...] = (),
    recorded: bool = True,
) -> list[Check]:
    nodes = ("etcd-1", "etcd-2", "etcd-3")
    catalog = Catalog(backups, errors, 4)
    checks = backup_drift(catalog, spec, now, nodes=nodes, recorded=recorded)
    return [one for one in checks if one.name == name]


def statuses(checks: Sequence[Check]) -> list[CheckStatus]:
    return [one.status for one in checks]


def test_where_all_is_as_promised_nothing_is_told() -> None:
    checks = backup_drift(Catalog((backup(0), backup(1)), (), 4), SPEC, NOW)
    assert checks
    assert {one.status for one in checks} == {CheckStatus.OK}


def test_a_newest_verified_backup_older_than_twice_the_interval_is_told() -> None:
    late = backup(1)
    assert statuses(check(drift.AGE, late)) == [CheckStatus.OK]
    (told,) = check(drift.AGE, late, now=MIDNIGHT + timedelta(days=1, minutes=31))
    assert told.status is CheckStatus.WARNING
    assert "2 more backups due since" in told.message
    assert statuses(check(drift.AGE, late, now=MIDNIGHT + timedelta(days=1, minutes=29))) == [
        CheckStatus.OK
    ]


def test_a_schedule_that_keeps_weekends_is_not_late_on_sunday() -> None:
    spec = replace(SPEC, schedule="0 0 * * 1-5")
    friday = backup(4)  # 2026-11-20
    assert statuses(check(drift.AGE, friday, spec=spec, now=MIDNIGHT - timedelta(days=2))) == [
        CheckStatus.OK
    ]
    assert statuses(check(drift.AGE, friday, spec=spec)) == [CheckStatus.WARNING]


def test_what_nobody_has_verified_is_neither_good_nor_bad() -> None:
    unread = backup(0, verified=False)
    assert statuses(check(drift.AGE, unread)) == [CheckStatus.SKIPPED]
    assert statuses(check(drift.AGE, unread, backup(9))) == [CheckStatus.SKIPPED]


def test_without_any_backup_there_is_nothing_to_restore() -> None:
    assert statuses(check(drift.AGE)) == [CheckStatus.FAILED]


def test_where_a_place_could_not_be_listed_nobody_says_that_there_is_none() -> None:
    error = SourceError(StoreKind.NODE, "etcd-2:/cpaas/backup", "it does not answer")
    assert statuses(check(drift.AGE, errors=(error,))) == [CheckStatus.SKIPPED]


@pytest.mark.parametrize(
    ("listed", "told"),
    [
        (SPEC, []),
        (replace(SPEC, s3=None), [drift.IN_S3]),
        (replace(SPEC, local=LocalStorage("/elsewhere")), [drift.ON_NODES]),
        (None, [drift.IN_S3]),
    ],
)
def test_backups_that_are_looked_for_elsewhere_are_told(
    listed: BackupSpec | None, told: list[str]
) -> None:
    cluster = Cluster("prod-a", (Node("etcd-1", "10.0.0.11"),), backup=listed)
    checks = list(unlisted_places(cluster, SPEC))
    assert [one.name for one in checks] == told
    assert {one.status for one in checks} <= {CheckStatus.SKIPPED}


def test_a_known_trouble_is_named_by_the_newest_record() -> None:
    said = 'Failed: secrets "x" is forbidden: User "y" cannot get resource "secrets"'
    (told,) = check(drift.RECORDS, backup(0, (), s3=False, result=said), backup(1))
    assert told.meaning.startswith("missing right to read secrets")


def test_an_overdue_backup_is_told_and_a_paused_schedule_says_so_instead() -> None:
    (told,) = check(drift.DUE, backup(1))
    assert "overdue: 1 more backup due" in told.message
    (paused,) = check(drift.DUE, backup(1), spec=replace(SPEC, paused=True))
    assert paused.message == "backups are paused"


def test_a_backup_dated_in_the_future_hides_neither_age_nor_delay_and_is_told() -> None:
    future, old = backup(-30), backup(9)
    assert statuses(check(drift.AGE, future, old)) == [CheckStatus.WARNING]
    assert statuses(check(drift.DUE, future, old)) == [CheckStatus.WARNING]
    (told,) = check(drift.DATES, future, old)
    assert told.status is CheckStatus.WARNING
    assert future.name in told.message
    assert statuses(check(drift.AGE, future)) == [CheckStatus.FAILED]


def test_a_name_in_the_time_of_an_eastern_zone_is_not_of_the_future() -> None:
    assert check(drift.DATES, backup(-1), now=MIDNIGHT + timedelta(hours=10)) == []


def test_a_ttl_beyond_all_calendars_is_never_past() -> None:
    endless = replace(SPEC, local=LocalStorage("/cpaas/backup", 999_999_999_999_999))
    assert backup_drift(Catalog((backup(0), backup(1)), (), 4), endless, NOW)
    assert backup_entries(Catalog((backup(400),), (), 4), endless, NOW)[0].oddities == ()


def test_a_schedule_that_is_not_understood_is_told_and_judges_nothing() -> None:
    spec = replace(SPEC, schedule="@every 6h")
    assert statuses(check(drift.DUE, backup(9), spec=spec)) == [CheckStatus.SKIPPED]
    assert statuses(check(drift.AGE, backup(9), spec=spec)) == [CheckStatus.OK]


def test_what_nodes_have_and_s3_lacks_is_told() -> None:
    (told,) = check(drift.IN_S3, backup(0, s3=False), backup(1))
    assert told.status is CheckStatus.WARNING
    assert told.message.startswith("1 of the newest 2")
    error = SourceError(StoreKind.S3, "s3://etcd/", "it does not answer", "check it")
    (unknown,) = check(drift.IN_S3, backup(0, s3=False), errors=(error,))
    assert unknown.status is CheckStatus.SKIPPED
    assert check(drift.IN_S3, backup(0, s3=False), spec=replace(SPEC, s3=None)) == []


def test_nodes_that_disagree_are_named_and_a_silent_one_is_not_blamed() -> None:
    (told,) = check(drift.ON_NODES, backup(0, (1, 3)), backup(1))
    assert (told.scope, told.status) == ("etcd-2", CheckStatus.WARNING)
    error = SourceError(StoreKind.NODE, "etcd-2:/cpaas/backup", "it does not answer")
    (silent,) = check(drift.ON_NODES, backup(0, (1, 3)), backup(1), errors=(error,))
    assert (silent.scope, silent.status) == ("etcd-2", CheckStatus.SKIPPED)


def test_a_node_that_has_lost_all_its_backups_is_named() -> None:
    (told,) = check(drift.ON_NODES, backup(0, (1, 3)), backup(1, (1, 3)))
    assert told.scope == "etcd-2"


def test_copies_of_different_size_are_told() -> None:
    one = backup(0)
    short = replace(one.copies[0], size=5)
    (told,) = check(drift.ON_NODES, replace(one, copies=(short, *one.copies[1:])))
    assert "differ in size" in told.message


def test_a_newest_record_that_failed_is_told() -> None:
    (told,) = check(drift.RECORDS, backup(0, (), s3=False, result="Failed"), backup(1))
    assert told.message == "the newest says Failed"
    assert statuses(check(drift.RECORDS, backup(0), recorded=False)) == [CheckStatus.SKIPPED]


def test_records_and_files_that_do_not_join_are_told() -> None:
    catalog = Catalog(
        (
            backup(0),
            backup(1, result=None),
            backup(2, (), s3=False),
            backup(3, (), s3=False, result="Failed"),
            backup(99),
        )
    )
    found = [entry.oddities for entry in backup_entries(catalog, SPEC, NOW)]
    assert found == [
        (),
        (Oddity.NO_RECORD,),
        (Oddity.NO_FILE,),
        (Oddity.FAILED,),
        (Oddity.PAST_RETENTION,),
    ]


def test_without_records_no_file_is_blamed_for_lacking_one() -> None:
    catalog = Catalog((backup(0, result=None),))
    assert backup_entries(catalog, SPEC, NOW, recorded=False)[0].oddities == ()
