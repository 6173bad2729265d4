"""What a small kubelet tells the API servers: that its node is alive, and which pods run."""

from __future__ import annotations

import asyncio
import http.client
import json
import ssl
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from recovery.rehearsal.node.kubeconfig import read_kubeconfig
from recovery.rehearsal.node.runtime import Container

if TYPE_CHECKING:
    from recovery.rehearsal.node.static_pod import StaticPod

REPORT_PATH = "/rehearsal/v1/reports/"
_SECONDS = 2.0


class ApiReports:
    """Sends reports to every API server, each on its own; a silent one holds up nobody."""

    def __init__(self, node: str, kubeconfig: Path, servers: Sequence[str]) -> None:
        self._node = node
        self._kubeconfig = kubeconfig
        self._servers = servers
        self._tls: ssl.SSLContext | None = None

    async def send(self, pods: Iterable[StaticPod], containers: Iterable[Container]) -> None:
        """One report; nothing is raised where nobody listens."""
        listed = list(containers)
        body = {
            "pods": [
                {
                    "name": f"{pod.name}-{self._node}",
                    "running": any(c.pod_uid == pod.uid and c.running for c in listed),
                    "restarts": max((c.attempt for c in listed if c.pod_uid == pod.uid), default=0),
                }
                for pod in pods
            ]
        }
        content = json.dumps(body).encode()
        await asyncio.gather(
            *(asyncio.to_thread(self._post, server, content) for server in self._servers)
        )

    def _post(self, server: str, content: bytes) -> None:
        parts = urlsplit(server)
        try:
            if self._tls is None:
                self._tls = read_kubeconfig(self._kubeconfig).tls()
            connection = http.client.HTTPSConnection(
                parts.hostname or "", parts.port, timeout=_SECONDS, context=self._tls
            )
            connection.request("POST", REPORT_PATH + self._node, content)
            connection.getresponse().read()
            connection.close()
        except (OSError, ValueError, http.client.HTTPException):
            return
