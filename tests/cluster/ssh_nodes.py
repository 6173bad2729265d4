"""Nodes behind real SSH servers on loopback that run commands on this machine, for tests."""

from __future__ import annotations

import getpass
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

from recovery.inventory.model import Node, NodePaths, Role
from tests.ssh.servers import Account, InProcessServer, in_process_server


@asynccontextmanager
async def ssh_node(
    name: str,
    directory: Path,
    paths: NodePaths,
    *,
    environment: Mapping[str, str] | None = None,
    role: Role = Role.CONTROL_PLANE,
) -> AsyncIterator[Node]:
    """A node whose commands run here with `<directory>/bin` first on the PATH."""
    (directory / "bin").mkdir(parents=True, exist_ok=True)
    account = Account(directory)
    account.write()
    server = InProcessServer(
        environment={
            "PATH": f"{directory / 'bin'}:/usr/bin:/bin:/usr/sbin:/sbin",
            "HOME": str(directory),
            **(environment or {}),
        }
    )
    async with in_process_server(account, server):
        account.trust(server)
        node = account.node(server, name, user=getpass.getuser())
        yield replace(node, paths=paths, role=role)
