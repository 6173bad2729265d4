"""What a scratch member tells without a login, where authentication is on in the snapshot.

Members ask each other over HTTP at their peers' address, and metrics are for everybody (facts:
server/etcdserver/corrupt.go, server/etcdserver/api/rafthttp and api/etcdhttp; since etcd 3.4). The
status of the API wants a login since 3.5.28.
"""

from __future__ import annotations

import http.client
import json
import re
import socket
from dataclasses import dataclass
from typing import Any

from recovery.errors import EtcdError

_SECONDS = 120.0
_LARGEST = 8 << 20
_METRIC = re.compile(r"^etcd_server_(is|has)_leader (\d)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class PeerAnswer:
    """What is known of a member that nobody logged in to."""

    cluster_id: int
    learner: bool
    leads: bool
    has_leader: bool
    revision: int
    hash_kv: int


def ask_as_a_peer(name: str, peers: str, clients: str, revision: int) -> PeerAnswer:
    """Ask a member at the sockets of its peers and its clients; HashKV at a revision (0: latest).

    Blocks. Raises EtcdError where it does not answer, or not like this.
    """
    try:
        hashed, _ = _get(peers, "/members/hashkv", json.dumps({"revision": revision}))
        listed, cluster = _get(peers, "/members")
        metrics, _ = _get(clients, "/metrics")
        answer: Any = json.loads(hashed)
        members: Any = json.loads(listed)
        leader = dict(_METRIC.findall(metrics.decode("utf-8", "backslashreplace")))
        return PeerAnswer(
            cluster_id=int(cluster, 16),
            learner=any(one.get("isLearner") for one in members if one.get("name") == name),
            leads=leader["is"] == "1",
            has_leader=leader["has"] == "1",
            revision=int(answer["header"]["revision"]),
            hash_kv=int(answer.get("hash", 0)),
        )
    except (OSError, ValueError, KeyError, TypeError, http.client.HTTPException) as error:
        raise EtcdError(f"it does not tell its hash: {error}", where=name) from error


def _get(path: str, resource: str, body: str | None = None) -> tuple[bytes, str]:
    """The answer, and the cluster's id in hex where a peer gave it."""
    connection = _SocketConnection(path)
    try:
        connection.request("GET", resource, body)
        response = connection.getresponse()
        content = response.read(_LARGEST)
        if response.status != 200:
            raise ValueError(content[:400].decode("utf-8", "backslashreplace").strip())
        return content, response.getheader("X-Etcd-Cluster-Id", "")
    finally:
        connection.close()


class _SocketConnection(http.client.HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, path: str) -> None:
        super().__init__("localhost", timeout=_SECONDS)
        self._path = path

    def connect(self) -> None:
        """Connect to the socket instead of a port."""
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)
