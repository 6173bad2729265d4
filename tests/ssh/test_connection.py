"""Logging in: what is trusted, what is refused, and what the refusal says."""

from __future__ import annotations

import asyncio
import getpass
import os
import shutil
import subprocess
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import asyncssh
import pytest

from recovery.errors import HostKeyError, LoginRefusedError, NodeError, NodeUnreachableError
from recovery.inventory.model import Node, SshOptions
from recovery.ssh.session import NodeSession
from tests.ssh.servers import (
    SSHD,
    Account,
    InProcessServer,
    free_port,
    in_process_server,
    known_hosts_line,
    new_key,
    openssh_server,
)

needs_ssh_keygen = pytest.mark.skipif(
    shutil.which("ssh-keygen") is None, reason="ssh-keygen is not installed"
)


async def answer(node: Node) -> str:
    """What a script on the node writes, over a session of its own."""
    session = NodeSession(node)
    try:
        return await session.check("echo answered")
    finally:
        await session.close()


@pytest.fixture
async def silent_port() -> AsyncIterator[int]:
    """A port that takes connections and says nothing."""
    server = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
    yield server.sockets[0].getsockname()[1]
    server.close()


async def test_an_unknown_host_key_is_refused_with_the_line_that_would_accept_it(
    account: Account, server: InProcessServer
) -> None:
    account.known_hosts.write_text("")
    with pytest.raises(HostKeyError) as caught:
        await answer(account.node(server))
    error = caught.value
    line = known_hosts_line(server, server.host_key).strip()
    assert error.where == "etcd-1"
    assert server.host_key.get_fingerprint("sha256") in error.what
    assert f"echo '{line}' >> {account.known_hosts}" in error.remedy
    account.known_hosts.write_text(line + "\n")
    assert await answer(account.node(server)) == "answered\n"


async def test_a_changed_host_key_is_refused(account: Account, server: InProcessServer) -> None:
    account.known_hosts.write_text("# hosts\n")
    account.trust(server, new_key())
    with pytest.raises(HostKeyError, match="CHANGED") as caught:
        await answer(account.node(server))
    assert f"{account.known_hosts}:2" in caught.value.remedy
    assert ">>" not in caught.value.remedy


async def test_a_host_without_a_key_of_the_known_kind_counts_as_changed(
    account: Account, server: InProcessServer
) -> None:
    account.known_hosts.write_text("")
    account.trust(server, asyncssh.generate_private_key("ecdsa-sha2-nistp256"))
    with pytest.raises(HostKeyError, match="CHANGED"):
        await answer(account.node(server))


async def test_a_revoked_host_key_is_refused(account: Account, server: InProcessServer) -> None:
    line = known_hosts_line(server, server.host_key)
    account.known_hosts.write_text(f"@revoked {line}{line}")
    with pytest.raises(HostKeyError, match="revoked"):
        await answer(account.node(server))


@needs_ssh_keygen
async def test_hashed_known_hosts_are_understood(account: Account, server: InProcessServer) -> None:
    subprocess.run(  # noqa: ASYNC221 - takes no time
        ["ssh-keygen", "-H", "-f", account.known_hosts], check=True, capture_output=True
    )
    assert "127.0.0.1" not in account.known_hosts.read_text()
    assert await answer(account.node(server)) == "answered\n"


async def test_a_broken_line_does_not_hide_the_others(
    account: Account, server: InProcessServer
) -> None:
    line = account.known_hosts.read_text()
    account.known_hosts.write_bytes(b"nonsense\n@what is this\n\xff\xfe x y\n" + line.encode())
    assert await answer(account.node(server)) == "answered\n"


async def test_the_usual_known_hosts_serve_without_one_in_the_inventory(
    account: Account, server: InProcessServer, home: Path
) -> None:
    shutil.copy(account.known_hosts, home / ".ssh/known_hosts")
    assert await answer(account.node(server, known_hosts_file=None)) == "answered\n"


