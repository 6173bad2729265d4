"""Files that nodes wrote of one and the same backup."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from recovery.backups.model import Copy, Integrity, Snapshot, StoreKind
from recovery.backups.same_backup import by_backup, siblings_of

MIDNIGHT = datetime(2026, 11, 22, tzinfo=UTC)


def file_of(node: int, day: int = 22) -> Snapshot:
    name = f"snapshot-etcd-202611{day}-000000-10.0.0.1{node}.tar"
    copy = Copy(StoreKind.NODE, f"/cpaas/backup/{name}", 100, MIDNIGHT, node=f"etcd-{node}")
    return Snapshot(name, MIDNIGHT.replace(day=day), (copy,))


def test_files_of_one_moment_and_several_nodes_are_one_backup() -> None:
    files = [file_of(1), file_of(2), file_of(1, 21), file_of(3)]
    assert [len(group) for group in by_backup(files)] == [3, 1]
    assert siblings_of(files[0], files) == (files[1], files[3])


def test_the_file_that_verifies_stands_for_its_backup() -> None:
    corrupt = replace(file_of(1), integrity=Integrity.CORRUPT)
    sound = replace(file_of(3), integrity=Integrity.VERIFIED)
    ((first, *_),) = by_backup([corrupt, file_of(2), sound])
    assert first is sound


def test_files_with_names_of_their_own_and_members_data_stay_alone() -> None:
    odd = [replace(file_of(1), name=name) for name in ("a.db", "b.db")]
    own = [replace(file_of(n), name=file_of(1).name, member=f"etcd-{n}") for n in (1, 2)]
    assert all(siblings_of(one, [*odd, *own]) == () for one in (*odd, *own))
