"""The newest state that anybody still knows of."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from recovery.backups.catalog import own_data
from recovery.backups.model import Catalog, Copy, Integrity, Snapshot, StoreKind
from recovery.backups.newest_state import (
    began_anew,
    newest_state,
    of_a_new_beginning,
    revisions_since,
)

MIDNIGHT = datetime(2026, 11, 22, tzinfo=UTC)


def backup(revision: int, keys: int = 3000) -> Snapshot:
    copy = Copy(StoreKind.NODE, "/cpaas/backup/one.tar", 100, MIDNIGHT, node="etcd-1")
    return Snapshot(
        "one.tar", MIDNIGHT, (copy,), None, Integrity.VERIFIED, revision=revision, live_keys=keys
    )


def own(revision: int, keys: int, member: str = "etcd-2") -> Snapshot:
    copy = Copy(StoreKind.MEMBER, "/var/lib/etcd/member/snap/db", 100, MIDNIGHT, node=member)
    (one,) = own_data([copy])
    return replace(one, integrity=Integrity.NO_HASH, revision=revision, live_keys=keys)


def test_a_members_own_data_that_goes_on_from_the_backup_is_the_newest_state() -> None:
    catalog = Catalog((backup(500), own(800, 3100)))
    newest = newest_state(catalog, None)
    assert newest is not None
    assert (newest.revision, newest.member) == (800, "etcd-2")
    assert revisions_since(catalog.snapshots[0], newest) == 300


def test_a_member_that_began_anew_is_never_the_newest_state() -> None:
    catalog = Catalog((backup(500), own(9000, 120)))
    assert began_anew(catalog.snapshots[1], catalog)
    newest = newest_state(catalog, None)
    assert newest is not None
    assert (newest.revision, newest.member) == (500, None)


def test_a_backup_with_a_handful_of_keys_is_of_a_new_beginning() -> None:
    poor, rich = replace(backup(9000, 40), name="new.tar"), backup(500, 3000)
    catalog = Catalog((poor, rich))
    assert of_a_new_beginning(poor, catalog)
    assert not of_a_new_beginning(rich, catalog)
    corrupt = replace(rich, integrity=Integrity.CORRUPT)
    assert not of_a_new_beginning(poor, Catalog((poor, corrupt)))


def test_revisions_that_a_restore_raised_are_not_counted() -> None:
    catalog = Catalog((backup(500), own(1_000_000_700, 3000)))
    newest = newest_state(catalog, None)
    assert revisions_since(catalog.snapshots[0], newest) is None