@pytest.mark.parametrize("files", ["", "UserKnownHostsFile /dev/null", "UserKnownHostsFile none"])
async def test_ssh_config_cannot_switch_host_key_checks_off(
    account: Account, server: InProcessServer, home: Path, files: str
) -> None:
    (home / ".ssh/config").write_text(f"Host *\n  StrictHostKeyChecking no\n  {files}\n")
    with pytest.raises(HostKeyError):
        await answer(account.node(server, known_hosts_file=None))


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


async def test_a_refused_login_names_user_and_keys(
    account: Account, server: InProcessServer
) -> None:
    new_key().write_private_key(account.identity)
    with pytest.raises(LoginRefusedError) as caught:
        await answer(account.node(server, user="ops"))
    assert "'ops'" in caught.value.what and str(account.identity) in caught.value.what
    assert "authorized_keys" in caught.value.remedy


async def test_a_missing_identity_file_is_named(account: Account, server: InProcessServer) -> None:
    account.identity.unlink()
    with pytest.raises(LoginRefusedError, match="id_ed25519 cannot be read"):
        await answer(account.node(server))


async def test_a_broken_identity_file_is_named(account: Account, server: InProcessServer) -> None:
    account.identity.write_text("-----BEGIN OPENSSH PRIVATE KEY-----\nnonsense\n")
    with pytest.raises(LoginRefusedError):
        await answer(account.node(server))


@needs_ssh_keygen
async def test_a_key_with_a_passphrase_asks_for_an_agent(
    account: Account, server: InProcessServer
) -> None:
    account.lock("secret")
    with pytest.raises(LoginRefusedError, match="passphrase") as caught:
        await answer(account.node(server))
    assert f"ssh-add {account.identity}" in caught.value.remedy


@pytest.fixture
async def agent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[None]:
    """An agent without keys."""
    program = shutil.which("ssh-agent")
    if program is None:
        pytest.skip("ssh-agent is not installed")
    socket = tmp_path / "agent"
    process = await asyncio.create_subprocess_exec(
        program, "-D", "-a", str(socket), stdout=asyncio.subprocess.DEVNULL
    )
    async with asyncio.timeout(10):
        while not socket.exists():  # noqa: ASYNC110 - another process makes it
            await asyncio.sleep(0.02)
    monkeypatch.setenv("SSH_AUTH_SOCK", str(socket))
    yield
    process.terminate()
    await process.wait()


@needs_ssh_keygen
async def test_the_agent_holds_the_key_that_has_a_passphrase(
    account: Account, server: InProcessServer, agent: None
) -> None:
    account.lock("secret")
    async with await asyncssh.connect_agent(os.environ["SSH_AUTH_SOCK"]) as client:
        for _ in range(9):
            await client.add_keys([new_key()])
        await client.add_keys([account.key])
    assert await answer(account.node(server)) == "answered\n"
    assert await answer(account.node(server, identity_file=None)) == "answered\n"


@pytest.mark.skipif(SSHD is None, reason="OpenSSH's sshd is not installed")
@pytest.mark.parametrize("named_by", ["inventory", "ssh_config"])
async def test_the_named_key_is_offered_before_an_agent_full_of_others(
    account: Account, agent: None, home: Path, named_by: str
) -> None:
    async with await asyncssh.connect_agent(os.environ["SSH_AUTH_SOCK"]) as client:
        for _ in range(9):
            await client.add_keys([new_key()])
    identity = account.identity if named_by == "inventory" else None
    if identity is None:
        (home / ".ssh/config").write_text(f"Host *\n  IdentityFile {account.identity}\n")
    async with openssh_server(account) as server:
        account.trust(server)
        node = account.node(server, user=getpass.getuser(), identity_file=identity)
        assert await answer(node) == "answered\n"


@pytest.mark.skipif(SSHD is None, reason="OpenSSH's sshd is not installed")
async def test_the_agents_other_keys_are_offered_after_the_named_one(
    account: Account, agent: None
) -> None:
    async with await asyncssh.connect_agent(os.environ["SSH_AUTH_SOCK"]) as client:
        await client.add_keys([account.key])
    new_key().write_private_key(account.identity)
    async with openssh_server(account) as server:
        account.trust(server)
        assert await answer(account.node(server, user=getpass.getuser())) == "answered\n"


