"""A real SSH server for each node, on the node's own address."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

from recovery.rehearsal.node.faults import SLOW_SECONDS, Fault
from recovery.rehearsal.node.simulated_node import SimulatedNode
from recovery.rehearsal.ssh_commands import serve_command

if TYPE_CHECKING:
    import asyncssh


class NodeSshServer:
    """The SSH server of one node: public keys only; commands run as a real sshd runs them."""

    def __init__(self, node: SimulatedNode, port: int, client_key: Path) -> None:
        import asyncssh

        self.node = node
        self.port = port
        self._host_key = asyncssh.generate_private_key("ssh-ed25519")
        self._client_key = client_key
        self._acceptor: asyncssh.SSHAcceptor | None = None
        self._connections: set[asyncssh.SSHServerConnection] = set()

    @property
    def known_hosts_line(self) -> str:
        """The line that a known_hosts file needs."""
        public = self._host_key.export_public_key().decode().strip()
        return f"[{self.node.layout.address}]:{self.port} {public}\n"

    async def listen(self) -> None:
        """Accept connections."""
        import asyncssh

        servers = self

        class Server(asyncssh.SSHServer):
            def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
                self._connection = conn
                servers._connections.add(conn)

            def connection_lost(self, exc: Exception | None) -> None:
                servers._connections.discard(self._connection)

            def connection_requested(
                self, dest_host: str, dest_port: int, orig_host: str, orig_port: int
            ) -> bool:
                return True

        self._acceptor = await asyncssh.create_server(
            Server,
            self.node.layout.address,
            self.port,
            server_host_keys=[self._host_key],
            authorized_client_keys=str(self._client_key.with_suffix(".pub")),
            password_auth=False,
            kbdint_auth=False,
            process_factory=self._run,
            sftp_factory=True,
            encoding=None,
            reuse_address=True,
        )

    async def stop_listening(self) -> None:
        """Refuse new connections; those there are stay."""
        if self._acceptor is not None:
            self._acceptor.close()
            self._acceptor = None

    def cut(self) -> None:
        """Drop every connection, as a broken network does."""
        for connection in list(self._connections):
            connection.abort()

    async def _run(self, process: asyncssh.SSHServerProcess[bytes]) -> None:
        if Fault.SLOW in self.node.faults:
            await asyncio.sleep(SLOW_SECONDS)
        await serve_command(process, self.node.layout.home, self.node.environment())


def make_client_key(path: Path) -> None:
    """The key that opens every node of the rehearsal, and its public half beside it."""
    import asyncssh

    key = asyncssh.generate_private_key("ssh-ed25519")
    path.touch(mode=0o600)
    path.write_bytes(key.export_private_key())
    path.with_suffix(".pub").write_bytes(key.export_public_key())
