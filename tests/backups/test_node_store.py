"""What is special about directories on nodes."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from recovery.backups.node_store import NodeStore
from recovery.errors import NodeUnreachableError, StoreError
from recovery.ssh.session import NodeSession
from tests.ssh.servers import Account, InProcessServer


async def test_a_missing_directory_is_named_with_the_remedy(
    session: NodeSession, tmp_path: Path
) -> None:
    directory = str(tmp_path / "none")
    with pytest.raises(StoreError) as caught:
        await NodeStore(session, directory).list()
    assert directory in caught.value.what
    assert caught.value.where == "etcd-1"
    assert "backup.localStorage.path" in caught.value.remedy


async def test_a_guessed_directory_may_be_missing(session: NodeSession, tmp_path: Path) -> None:
    assert await NodeStore(session, str(tmp_path / "none"), optional=True).list() == ()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
async def test_a_directory_that_the_login_may_not_read_says_so(
    session: NodeSession, tmp_path: Path
) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o300)
    with pytest.raises(StoreError) as caught:
        await NodeStore(session, str(closed)).list()
    assert "sudo" in caught.value.remedy


async def test_links_inside_the_directory_count_and_links_out_of_it_do_not(
    session: NodeSession, tmp_path: Path
) -> None:
    directory = tmp_path / "backups"
    directory.mkdir()
    (tmp_path / "shadow.db").write_bytes(b"secret")
    (directory / "x.db").write_bytes(b"12345")
    (directory / "inside.db").symlink_to("x.db")
    (directory / "outside.db").symlink_to(tmp_path / "shadow.db")
    (directory / "dangling.db").symlink_to("nowhere.db")
    (directory / "a\n1 1 1 1 .db").symlink_to("x.db")
    (directory / "directory.db").mkdir()
    os.mkfifo(directory / "pipe.db")
    link = tmp_path / "link-to-backups"
    link.symlink_to(directory)
    for path in (directory, link):
        copies = await NodeStore(session, str(path)).list()
        assert sorted((copy.path, copy.size) for copy in copies) == [
            (f"{path}/inside.db", 5),
            (f"{path}/x.db", 5),
        ]


async def test_many_files_are_listed_at_once(session: NodeSession, tmp_path: Path) -> None:
    for number in range(3000):
        (tmp_path / f"snapshot-etcd-20261122-{number:06}-10.0.0.11.tar").touch()
    assert len(await NodeStore(session, str(tmp_path)).list()) == 3000


async def test_a_node_that_is_down_is_its_own_error(
    account: Account, server: InProcessServer
) -> None:
    node = account.node(server, port=1, connect_timeout=1.0)
    with pytest.raises(NodeUnreachableError):
        await NodeStore(NodeSession(node), "/cpaas/backup").list()
