"""OpenSSH in front of a rehearsal's nodes, so that no way waits for an SSH server in Python."""

from __future__ import annotations

import getpass
import shlex
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import yaml

from recovery.inventory.model import Node
from recovery.rehearsal.node.crictl import ENDPOINT_VARIABLE
from recovery.rehearsal.node.processes import MARKER, NODE_MARKER
from tests.cluster_fixtures import RunningRehearsal
from tests.ssh.servers import Account, OpenSshServer, openssh_server


@asynccontextmanager
async def openssh_nodes(
    rehearsal: RunningRehearsal, account: Account
) -> AsyncIterator[OpenSshServer]:
    """An sshd on every node's own address, which the inventory names from now on.

    Gives one more, on 127.0.0.1, that commands run by as on no node: for files alone.
    """
    path = rehearsal.inventory_path
    document = yaml.safe_load(path.read_text())
    cluster = document["clusters"][0]
    entries = {entry["name"]: entry for entry in cluster["controlPlane"] + cluster["workers"]}
    async with AsyncExitStack() as stack:
        port = (rehearsal.cluster.control_plane[0].ssh.port or 0) + 1
        for node in (*rehearsal.cluster.control_plane, *rehearsal.cluster.workers):
            server = await stack.enter_async_context(
                openssh_server(
                    account,
                    f"ListenAddress {node.host}:{port}",
                    "MaxSessions 100",
                    "MaxStartups 100",
                    f"ForceCommand {_as_on(node, rehearsal.directory)}",
                )
            )
            server.host, server.port = node.host, port
            account.trust(server)
            entries[node.name]["ssh"] = {"port": server.port}
        cluster["ssh"] = {
            "user": getpass.getuser(),
            "identityFile": str(account.identity),
            "knownHostsFile": str(account.known_hosts),
        }
        path.write_text(yaml.safe_dump(document, sort_keys=False))
        files = await stack.enter_async_context(
            openssh_server(account, "Subsystem sftp internal-sftp")
        )
        account.trust(files)
        yield files


def _as_on(node: Node, directory: Path) -> str:
    """The command that runs a session's own command with what the node's sshd would give it."""
    root = directory / "nodes" / node.name
    environment = {
        "PATH": f"{root / 'usr/bin'}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "HOME": str(root / "root"),
        "LANG": "C.UTF-8",
        ENDPOINT_VARIABLE: "unix:///run/containerd/containerd.sock",
        "KUBECONFIG": str(root / "etc/kubernetes/admin.conf"),
        MARKER: str(directory),
        NODE_MARKER: str(root),
    }
    words = " ".join(shlex.quote(f"{name}={value}") for name, value in environment.items())
    return f'cd {shlex.quote(str(root / "root"))} && exec env {words} sh -c "$SSH_ORIGINAL_COMMAND"'
