"""Host keys are checked strictly, whatever anybody has configured."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import asyncssh
import pytest

from recovery.errors import HostKeyError
from tests.ssh.servers import (
    Account,
    InProcessServer,
    answer,
    known_hosts_line,
    new_key,
)

needs_ssh_keygen = pytest.mark.skipif(
    shutil.which("ssh-keygen") is None, reason="ssh-keygen is not installed"
)


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
