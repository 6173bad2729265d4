"""SSH servers to test against: asyncssh's in this process, and OpenSSH's where it is installed."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import socket
import subprocess
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import asyncssh

from recovery.inventory.model import Node, SshOptions
from recovery.ssh.session import NodeSession
from tests.ssh.waiting import until

SSHD = shutil.which("sshd") or shutil.which("sshd", path="/usr/sbin:/usr/local/sbin")


class Server(Protocol):
    """What a test needs to know of a server."""

    host: str
    port: int
    host_key: asyncssh.SSHKey


def new_key() -> asyncssh.SSHKey:
    """A fresh key; ed25519, because it is made in no time."""
    return asyncssh.generate_private_key("ssh-ed25519")


@dataclass
class Account:
    """A person's keys and known hosts, in a directory of the test's own."""

    directory: Path
    key: asyncssh.SSHKey = field(default_factory=new_key)

    @property
    def identity(self) -> Path:
        """The private key's file."""
        return self.directory / "id_ed25519"

    @property
    def known_hosts(self) -> Path:
        """The known_hosts file."""
        return self.directory / "known_hosts"

    def write(self) -> None:
        """Write the key; nothing is known yet."""
        self.key.write_private_key(self.identity)
        self.identity.chmod(0o600)
        self.known_hosts.write_text("")

    def lock(self, passphrase: str) -> None:
        """Protect the private key's file by a passphrase."""
        subprocess.run(
            ["ssh-keygen", "-q", "-p", "-N", passphrase, "-f", self.identity],
            check=True,
            stdout=subprocess.DEVNULL,
        )

    def trust(self, server: Server, key: asyncssh.SSHKey | None = None) -> None:
        """Add a server's key (or another one) to known_hosts."""
        with self.known_hosts.open("a") as file:
            file.write(known_hosts_line(server, key or server.host_key))

    def node(self, server: Server, name: str = "etcd-1", **changes: object) -> Node:
        """The server as a node that this person logs in to."""
        options: dict[str, object] = {
            "user": "root",
            "port": server.port,
            "identity_file": self.identity,
            "known_hosts_file": self.known_hosts,
            "connect_timeout": 5.0,
        }
        options.update(changes)
        return Node(name, server.host, ssh=SshOptions(**options))  # type: ignore[arg-type]


def known_hosts_line(server: Server, key: asyncssh.SSHKey) -> str:
    """The line of a known_hosts file, with its newline."""
    return f"[{server.host}]:{server.port} {key.export_public_key().decode()}"


def free_port(host: str = "127.0.0.1") -> int:
    """A port that nobody listens on at the moment."""
    with socket.socket() as probe:
        probe.bind((host, 0))
        port: int = probe.getsockname()[1]
        return port


class _Host(asyncssh.SSHServer):
    def __init__(self, server: InProcessServer) -> None:
        self._server = server

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        self._server.connections.append(conn)

    def connection_requested(
        self, dest_host: str, dest_port: int, orig_host: str, orig_port: int
    ) -> bool:
        if self._server.forwards:
            return True
        raise asyncssh.ChannelOpenError(asyncssh.OPEN_ADMINISTRATIVELY_PROHIBITED, "forbidden")


@dataclass
class InProcessServer:
    """asyncssh's server; commands run in /bin/sh as children of the test."""

    host: str = "127.0.0.1"
    port: int = 0
    host_key: asyncssh.SSHKey = field(default_factory=new_key)
    forwards: bool = True
    environment: Mapping[str, str] = field(default_factory=dict)
    greeting: bytes = b""
    """What a careless start file of the login shell prints before every command."""
    forced_command: str | None = None
    connections: list[asyncssh.SSHServerConnection] = field(default_factory=list)
    commands: list[str] = field(default_factory=list)
    children: list[asyncio.subprocess.Process] = field(default_factory=list)

    def drop(self) -> None:
        """Cut every connection, as a node that loses power does."""
        for connection in self.connections:
            connection.abort()

    async def serve(self, process: asyncssh.SSHServerProcess[bytes]) -> None:
        """Run one command."""
        command = self.forced_command or process.command or ""
        self.commands.append(command)
        process.stdout.write(self.greeting)
        child = await asyncio.create_subprocess_exec(
            "sh",
            "-c",
            command,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env={**os.environ, **self.environment},
        )
        self.children.append(child)
        assert child.stdin and child.stdout and child.stderr
        feeding = asyncio.ensure_future(_feed(process.stdin, child.stdin))
        with suppress(asyncssh.Error, OSError):
            await asyncio.gather(
                _pump(child.stdout, process.stdout), _pump(child.stderr, process.stderr)
            )
        status = await child.wait()
        feeding.cancel()
        if status < 0:
            process.exit_with_signal(signal.Signals(-status).name.removeprefix("SIG"))
        else:
            process.exit(status)


