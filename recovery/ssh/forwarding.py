"""A tunnel to a port that a node can reach. Imports asyncssh, so import it late."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncssh

from recovery.errors import NodeError, NodeUnreachableError
from recovery.inventory.model import Node
from recovery.ssh.connection import Connection

PROBE_TIMEOUT = 10.0
"""Seconds for finding out whether the node's SSH server forwards at all."""


@asynccontextmanager
async def tunnel(
    connection: Connection, node: Node, host: str, port: int
) -> AsyncIterator[tuple[str, int]]:
    """The local address that leads there, while the context lasts."""
    try:
        listener = await connection.ssh.forward_local_port("127.0.0.1", 0, host, port)
    except (asyncssh.Error, OSError) as error:
        raise NodeUnreachableError(
            f"no tunnel to {host}:{port}: {error}", where=node.name
        ) from error
    try:
        yield "127.0.0.1", listener.get_port()
    finally:
        listener.close()


async def require_forwarding(connection: Connection, node: Node, host: str, port: int) -> None:
    """Raise NodeError where the SSH server forbids forwarding; a closed port is no reason to."""
    try:
        async with asyncio.timeout(PROBE_TIMEOUT):
            _, writer = await connection.ssh.open_connection(host, port)
    except asyncssh.ChannelOpenError as error:
        if error.code != asyncssh.OPEN_ADMINISTRATIVELY_PROHIBITED:
            return
        raise NodeError(
            f"the SSH server forbids tunnels to {host}:{port}",
            where=node.name,
            remedy="set AllowTcpForwarding local (or yes) in its sshd_config, and check PermitOpen",
            detail=error.reason,
        ) from error
    except (asyncssh.Error, OSError) as error:
        raise NodeUnreachableError(
            f"no tunnel to {host}:{port}: {str(error) or 'no answer'}", where=node.name
        ) from error
    writer.close()
