"""Everybody's ground: a home of the test's own, and servers to log in to."""

from __future__ import annotations

import getpass
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from recovery.ssh.session import NodeSession
from tests.faults.ssh_proxy import SshProxy
from tests.ssh.servers import (
    SSHD,
    Account,
    InProcessServer,
    OpenSshServer,
    in_process_server,
    openssh_server,
)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home without keys, agent and configuration: never the developer's own."""
    directory = tmp_path / "home"
    (directory / ".ssh").mkdir(parents=True, mode=0o700)
    monkeypatch.setenv("HOME", str(directory))
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    return directory


@pytest.fixture
def account(tmp_path: Path) -> Account:
    """A person with a key, who knows no host yet."""
    directory = tmp_path / "account"
    directory.mkdir(mode=0o700)
    person = Account(directory)
    person.write()
    return person


@pytest.fixture
async def server(account: Account) -> AsyncIterator[InProcessServer]:
    """A server that the person trusts."""
    async with in_process_server(account) as running:
        account.trust(running)
        yield running


@pytest.fixture
async def proxied(account: Account, server: InProcessServer) -> AsyncIterator[SshProxy]:
    """A way to the server that can be cut and slowed down."""
    proxy = SshProxy(server.host, server.port)
    await proxy.start()
    account.trust(InProcessServer(port=proxy.port, host_key=server.host_key))
    yield proxy
    await proxy.stop()


@pytest.fixture
async def through(account: Account, proxied: SshProxy) -> AsyncIterator[NodeSession]:
    """A session over that way."""
    session = NodeSession(account.node(InProcessServer(port=proxied.port), "slow"))
    yield session
    await session.close()


@pytest.fixture(params=["asyncssh", "openssh"])
async def any_server(
    request: pytest.FixtureRequest, account: Account
) -> AsyncIterator[InProcessServer | OpenSshServer]:
    """A trusted server of either kind."""
    if request.param == "asyncssh":
        async with in_process_server(account) as in_process:
            account.trust(in_process)
            yield in_process
        return
    if SSHD is None:
        pytest.skip("OpenSSH's sshd is not installed")
    async with openssh_server(account) as openssh:
        account.trust(openssh)
        yield openssh


@pytest.fixture
async def session(
    account: Account, any_server: InProcessServer | OpenSshServer
) -> AsyncIterator[NodeSession]:
    """A session to a server of either kind."""
    one = NodeSession(account.node(any_server, user=getpass.getuser()))
    yield one
    await one.close()