async def _feed(source: asyncssh.SSHReader[bytes], sink: asyncio.StreamWriter) -> None:
    with suppress(asyncssh.Error, OSError):
        while data := await source.read(65536):
            sink.write(data)
            await sink.drain()
    sink.close()


async def _pump(source: asyncio.StreamReader, sink: asyncssh.SSHWriter[bytes]) -> None:
    while data := await source.read(65536):
        sink.write(data)
        await sink.drain()


@asynccontextmanager
async def in_process_server(
    account: Account, server: InProcessServer | None = None
) -> AsyncIterator[InProcessServer]:
    """A server that admits this person."""
    server = server or InProcessServer()
    public = account.key.export_public_key().decode()
    listener = await asyncssh.listen(
        server.host,
        server.port,
        server_host_keys=[server.host_key],
        authorized_client_keys=asyncssh.import_authorized_keys(public),
        server_factory=lambda: _Host(server),
        process_factory=server.serve,
        encoding=None,
    )
    server.port = listener.get_port()
    try:
        yield server
    finally:
        server.drop()
        listener.close()
        for child in server.children:
            await _end(child)


async def _end(child: asyncio.subprocess.Process) -> None:
    """End a command with all its processes, so that no pipe outlives the event loop."""
    with suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)
    with suppress(ProcessLookupError):
        child.kill()
    child._transport.close()  # type: ignore[attr-defined]
    async with asyncio.timeout(10):
        await child.wait()


@dataclass
class OpenSshServer:
    """OpenSSH's sshd with a configuration, a port and a host key of its own."""

    host: str
    port: int
    host_key: asyncssh.SSHKey


@asynccontextmanager
async def openssh_server(account: Account, *settings: str) -> AsyncIterator[OpenSshServer]:
    """A real sshd that admits this person as the user who runs the tests."""
    assert SSHD is not None
    port = free_port()
    directory = account.directory / f"sshd-{port}"
    directory.mkdir(mode=0o700)
    if os.geteuid() == 0:
        # sshd insists on it as root.
        os.makedirs("/run/sshd", mode=0o755, exist_ok=True)  # noqa: PTH103
    host_key = new_key()
    host_key.write_private_key(directory / "host_key")
    (directory / "host_key").chmod(0o600)
    account.key.write_public_key(directory / "authorized_keys")
    server = OpenSshServer("127.0.0.1", port, host_key)
    (directory / "config").write_text(
        "\n".join(
            (
                f"ListenAddress {server.host}:{server.port}",
                f"HostKey {directory}/host_key",
                f"AuthorizedKeysFile {directory}/authorized_keys",
                "PidFile none",
                "StrictModes no",
                "UsePAM no",
                "PasswordAuthentication no",
                "KbdInteractiveAuthentication no",
                "PermitRootLogin prohibit-password",
                # The start files of whoever runs the tests are no part of them.
                f"SetEnv HOME={directory}",
                *settings,
            )
        )
        + "\n"
    )
    log = directory / "log"
    child = await asyncio.create_subprocess_exec(
        SSHD, "-D", "-f", str(directory / "config"), "-E", str(log)
    )
    try:
        await until(lambda: log.is_file() and "listening on" in log.read_text())
        yield server
    finally:
        with suppress(ProcessLookupError):
            child.terminate()
        await child.wait()


async def answer(node: Node) -> str:
    """What a script on the node writes, over a session of its own."""
    session = NodeSession(node)
    try:
        return await session.check("echo answered")
    finally:
        await session.close()
