"""Whether the API server of one control-plane node is ready, as it says itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from recovery.cluster.facts import ApiAnswer
from recovery.errors import KubernetesError, NodeUnreachableError

if TYPE_CHECKING:
    from recovery.cluster.facts import EtcdManifest
    from recovery.ssh.session import NodeSession

SECONDS = 4
"""For /readyz, which gives up on its own etcd after two seconds."""


async def ask_api_server(
    session: NodeSession, manifest: EtcdManifest, port: int, address: str | None
) -> ApiAnswer:
    """Ask this node's own API server for /readyz; it takes `SECONDS` at most, and a little."""
    from recovery.cluster.kubernetes import ApiServer, api_server_url

    try:
        await ApiServer(session, api_server_url(manifest, port, address)).ready(seconds=SECONDS)
    except KubernetesError as error:
        cannot = "PATH" in error.what
        return ApiAnswer(None if cannot else False, error.what, error.remedy)
    except NodeUnreachableError as error:
        return ApiAnswer(None, error.what, error.remedy)
    return ApiAnswer(True)
