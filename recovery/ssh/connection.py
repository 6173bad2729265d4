"""Opens one SSH connection: ssh_config, agent, keys, jump hosts, strict host keys, clear errors.

Imports asyncssh, so import it late.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from pathlib import Path

import asyncssh

from recovery.errors import NodeUnreachableError
from recovery.inventory.model import Node, SshOptions
from recovery.ssh.agent_keys import NO_KEY, OtherAgentKeys, public_parts
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
    jump: str | None
    """Jump hosts as the inventory gives them; None leaves them to ssh_config."""
    is_node: bool
    seen: frozenset[str] = frozenset()
    """The machines that are reached through this one."""


class _Client(asyncssh.SSHClient):
    """Trusts what known_hosts says, remembers what it did not trust, and knows more keys."""

    def __init__(self, known_hosts: KnownHosts, other_keys: OtherAgentKeys) -> None:
        self._known_hosts = known_hosts
        self._other_keys = other_keys

    def validate_host_public_key(
        self, host: str, addr: str, port: int, key: asyncssh.SSHKey
    ) -> bool:
        self._known_hosts.refuse(host, port, key)
        return False

    async def public_key_auth_requested(self) -> list[asyncssh.SSHKeyPair]:
        return await self._other_keys.take()

    def auth_completed(self) -> None:
        self._other_keys.close()

    def connection_lost(self, exc: Exception | None) -> None:
        self._other_keys.close()


async def open_connection(node: Node) -> Connection:
    """Log in to a node; every machine on the way has `connect_timeout` seconds.

    Raises NodeUnreachableError, HostKeyError or LoginRefusedError.
    """
    ssh = node.ssh
    target = _Target(node.host, ssh.user, ssh.port, ssh.proxy_jump, is_node=True)
    opened: list[asyncssh.SSHClientConnection] = []
    try:
        await _log_in(node, target, None, opened)
    except BaseException:
        for hop in opened:
            hop.abort()
        raise
    *hops, last = opened
    return Connection(last, tuple(hops))


async def _log_in(
    node: Node,
    target: _Target,
    through: asyncssh.SSHClientConnection | None,
    opened: list[asyncssh.SSHClientConnection],
) -> asyncssh.SSHClientConnection:
    """Log in to one machine, first to those on the way; `opened` gets them in that order."""
    attempt = Attempt(node, target.host, target.port, target.is_node)
    try:
        options = await _client_options(node.ssh, target, attempt)
        if through is None:
            for hop in _hops(node, target, options.tunnel):
                through = await _log_in(node, hop, through, opened)
        async with asyncio.timeout(node.ssh.connect_timeout):
            connection = await asyncssh.connect(target.host, options=options, tunnel=through)
    except (OSError, ValueError, asyncssh.Error) as error:
        raise explain(error, attempt) from error
    opened.append(connection)
    return connection


def _hops(node: Node, target: _Target, configured: object) -> list[_Target]:
    via = configured if target.jump is None else target.jump
    if not isinstance(via, str) or via.lower() == "none":
        return []
    if len(target.seen) >= MOST_HOPS:
        raise NodeUnreachableError("the jump hosts lead in a circle", where=node.name)
    seen = target.seen | {target.host}
    hops = []
    for text in via.split(","):
        user, host, port = _parse_hop(node, text)
        # A jump host that `Host *` sends through itself is reached directly, as OpenSSH does.
        if host not in seen:
            hops.append(_Target(host, user, port, None, is_node=False, seen=seen))
    return hops


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
    known_hosts, other_keys = KnownHosts([]), OtherAgentKeys()
    attempt.known_hosts = known_hosts
    identity = ssh.identity_file
    arguments: dict[str, object] = {
        "config": _config_files(),
        "client_factory": lambda: _Client(known_hosts, other_keys),
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
    return await _named_keys_first(options, identity, other_keys)


async def _named_keys_first(
    options: asyncssh.SSHClientConnectionOptions, identity: Path | None, others: OtherAgentKeys
) -> asyncssh.SSHClientConnectionOptions:
    named = options.config.get("IdentityFile", None) if identity is None else [identity]
    if not isinstance(named, list) or not named or options.config.get("IdentitiesOnly", False):
        return options
    others.agent_path = options.agent_path
    others.named = await asyncio.to_thread(public_parts, named)
    ordered: asyncssh.SSHClientConnectionOptions = (
        await asyncssh.SSHClientConnectionOptions.construct(
            options, config=(), agent_identities=others.named or [NO_KEY]
        )
    )
    return ordered


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
