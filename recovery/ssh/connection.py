"""Opens one SSH connection: ssh_config, agent, keys, jump hosts, strict host keys, clear errors.

Imports asyncssh, so import it late.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from dataclasses import dataclass, field
from pathlib import Path

import asyncssh

from recovery.errors import NodeUnreachableError
from recovery.inventory.model import Node, SshOptions
from recovery.ssh.connection_errors import Attempt, explain
from recovery.ssh.known_hosts import GLOBAL_FILES, KnownHosts

KEEPALIVE_INTERVAL = 10.0
"""Seconds; a connection counts as lost after three unanswered ones."""
MOST_HOPS = 8

asyncssh.set_log_level(logging.WARNING)  # below it, commands are logged
logging.getLogger("asyncssh").addHandler(logging.NullHandler())


@dataclass(frozen=True, slots=True)
class Connection:
    """A connection, and those to the jump hosts that carry it."""

    ssh: asyncssh.SSHClientConnection
    hops: tuple[asyncssh.SSHClientConnection, ...] = ()

    @property
    def lost(self) -> bool:
        """Whether it is closed, by whichever side."""
        return self.ssh.is_closed()

    async def close(self, timeout: float = 3.0) -> None:
        """Close it and its hops; whoever does not answer in time is cut off."""
        for one in (self.ssh, *reversed(self.hops)):
            one.close()
            try:
                async with asyncio.timeout(timeout):
                    await one.wait_closed()
            except (TimeoutError, asyncssh.Error, OSError):
                one.abort()


@dataclass(frozen=True, slots=True)
class _Target:
    """A machine to log in to: the node, or a jump host on the way."""

    host: str
    user: str | None
    port: int | None
    is_node: bool
    seen: frozenset[str] = field(default_factory=frozenset)


class _Client(asyncssh.SSHClient):
    """Trusts what known_hosts says, and remembers what it did not trust."""

    def __init__(self, known_hosts: KnownHosts) -> None:
        self._known_hosts = known_hosts

    def validate_host_public_key(
        self, host: str, addr: str, port: int, key: asyncssh.SSHKey
    ) -> bool:
        self._known_hosts.refuse(host, port, key)
        return False


async def open_connection(node: Node) -> Connection:
    """Log in to a node; every machine on the way has `connect_timeout` seconds.

    Raises NodeUnreachableError, HostKeyError or LoginRefusedError.
    """
    options = node.ssh
    target = _Target(node.host, options.user, options.port, is_node=True)
    async with contextlib.AsyncExitStack() as hops:
        return await _open(node, target, options.proxy_jump, hops)


async def _open(
    node: Node, target: _Target, jump: str | None, cleanup: contextlib.AsyncExitStack
) -> Connection:
    attempt = Attempt(node, target.host, target.port, target.is_node)
    try:
        options = await _client_options(node.ssh, target, attempt)
    except (OSError, ValueError, asyncssh.Error) as error:
        raise explain(error, attempt) from error
    hops: tuple[asyncssh.SSHClientConnection, ...] = ()
    via = jump if jump is not None else options.tunnel
    if isinstance(via, str) and via.lower() != "none":
        hops = await _open_hops(node, via, target, cleanup)
    try:
        async with asyncio.timeout(node.ssh.connect_timeout):
            ssh = await asyncssh.connect(
                target.host,
                config=_config_files(),
                options=options,
                tunnel=hops[-1] if hops else None,
            )
    except (OSError, ValueError, asyncssh.Error) as error:
        raise explain(error, attempt) from error
    if target.is_node:
        cleanup.pop_all()
    return Connection(ssh, hops)


async def _open_hops(
    node: Node, jump: str, target: _Target, cleanup: contextlib.AsyncExitStack
) -> tuple[asyncssh.SSHClientConnection, ...]:
    hops: tuple[asyncssh.SSHClientConnection, ...] = ()
    for name in jump.split(","):
        user, host, port = _parse_hop(node, name)
        if host in target.seen or host == target.host:
            continue
        if len(target.seen) >= MOST_HOPS:
            raise NodeUnreachableError("jump hosts lead in a circle", where=node.name)
        hop = _Target(host, user, port, is_node=False, seen=target.seen | {target.host})
        opened = await _open_hop(node, hop, hops, cleanup)
        hops = opened
    return hops


async def _open_hop(
    node: Node,
    hop: _Target,
    through: tuple[asyncssh.SSHClientConnection, ...],
    cleanup: contextlib.AsyncExitStack,
) -> tuple[asyncssh.SSHClientConnection, ...]:
    attempt = Attempt(node, hop.host, hop.port, is_node=False)
    try:
        options = await _client_options(node.ssh, hop, attempt)
    except (OSError, ValueError, asyncssh.Error) as error:
        raise explain(error, attempt) from error
    if not through and isinstance(options.tunnel, str):
        through = await _open_hops(node, options.tunnel, hop, cleanup)
    try:
        async with asyncio.timeout(node.ssh.connect_timeout):
            ssh = await asyncssh.connect(
                hop.host,
                config=_config_files(),
                options=options,
                tunnel=through[-1] if through else None,
            )
    except (OSError, ValueError, asyncssh.Error) as error:
        raise explain(error, attempt) from error
    cleanup.push_async_callback(Connection(ssh).close, 1.0)
    return (*through, ssh)


def _parse_hop(node: Node, text: str) -> tuple[str | None, str, int | None]:
    user, _, address = text.strip().removeprefix("ssh://").rpartition("@")
    host, port = address, ""
    if address.startswith("["):
        host, _, rest = address[1:].partition("]")
        port = rest.removeprefix(":")
    elif address.count(":") == 1:
        host, _, port = address.partition(":")
    if not host or (port and not port.isdigit()):
        raise NodeUnreachableError(
            f"the jump host {text!r} is not USER@HOST:PORT",
            where=node.name,
            remedy="correct proxyJump in the inventory, or ProxyJump in ~/.ssh/config",
        )
    return user or None, host, int(port) if port else None


def _config_files() -> list[str]:
    path = Path("~/.ssh/config").expanduser()
    return [str(path)] if path.is_file() else []


async def _client_options(
    ssh: SshOptions, target: _Target, attempt: Attempt
) -> asyncssh.SSHClientConnectionOptions:
    known_hosts = KnownHosts([])
    attempt.known_hosts = known_hosts
    identity = ssh.identity_file
    arguments: dict[str, object] = {
        "config": _config_files(),
        "client_factory": lambda: _Client(known_hosts),
        "known_hosts": known_hosts,
        "host": target.host,
        "encryption_algs": "^aes128-gcm@openssh.com",
        "connect_timeout": None,
        "login_timeout": ssh.connect_timeout,
        "keepalive_interval": KEEPALIVE_INTERVAL,
        "keepalive_count_max": 3,
        "agent_forwarding": False,
        "x11_forwarding": False,
        "gss_kex": False,
        "request_pty": False,
        "command": None,
        "ignore_encrypted": True,
    }
    if target.user is not None:
        arguments["username"] = target.user
    if target.port is not None:
        arguments["port"] = target.port
    if identity is not None:
        attempt.identity = identity
        await asyncio.to_thread(_readable, identity)
        arguments["client_keys"] = [str(identity)]
    options: asyncssh.SSHClientConnectionOptions = (
        await asyncssh.SSHClientConnectionOptions.construct(**arguments)
    )
    attempt.host, attempt.port, attempt.user = options.host, options.port, options.username
    known_hosts.files = _known_hosts_files(ssh, target, options)
    return options


def _readable(path: Path) -> None:
    with path.open("rb"):
        pass


def _known_hosts_files(
    ssh: SshOptions, target: _Target, options: asyncssh.SSHClientConnectionOptions
) -> tuple[Path, ...]:
    home = Path("~").expanduser()
    listed = options.config.get("UserKnownHostsFile", None)
    names = listed if isinstance(listed, list) else ["~/.ssh/known_hosts", "~/.ssh/known_hosts2"]
    usual = [
        Path(str(name).replace("%d", str(home)).replace("%%", "%")).expanduser() for name in names
    ]
    if ssh.known_hosts_file is None:
        return (*usual, *GLOBAL_FILES)
    if target.is_node:
        return (ssh.known_hosts_file,)
    return (ssh.known_hosts_file, *usual, *GLOBAL_FILES)
