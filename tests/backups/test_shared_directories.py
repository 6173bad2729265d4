"""A backup directory that several nodes share, and what broken-off backups leave in one."""

from __future__ import annotations

import os
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from recovery.backups.node_store import NodeStore
from recovery.backups.shared_directories import by_directory
from recovery.backups.writing_everywhere import write_everywhere
from recovery.inventory.model import Cluster
from recovery.ssh.fleet import Fleet
from tests.backups.places import CONTENT, NAME, OLDER
from tests.ssh.servers import Account, InProcessServer

A_DAY = 86_400


@pytest.fixture
async def fleet(account: Account, server: InProcessServer) -> AsyncIterator[Fleet]:
    nodes = tuple(account.node(server, name=f"etcd-{n}") for n in (1, 2, 3))
    away = account.node(server, name="etcd-4", port=1, connect_timeout=1.0)
    async with Fleet(Cluster("prod-a", (*nodes, away))) as one:
        yield one


def store(fleet: Fleet, node: str, directory: Path) -> NodeStore:
    return NodeStore(fleet.session(node), str(directory))


async def test_who_shares_a_directory_is_found_out_and_nothing_of_it_is_left(
    fleet: Fleet, tmp_path: Path
) -> None:
    shared, own = tmp_path / "sha red", tmp_path / "own"
    stores = [
        store(fleet, "etcd-1", shared),
        store(fleet, "etcd-2", own),
        store(fleet, "etcd-3", shared),
        store(fleet, "etcd-4", shared),
    ]
    groups = await by_directory(stores)
    assert [[each.node for each in group] for group in groups] == [
        ["etcd-1", "etcd-3"],
        ["etcd-2"],
        ["etcd-4"],
    ]
    assert list(shared.iterdir()) == list(own.iterdir()) == []


async def test_a_shared_directory_gets_the_backup_once_and_every_node_has_it(
    fleet: Fleet, tmp_path: Path, file: Path, digest: str
) -> None:
    shared = tmp_path / "shared"
    stores = [store(fleet, f"etcd-{n}", shared) for n in (1, 2, 3)]
    written = await write_everywhere(stores, file, NAME, digest)
    assert written.failures == ()
    assert [copy.node for copy in written.copies] == ["etcd-1", "etcd-2", "etcd-3"]
    (told,) = written.notes
    assert told.startswith("etcd-1, etcd-2 and etcd-3 share the directory")
    assert told.endswith("one copy")
    assert [path.name for path in shared.iterdir()] == [NAME]
    assert (shared / NAME).read_bytes() == CONTENT

    (shared / OLDER).write_bytes(b"12345")
    olds = [next(copy for copy in await one.list() if copy.path.endswith(OLDER)) for one in stores]
    for one, old, keep in zip(stores, olds, written.copies, strict=True):
        await one.remove(old, keep)
    assert [path.name for path in shared.iterdir()] == [NAME]


async def test_what_a_broken_off_backup_left_long_ago_goes_once_a_new_one_is_there(
    fleet: Fleet, tmp_path: Path, file: Path, digest: str
) -> None:
    directory = tmp_path / "backups"
    directory.mkdir()
    stale, fresh = directory / f"{OLDER}.0a1b2c3d.partial", directory / f"{OLDER}.9f8e7d6c.partial"
    others = [directory / f"{OLDER}.partial", directory / "notes.tar.0a1b2c3d.partial"]
    for path in (stale, fresh, *others):
        path.write_bytes(b"half of it")
    for path in (stale, *others):
        os.utime(path, (time.time() - 2 * A_DAY,) * 2)
    written = await write_everywhere([store(fleet, "etcd-1", directory)], file, NAME, digest)
    (told,) = written.notes
    assert told == (
        f"etcd-1: removed {directory}/{stale.name} (10 bytes), which a backup left that was "
        "broken off"
    )
    left = {path.name for path in directory.iterdir()}
    assert left == {NAME, fresh.name, *(path.name for path in others)}


async def test_where_the_new_one_could_not_be_written_nothing_is_taken_away(
    fleet: Fleet, tmp_path: Path, file: Path, digest: str
) -> None:
    directory = tmp_path / "backups"
    directory.mkdir()
    stale = directory / f"{OLDER}.0a1b2c3d.partial"
    stale.write_bytes(b"half of it")
    os.utime(stale, (time.time() - 2 * A_DAY,) * 2)
    (directory / NAME).write_bytes(b"somebody else's")
    written = await write_everywhere([store(fleet, "etcd-1", directory)], file, NAME, digest)
    assert (written.copies, written.notes) == ((), ())
    assert stale.exists()
