"""Files to and from a node: whole and checked, or not there at all."""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from recovery.errors import ScriptError, TransferError
from recovery.ssh.session import NodeSession
from tests.ssh.servers import Account, InProcessServer, in_process_server
from tests.ssh.waiting import until

CONTENT = os.urandom(3_000_001)
SHA256 = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def local(tmp_path: Path) -> Path:
    """A file on this machine."""
    path = tmp_path / "local file"
    path.write_bytes(CONTENT)
    return path


@pytest.fixture
def there(tmp_path: Path) -> Path:
    """A directory on the node."""
    path = tmp_path / "it's there"
    path.mkdir()
    return path


@pytest.fixture
async def shadowed(account: Account, tmp_path: Path) -> AsyncIterator[tuple[NodeSession, Path]]:
    """A session to a node on whose PATH a directory of the test's comes first."""
    tools = tmp_path / "tools"
    tools.mkdir()
    environment = {"PATH": f"{tools}:{os.environ['PATH']}"}
    async with in_process_server(account, InProcessServer(environment=environment)) as server:
        account.trust(server)
        session = NodeSession(account.node(server))
        yield session, tools
        await session.close()


def names(directory: Path) -> list[str]:
    """What lies in a directory."""
    return sorted(path.name for path in directory.iterdir())


def shadow(tools: Path, name: str, body: str) -> None:
    """Put a program of that name before the real one."""
    program = tools / name
    program.write_text(f"#!/bin/sh\n{body}\n")
    program.chmod(0o755)


async def test_a_pushed_file_is_whole_private_and_alone(
    session: NodeSession, local: Path, there: Path
) -> None:
    target = there / "snapshot.db"
    seen: list[tuple[int, int]] = []
    await session.push(
        local, str(target), sha256=SHA256, progress=lambda done, size: seen.append((done, size))
    )
    assert target.read_bytes() == CONTENT
    assert target.stat().st_mode & 0o777 == 0o600
    assert names(there) == ["snapshot.db"]
    assert seen[-1] == (len(CONTENT), len(CONTENT))


async def test_a_file_that_is_there_already_is_left_alone(
    session: NodeSession, local: Path, there: Path
) -> None:
    target = there / "snapshot.db"
    target.write_bytes(CONTENT)
    before = target.stat()
    seen: list[tuple[int, int]] = []
    await session.push(
        local, str(target), sha256=SHA256.upper(), progress=lambda *both: seen.append(both)
    )
    assert (target.stat().st_mtime_ns, target.stat().st_ino) == (before.st_mtime_ns, before.st_ino)
    assert seen == [(len(CONTENT), len(CONTENT))]


async def test_another_file_of_that_name_is_replaced(
    session: NodeSession, local: Path, there: Path
) -> None:
    target = there / "snapshot.db"
    target.write_bytes(b"older")
    (there / "snapshot.db.0a1b2c3d.partial").write_bytes(b"left over by a crash")
    await session.push(local, str(target), sha256=SHA256, mode=0o640)
    assert target.read_bytes() == CONTENT
    assert target.stat().st_mode & 0o777 == 0o640
    assert names(there) == ["snapshot.db"]


async def test_bytes_that_differ_get_no_name(
    session: NodeSession, local: Path, there: Path
) -> None:
    target = there / "snapshot.db"
    target.write_bytes(b"older")
    with pytest.raises(TransferError, match="not those that were sent"):
        await session.push(local, str(target), sha256="0" * 64)
    assert target.read_bytes() == b"older"
    assert names(there) == ["snapshot.db"]


async def test_a_file_is_not_pushed_into_a_directory(
    session: NodeSession, local: Path, there: Path
) -> None:
    with pytest.raises(TransferError) as caught:
        await session.push(local, str(there), sha256=SHA256)
    assert "is a directory" in caught.value.detail
    assert names(there) == []


async def test_a_full_disk_is_said_so(
    shadowed: tuple[NodeSession, Path], local: Path, there: Path
) -> None:
    session, tools = shadowed
    shadow(
        tools, "cat", "head -c 1000; echo 'cat: write error: No space left on device' >&2; exit 1"
    )
    with pytest.raises(TransferError, match="disk is full") as caught:
        await session.push(local, str(there / "x"), sha256=SHA256)
    assert "make room" in caught.value.remedy
    assert names(there) == []


async def test_a_node_without_openssl_takes_checksums_too(
    shadowed: tuple[NodeSession, Path], local: Path, there: Path
) -> None:
    session, tools = shadowed
    shadow(tools, "openssl", "exit 127")
    await session.push(local, str(there / "x"), sha256=SHA256)
    assert (there / "x").read_bytes() == CONTENT


async def test_a_node_that_cannot_take_checksums_is_said_so(
    shadowed: tuple[NodeSession, Path], local: Path, there: Path
) -> None:
    session, tools = shadowed
    shadow(tools, "openssl", "exit 127")
    shadow(tools, "sha256sum", "exit 127")
    with pytest.raises(TransferError, match="cannot take a checksum"):
        await session.push(local, str(there / "x"), sha256=SHA256)
    assert names(there) == []


async def test_a_push_that_stalls_ends(
    shadowed: tuple[NodeSession, Path], tmp_path: Path, there: Path
) -> None:
    session, tools = shadowed
    large = tmp_path / "large"
    large.write_bytes(bytes(8_000_000))
    shadow(tools, "cat", "exec sleep 60")
    with pytest.raises(TransferError, match=r"nothing moved for 0\.5 s"):
        await session.push(large, str(there / "x"), sha256="0" * 64, stall_timeout=0.5)
    await until(lambda: names(there) == [])


