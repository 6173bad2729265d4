"""Node commands through sudo."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from recovery.errors import LoginRefusedError, ScriptError
from recovery.ssh.session import NodeSession
from tests.ssh.servers import Account, InProcessServer, in_process_server
from tests.ssh.waiting import until


@pytest.fixture
async def through_sudo(account: Account, tmp_path: Path) -> AsyncIterator[tuple[NodeSession, Path]]:
    """A session whose node has a sudo of the test's own; its path."""
    sudo = tmp_path / "tools/sudo"
    sudo.parent.mkdir()
    environment = {"PATH": f"{sudo.parent}:{os.environ['PATH']}", "LC_ALL": "de_DE.UTF-8"}
    async with in_process_server(account, InProcessServer(environment=environment)) as server:
        account.trust(server)
        session = NodeSession(account.node(server, sudo=True))
        yield session, sudo
        await session.close()


def write(sudo: Path, body: str) -> None:
    """Make the program that stands for sudo."""
    sudo.write_text(f"#!/bin/sh\n{body}\n")
    sudo.chmod(0o755)


PASSES = '[ "$1" = -n ] || exit 1; shift; SUDO_USER=ops; export SUDO_USER; "$@"'


async def test_scripts_run_through_sudo(through_sudo: tuple[NodeSession, Path]) -> None:
    session, sudo = through_sudo
    write(sudo, PASSES)
    assert await session.check('echo "$SUDO_USER"') == "ops\n"


async def test_a_sudo_that_asks_for_a_password_is_a_refused_login(
    through_sudo: tuple[NodeSession, Path],
) -> None:
    session, sudo = through_sudo
    write(sudo, 'echo "$LC_ALL: sudo: a password is required" >&2; exit 1')
    with pytest.raises(LoginRefusedError, match="without a password") as caught:
        await session.check("true")
    assert "NOPASSWD" in caught.value.remedy
    assert caught.value.detail == "C: sudo: a password is required"


async def test_a_node_without_sudo_says_so(through_sudo: tuple[NodeSession, Path]) -> None:
    session, sudo = through_sudo
    write(sudo, "echo 'env: sudo: not found' >&2; exit 127")
    with pytest.raises(LoginRefusedError, match="no sudo"):
        await session.check("true")


async def test_a_timeout_ends_what_runs_below_sudo(
    through_sudo: tuple[NodeSession, Path], tmp_path: Path
) -> None:
    session, sudo = through_sudo
    write(sudo, PASSES)
    pid = tmp_path / "pid"
    with pytest.raises(ScriptError):
        await session.run(f"echo $$ > '{pid}'; sleep 600", timeout=1)
    process = Path("/proc") / pid.read_text().strip()
    await until(lambda: not process.exists())
