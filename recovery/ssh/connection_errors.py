"""Why a connection could not be opened, in words: what happened, and what to do next."""

from __future__ import annotations

import socket
from dataclasses import dataclass
from pathlib import Path

import asyncssh

from recovery.errors import HostKeyError, HungUpError, LoginRefusedError, NodeUnreachableError
from recovery.inventory.model import Node
from recovery.ssh.known_hosts import KnownHosts, changed_key, host_pattern


@dataclass(slots=True)
class Attempt:
    """One attempt to log in to one machine, for a node's sake."""

    node: Node
    host: str
    port: int | None
    is_node: bool
    user: str = ""
    known_hosts: KnownHosts | None = None
    identity: Path | None = None

    @property
    def address(self) -> str:
        """Host and port."""
        return f"{self.host}:{self.port or 22}"

    @property
    def hop(self) -> str:
        """Words that name the jump host, where it is one that failed."""
        return "" if self.is_node else f" of jump host {self.host}"


def explain(error: Exception, attempt: Attempt) -> NodeUnreachableError:
    """The error for a person, from what asyncssh or the system raised."""
    if isinstance(error, asyncssh.HostKeyNotVerifiable | asyncssh.KeyExchangeFailed):
        return _host_key(error, attempt)
    if isinstance(error, asyncssh.PermissionDenied) or (
        isinstance(error, asyncssh.DisconnectError) and "authentication" in str(error).lower()
    ):
        return _login_refused(error, attempt)
    if isinstance(error, asyncssh.KeyImportError):
        return LoginRefusedError(
            f"a key cannot be read: {error}",
            where=attempt.node.name,
            remedy="check identityFile in the inventory, or IdentityFile in ~/.ssh/config",
        )
    if isinstance(error, asyncssh.ChannelOpenError):
        return NodeUnreachableError(
            f"the jump host cannot reach {attempt.address}: {error.reason}",
            where=attempt.node.name,
            remedy="is the node up, and does the jump host allow TCP forwarding?",
        )
    if isinstance(error, asyncssh.Error | ConnectionResetError | BrokenPipeError):
        reason = getattr(error, "reason", "") or getattr(error, "strerror", "")
        return HungUpError(
            f"{attempt.address}{attempt.hop} ended the connection before the login: {reason}",
            where=attempt.node.name,
            remedy="does an SSH server listen there, and does it admit this host?",
            detail=str(error),
        )
    if isinstance(error, OSError):
        return _system_error(error, attempt)
    return NodeUnreachableError(
        f"the SSH settings cannot be used: {error}",
        where=attempt.node.name,
        remedy="correct ~/.ssh/config, or the ssh fields of the inventory",
    )


def _host_key(error: asyncssh.DisconnectError, attempt: Attempt) -> NodeUnreachableError:
    known_hosts = attempt.known_hosts
    node = attempt.node.name
    if known_hosts is not None and isinstance(error, asyncssh.HostKeyNotVerifiable):
        return known_hosts.error(node, attempt.hop, error.reason)
    if known_hosts is not None and "host key" in error.reason.lower():
        port = None if attempt.port in (None, 22) else attempt.port
        places = known_hosts.places_of(attempt.host, port)
        pattern = host_pattern(attempt.host, port)
        if places:
            return changed_key(node, attempt.hop, pattern, places, "it has none of that kind now")
        return HostKeyError(
            f"the host key{attempt.hop} is refused: {error.reason}",
            where=node,
            remedy=(
                f"ssh-keyscan -p {attempt.port or 22} {attempt.host} prints its keys: compare "
                "their fingerprints with the machine's own before adding one to known_hosts"
            ),
        )
    return NodeUnreachableError(
        f"no common algorithms with {attempt.address}{attempt.hop}: {error.reason}",
        where=node,
        remedy="that server, or Ciphers and KexAlgorithms in ~/.ssh/config, allow too few",
    )


def _login_refused(error: asyncssh.DisconnectError, attempt: Attempt) -> LoginRefusedError:
    tried, remedy = _keys_tried(attempt)
    return LoginRefusedError(
        f"{attempt.address}{attempt.hop} refuses the login of {attempt.user!r}; tried: {tried}",
        where=attempt.node.name,
        remedy=remedy,
        detail=error.reason,
    )


def _keys_tried(attempt: Attempt) -> tuple[str, str]:
    import os

    agent = "the agent" if os.environ.get("SSH_AUTH_SOCK") else "no agent (SSH_AUTH_SOCK is unset)"
    remedy = f"check ssh.user, and that {attempt.user}'s authorized_keys there has your key"
    if attempt.identity is None:
        return f"{agent}, keys of ~/.ssh", remedy
    if _has_passphrase(attempt.identity):
        return (
            f"{agent}; {attempt.identity} is protected by a passphrase and was not used",
            f"load it into an agent first: ssh-add {attempt.identity}",
        )
    return f"{agent}, {attempt.identity}", remedy


def _has_passphrase(path: Path) -> bool:
    try:
        asyncssh.read_private_key(path)
    except asyncssh.KeyEncryptionError:
        return True
    except (asyncssh.KeyImportError, ValueError) as error:
        # Without the bcrypt package, asyncssh cannot even try a passphrase.
        return any(word in str(error).lower() for word in ("passphrase", "bcrypt"))
    except OSError:
        return False
    return False


def _system_error(error: OSError, attempt: Attempt) -> NodeUnreachableError:
    node, address = attempt.node.name, f"{attempt.address}{attempt.hop}"
    if attempt.identity is not None and error.filename == str(attempt.identity):
        return LoginRefusedError(
            f"the identity file {attempt.identity} cannot be read: {error.strerror}",
            where=node,
            remedy="correct identityFile in the inventory",
        )
    if isinstance(error, TimeoutError):
        return NodeUnreachableError(
            f"{address} does not answer within {attempt.node.ssh.connect_timeout:g} s",
            where=node,
            remedy="is the machine up, and does a firewall let this host through?",
        )
    if isinstance(error, socket.gaierror):
        return NodeUnreachableError(
            f"the name {attempt.host!r} does not resolve: {error.strerror}",
            where=node,
            remedy="give an address as host in the inventory, or HostName in ~/.ssh/config",
        )
    if isinstance(error, ConnectionRefusedError):
        return NodeUnreachableError(
            f"{address} refuses the connection: no SSH server listens there",
            where=node,
            remedy="check host and port; is sshd running?",
        )
    return NodeUnreachableError(
        f"{address} cannot be reached: {error.strerror or error}",
        where=node,
        remedy="check host, port and the route to it",
    )