@pytest.mark.skipif(SSHD is None, reason="OpenSSH's sshd is not installed")
async def test_too_many_refused_keys_are_a_refused_login(account: Account, agent: None) -> None:
    async with await asyncssh.connect_agent(os.environ["SSH_AUTH_SOCK"]) as client:
        for _ in range(9):
            await client.add_keys([new_key()])
    async with openssh_server(account) as server:
        account.trust(server)
        with pytest.raises(LoginRefusedError):
            await answer(account.node(server, user=getpass.getuser(), identity_file=None))


async def test_an_agent_that_is_gone_does_not_matter(
    account: Account, server: InProcessServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SSH_AUTH_SOCK", str(tmp_path / "nobody"))
    assert await answer(account.node(server)) == "answered\n"


async def test_a_jump_host_leads_to_the_node(account: Account, server: InProcessServer) -> None:
    async with in_process_server(account, InProcessServer(host="127.0.0.2")) as gate:
        account.trust(gate)
        node = account.node(server, proxy_jump=f"ops@{gate.host}:{gate.port}")
        assert await answer(node) == "answered\n"
        assert gate.connections[0].get_extra_info("username") == "ops"
        assert not gate.commands and len(server.commands) == 1


async def test_several_jump_hosts_lead_to_the_node(
    account: Account, server: InProcessServer
) -> None:
    async with (
        in_process_server(account, InProcessServer(host="127.0.0.2")) as first,
        in_process_server(account, InProcessServer(host="127.0.0.3")) as second,
    ):
        account.trust(first)
        account.trust(second)
        jump = f"{first.host}:{first.port},root@{second.host}:{second.port}"
        assert await answer(account.node(server, proxy_jump=jump)) == "answered\n"
        assert first.connections and second.connections


async def test_a_jump_hosts_key_is_checked_too(account: Account, server: InProcessServer) -> None:
    async with in_process_server(account, InProcessServer(host="127.0.0.2")) as gate:
        node = account.node(server, proxy_jump=f"{gate.host}:{gate.port}")
        with pytest.raises(HostKeyError, match=r"jump host 127\.0\.0\.2 is not known"):
            await answer(node)
        assert not server.connections


async def test_a_jump_host_of_ssh_config_is_checked_too(
    account: Account, server: InProcessServer, home: Path
) -> None:
    async with in_process_server(account, InProcessServer(host="127.0.0.2")) as gate:
        (home / ".ssh/config").write_text(
            f"Host gate\n  HostName {gate.host}\n  Port {gate.port}\n"
            "Host *\n  ProxyJump gate\n  StrictHostKeyChecking no\n"
        )
        with pytest.raises(HostKeyError, match="jump host"):
            await answer(account.node(server))
        account.trust(gate)
        assert await answer(account.node(server)) == "answered\n"
        assert await answer(account.node(server, proxy_jump="none")) == "answered\n"
        assert len(gate.connections) == 2


async def test_a_jump_host_that_cannot_reach_the_node_is_named(account: Account) -> None:
    async with in_process_server(account, InProcessServer(host="127.0.0.2")) as gate:
        account.trust(gate)
        nobody = InProcessServer(port=free_port())
        with pytest.raises(NodeUnreachableError, match="the jump host cannot reach"):
            await answer(account.node(nobody, proxy_jump=f"{gate.host}:{gate.port}"))


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


def test_an_ipv6_jump_host_can_be_given() -> None:
    from recovery.ssh.connection import _parse_hop

    node = Node("etcd-1", "x", ssh=SshOptions())
    assert _parse_hop(node, "ops@[fd00::1]:2222") == ("ops", "fd00::1", 2222)
    assert _parse_hop(node, "gate") == (None, "gate", None)
    with pytest.raises(NodeUnreachableError, match="USER@HOST:PORT"):
        _parse_hop(node, "gate:ssh")
