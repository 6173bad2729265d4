"""The files that a node's API server is started with, by the host's own paths."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from recovery.cluster.manifest import host_file
from recovery.cluster.pod_command import MANIFEST_LIMIT, read_pod_command
from recovery.errors import ManifestError, NodeError, NodeUnreachableError

if TYPE_CHECKING:
    from recovery.ssh.session import NodeSession


@dataclass(frozen=True, slots=True)
class ApiServerFiles:
    """What kube-apiserver.yaml names; None for what it does not name."""

    known: bool
    """Whether there is a manifest that could be read; the rest says nothing otherwise."""
    encryption_config: str | None = None
    """--encryption-provider-config, as the host's path; the container's where no volume has it."""
    etcd_certificate: str | None = None
    etcd_key: str | None = None
    serving_certificate: str | None = None
    serving_key: str | None = None
    etcd_hosts: tuple[str, ...] = ()
    """The hosts of --etcd-servers: how the API server calls its etcd."""
    bind_address: str = "0.0.0.0"
    port: int = 6443


async def read_api_server_files(session: NodeSession) -> ApiServerFiles:
    """The files of the node's API server. Raises NodeUnreachableError, and nothing else."""
    path = f"{session.node.paths.manifests}/kube-apiserver.yaml"
    try:
        content = await session.read_file(path, limit=MANIFEST_LIMIT, timeout=15)
        return api_server_files(content.decode())
    except NodeUnreachableError:
        raise
    except (NodeError, UnicodeDecodeError):
        return ApiServerFiles(known=False)


def api_server_files(text: str) -> ApiServerFiles:
    """The same, from the manifest's text."""
    try:
        command = read_pod_command(text, "kube-apiserver")
    except ManifestError:
        return ApiServerFiles(known=False)
    port = command.value("secure-port") or ""
    servers = (command.value("etcd-servers") or "").split(",")
    return ApiServerFiles(
        known=True,
        encryption_config=host_file(command, "encryption-provider-config"),
        etcd_certificate=host_file(command, "etcd-certfile"),
        etcd_key=host_file(command, "etcd-keyfile"),
        serving_certificate=host_file(command, "tls-cert-file"),
        serving_key=host_file(command, "tls-private-key-file"),
        bind_address=command.value("bind-address") or "0.0.0.0",
        port=int(port) if port.isdecimal() else 6443,
        etcd_hosts=tuple(dict.fromkeys(filter(None, map(_host, servers)))),
    )


def _host(url: str) -> str:
    try:
        return urlsplit(url.strip()).hostname or ""
    except ValueError:
        return ""
