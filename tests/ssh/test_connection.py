"""A connection: how it is opened, shared, lost and closed, and what leads through it."""

from __future__ import annotations

import asyncio
import getpass
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import pytest

from recovery.errors import NodeError, NodeUnreachableError
from recovery.inventory.model import Node
from recovery.ssh.session import NodeSession
from tests.ssh.servers import (
    SSHD,
    Account,
    InProcessServer,
    answer,
    free_port,
    in_process_server,
    openssh_server,
)


@pytest.fixture
async def silent_port() -> AsyncIterator[int]:
    """A port that takes connections and says nothing."""
    server = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
    yield server.sockets[0].getsockname()[1]
    server.close()


async def test_ssh_config_gives_host_user_port_and_key(
    account: Account, server: InProcessServer, home: Path
) -> None:
    (home / ".ssh/config").write_text(
        f"Host first\n  HostName {server.host}\n  Port {server.port}\n  User somebody\n"
        f"  IdentityFile {account.identity}\n  UserKnownHostsFile {account.known_hosts}\n"
        "  ForwardAgent yes\n  RequestTTY force\n  RemoteCommand echo not this\n  SendEnv *\n"
    )
    assert await answer(Node("etcd-1", "first")) == "answered\n"
    assert server.connections[-1].get_extra_info("username") == "somebody"


async def test_a_broken_ssh_config_is_named(
    account: Account, server: InProcessServer, home: Path
) -> None:
    (home / ".ssh/config").write_text("Port twentytwo\n")
    with pytest.raises(NodeUnreachableError, match="line 1") as caught:
        await answer(account.node(server))
    assert "~/.ssh/config" in caught.value.remedy


async def test_a_closed_port_is_a_refused_connection(account: Account) -> None:
    nobody = InProcessServer(port=free_port())
    with pytest.raises(NodeUnreachableError, match="refuses the connection"):
        await answer(account.node(nobody))


async def test_a_name_that_does_not_resolve_is_said_so(account: Account) -> None:
    nobody = InProcessServer(host="no-such-host.invalid", port=22)
    with pytest.raises(NodeUnreachableError, match=r"does not (resolve|answer)"):
        await answer(account.node(nobody))


async def test_a_silent_host_is_unreachable_within_its_timeout(
    account: Account, silent_port: int
) -> None:
    silent = InProcessServer(port=silent_port)
    async with asyncio.timeout(5):
        with pytest.raises(NodeUnreachableError, match=r"does not answer within 0\.5 s"):
            await answer(account.node(silent, connect_timeout=0.5))


async def test_something_that_is_no_ssh_server_is_unreachable(account: Account) -> None:
    async def greet(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(greet, "127.0.0.1", 0)
    with pytest.raises(NodeUnreachableError, match="ended the connection before the login"):
        await answer(account.node(InProcessServer(port=server.sockets[0].getsockname()[1])))
    server.close()


async def test_concurrent_callers_share_one_connection(
    account: Account, server: InProcessServer
) -> None:
    session = NodeSession(account.node(server))
    await asyncio.gather(*(session.check("true") for _ in range(5)))
    assert len(server.connections) == 1
    await session.close()


async def test_the_fast_cipher_is_used_and_nothing_is_forwarded(
    account: Account, server: InProcessServer, home: Path
) -> None:
    (home / ".ssh/config").write_text("ForwardAgent yes\n")
    assert await answer(account.node(server)) == "answered\n"
    connection = server.connections[0]
    assert connection.get_extra_info("send_cipher") == "aes128-gcm@openssh.com"


async def test_a_lost_connection_is_opened_again_by_the_next_call(
    account: Account, server: InProcessServer
) -> None:
    session = NodeSession(account.node(server))
    await session.check("true")
    server.drop()
    await asyncio.gather(*(one.wait_closed() for one in server.connections))
    assert await session.check("echo back") == "back\n"
    await session.close()


async def test_closing_while_connecting_ends_the_waiting(
    account: Account, silent_port: int
) -> None:
    session = NodeSession(account.node(InProcessServer(port=silent_port), connect_timeout=60.0))
    waiting = asyncio.ensure_future(session.check("true"))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    await session.close()
    with pytest.raises(NodeUnreachableError, match="closed"):
        await waiting


async def test_one_impatient_caller_does_not_cancel_the_others(
    account: Account, server: InProcessServer
) -> None:
    session = NodeSession(account.node(server))
    impatient = asyncio.ensure_future(session.check("true"))
    patient = asyncio.ensure_future(session.check("echo patient"))
    await asyncio.sleep(0)
    impatient.cancel()
    assert await patient == "patient\n"
    with suppress(asyncio.CancelledError):
        await impatient
    await session.close()


async def test_a_tunnel_leads_to_a_port_of_the_node(
    account: Account, server: InProcessServer
) -> None:
    async def greet(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"hello\n")
        writer.close()

    service = await asyncio.start_server(greet, "127.0.0.1", 0)
    session = NodeSession(account.node(server))
    async with session.tunnel("127.0.0.1", service.sockets[0].getsockname()[1]) as (host, port):
        assert host == "127.0.0.1"
        reader, writer = await asyncio.open_connection(host, port)
        assert await reader.readline() == b"hello\n"
        writer.close()
    with pytest.raises(OSError):
        await asyncio.open_connection(host, port)
    service.close()
    await session.close()


async def test_a_server_that_forbids_tunnels_is_named(account: Account) -> None:
    async with in_process_server(account, InProcessServer(forwards=False)) as server:
        account.trust(server)
        session = NodeSession(account.node(server))
        with pytest.raises(NodeError, match="forbids tunnels") as caught:
            async with session.tunnel("127.0.0.1", 2379):
                pass
        assert "AllowTcpForwarding" in caught.value.remedy
        await session.close()


@pytest.mark.skipif(SSHD is None, reason="OpenSSH's sshd is not installed")
async def test_an_openssh_server_that_forbids_tunnels_is_named(account: Account) -> None:
    async with openssh_server(account, "AllowTcpForwarding no") as server:
        account.trust(server)
        session = NodeSession(account.node(server, user=getpass.getuser()))
        with pytest.raises(NodeError, match="forbids tunnels"):
            async with session.tunnel("127.0.0.1", 2379):
                pass
        assert await session.check("echo still there") == "still there\n"
        await session.close()


async def test_a_tunnel_to_a_closed_port_can_be_opened(
    account: Account, server: InProcessServer
) -> None:
    session = NodeSession(account.node(server))
    async with session.tunnel("127.0.0.1", free_port()) as (host, port):
        reader, writer = await asyncio.open_connection(host, port)
        assert await reader.read() == b""
        writer.close()
    await session.close()