async def test_a_connection_lost_in_a_push_leaves_no_name(
    account: Account, server: InProcessServer, tmp_path: Path, there: Path
) -> None:
    large = tmp_path / "large"
    large.write_bytes(bytes(40_000_000))
    session = NodeSession(account.node(server))

    def drop(done: int, _: int) -> None:
        if done > 5_000_000:
            server.drop()

    digest = hashlib.sha256(large.read_bytes()).hexdigest()
    with pytest.raises(TransferError, match="connection was lost"):
        await session.push(large, str(there / "x"), sha256=digest, progress=drop)
    assert not (there / "x").exists()
    await session.push(large, str(there / "x"), sha256=digest)
    assert (there / "x").stat().st_size == 40_000_000
    await session.close()


async def test_a_fetched_file_is_whole_and_private(
    session: NodeSession, local: Path, tmp_path: Path
) -> None:
    target = tmp_path / "fetched"
    seen: list[tuple[int, int]] = []
    digest = await session.fetch(str(local), target, progress=lambda *both: seen.append(both))
    assert digest == SHA256 and target.read_bytes() == CONTENT
    assert target.stat().st_mode & 0o777 == 0o600
    assert seen[-1] == (len(CONTENT), len(CONTENT))
    assert not target.with_name("fetched.partial").exists()


async def test_an_empty_file_can_be_moved_both_ways(
    session: NodeSession, tmp_path: Path, there: Path
) -> None:
    empty = tmp_path / "empty"
    empty.touch()
    digest = hashlib.sha256().hexdigest()
    await session.push(empty, str(there / "empty"), sha256=digest)
    assert await session.fetch(str(there / "empty"), tmp_path / "back") == digest
    assert (tmp_path / "back").read_bytes() == b""


async def test_a_file_that_is_not_there_leaves_the_local_one(
    session: NodeSession, local: Path
) -> None:
    with pytest.raises(TransferError, match="cannot be read") as caught:
        await session.fetch("/no/such/file", local)
    assert "no such file" in caught.value.detail
    assert f"{local.name}.partial" not in names(local.parent)
    assert await session.read_file(str(local)) == CONTENT


async def test_a_connection_lost_in_a_fetch_leaves_nothing_behind(
    account: Account, server: InProcessServer, tmp_path: Path
) -> None:
    large, target = tmp_path / "large", tmp_path / "fetched"
    large.write_bytes(bytes(40_000_000))
    session = NodeSession(account.node(server))
    with pytest.raises(TransferError, match="did not arrive whole"):
        await session.fetch(str(large), target, progress=lambda *_: server.drop())
    assert not target.exists() and not target.with_name("fetched.partial").exists()
    await session.close()


async def test_a_local_directory_that_is_not_there_is_said_so(
    session: NodeSession, local: Path, tmp_path: Path
) -> None:
    with pytest.raises(TransferError, match="cannot be written here"):
        await session.fetch(str(local), tmp_path / "nowhere/fetched")


async def test_a_cancelled_fetch_leaves_nothing_behind(
    session: NodeSession, tmp_path: Path
) -> None:
    large, target = tmp_path / "large", tmp_path / "fetched"
    large.write_bytes(bytes(40_000_000))
    began = asyncio.Event()
    fetching = asyncio.ensure_future(
        session.fetch(str(large), target, progress=lambda *_: began.set())
    )
    await began.wait()
    fetching.cancel()
    with pytest.raises(asyncio.CancelledError):
        await fetching
    assert not target.exists() and not target.with_name("fetched.partial").exists()


async def test_small_files_are_written_and_read_exactly(session: NodeSession, there: Path) -> None:
    path = str(there / "etcd.yaml")
    content = b"a: \x00\xff\r\n\x1b[31m" + b"x" * 100_000
    await session.write_file(path, content, mode=0o644)
    assert await session.read_file(path) == content
    assert (there / "etcd.yaml").stat().st_mode & 0o777 == 0o644
    await session.write_file(path, b"second")
    assert await session.read_file(path) == b"second"
    assert names(there) == ["etcd.yaml"]


async def test_a_file_above_the_limit_is_not_read(session: NodeSession, local: Path) -> None:
    with pytest.raises(ScriptError, match="larger than 1000 bytes"):
        await session.read_file(str(local), limit=1000)
    assert await session.read_file(str(local), limit=len(CONTENT)) == CONTENT


async def test_a_missing_small_file_is_named(session: NodeSession) -> None:
    with pytest.raises(ScriptError, match="/no/such/file cannot be read") as caught:
        await session.read_file("/no/such/file")
    assert caught.value.exit_status == 1


async def test_relative_paths_are_refused(session: NodeSession, local: Path) -> None:
    with pytest.raises(ValueError, match="not an absolute path"):
        await session.read_file("etc/hostname")
    with pytest.raises(ValueError, match="not an absolute path"):
        await session.push(local, "-rf", sha256=SHA256)


async def test_files_are_moved_through_sudo(
    shadowed: tuple[NodeSession, Path], account: Account, local: Path, there: Path
) -> None:
    plain, tools = shadowed
    shadow(tools, "sudo", f'[ "$1" = -n ] || exit 1; shift; echo x >> "{tools}/asked"; exec "$@"')
    assert plain.node.ssh.port is not None
    server = InProcessServer(port=plain.node.ssh.port)
    session = NodeSession(account.node(server, sudo=True))
    await session.push(local, str(there / "x"), sha256=SHA256)
    assert (there / "x").read_bytes() == CONTENT
    assert (tools / "asked").read_text() == "x\n" * 2
    await session.close()
