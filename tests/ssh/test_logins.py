"""Who logs in, and with which keys."""

from __future__ import annotations

import asyncio
import getpass
import os
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import asyncssh
import pytest

from recovery.errors import LoginRefusedError
from tests.ssh.servers import (
    SSHD,
    Account,
    InProcessServer,
    answer,
    new_key,
    openssh_server,
)

needs_ssh_keygen = pytest.mark.skipif(
    shutil.which("ssh-keygen") is None, reason="ssh-keygen is not installed"
)


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
