"""Real SSH servers on loopback that run commands on this machine, for tests."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import asyncssh

from recovery.inventory.model import Node, NodePaths, Role, SshOptions


class _Server(asyncssh.SSHServer):
    def connection_requested(
        self, dest_host: str, dest_port: int, orig_host: str, orig_port: int
    ) -> bool:
        return dest_host.startswith("127.") and bool(dest_port and orig_host and orig_port)


@contextlib.asynccontextmanager
async def ssh_node(
    name: str,
    directory: Path,
    paths: NodePaths,
    *,
    environment: Mapping[str, str] | None = None,
    role: Role = Role.CONTROL_PLANE,
) -> AsyncIterator[Node]:
    """A node whose commands run here with `<directory>/bin` first on the PATH."""
    host_key, user_key = (asyncssh.generate_private_key("ssh-ed25519") for _ in range(2))
    (directory / "bin").mkdir(parents=True, exist_ok=True)
    env = {
        "PATH": f"{directory / 'bin'}:/usr/bin:/bin:/usr/sbin:/sbin",
        "HOME": str(directory),
        **(environment or {}),
    }

    async def run(process: asyncssh.SSHServerProcess[bytes]) -> None:
        child = await asyncio.create_subprocess_exec(
            "sh",
            "-c",
            process.command or "exit 1",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=env,
            start_new_session=True,
        )
        await process.redirect(stdin=child.stdin, stdout=child.stdout, stderr=child.stderr)
        status = await child.wait()
        await process.stdout.drain()
        process.exit(status if status >= 0 else 128 - status)

    authorized = asyncssh.import_authorized_keys(user_key.export_public_key().decode())
    server = await asyncssh.listen(
        "127.0.0.1",
        0,
        server_factory=_Server,
        server_host_keys=[host_key],
        authorized_client_keys=authorized,
        process_factory=run,
        encoding=None,
    )
    port = server.get_port()
    identity, known_hosts = directory / "id", directory / "known_hosts"
    user_key.write_private_key(str(identity))
    identity.chmod(0o600)
    public = host_key.export_public_key().decode()
    known_hosts.write_text(f"[127.0.0.1]:{port} {public}")
    try:
        yield Node(
            name=name,
            host="127.0.0.1",
            role=role,
            ssh=SshOptions(
                user=os.environ.get("USER", "root"),
                port=port,
                identity_file=identity,
                known_hosts_file=known_hosts,
            ),
            paths=paths,
        )
    finally:
        server.close()
        await server.wait_closed()
