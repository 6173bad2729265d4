"""Asks the restored API and the nodes for what does not fit. Changes nothing, never raises."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from datetime import UTC, datetime

from recovery.cluster.facts import EtcdManifest
from recovery.cluster.kubernetes import ApiServer
from recovery.errors import KubernetesError, NodeError
from recovery.health.kubernetes_checks import api_servers, first_answer
from recovery.health.leftovers import Leftover, Leftovers, RunningPod, compare_with_reality
from recovery.inventory.model import Cluster
from recovery.ssh.fleet import Fleet
from recovery.ssh.session import NodeSession

SECONDS = 45.0
"""For everything together: it is advice, and holds nobody up."""

_ENDING = 2.0
"""Seconds for ending what is asked of nodes, once that is of no use."""

_RUNNING = """
set -eu
command -v crictl > /dev/null || { echo "crictl is not on the PATH" >&2; exit 127; }
exec timeout 15 crictl ps -o json
"""
_POD, _NAMESPACE = "io.kubernetes.pod.name", "io.kubernetes.pod.namespace"


async def look_for_leftovers(
    fleet: Fleet, cluster: Cluster, manifests: Mapping[str, EtcdManifest]
) -> Leftovers:
    """What the API and the nodes say, compared; what could not be asked is said."""
    try:
        async with asyncio.timeout(SECONDS):
            return await _look(fleet, cluster, manifests)
    except TimeoutError:
        return Leftovers(_now(), not_seen=(f"the nodes took longer than {SECONDS:.0f} s",))


async def _look(fleet: Fleet, cluster: Cluster, manifests: Mapping[str, EtcdManifest]) -> Leftovers:
    found = await api_servers(fleet, cluster, manifests)
    servers = [server for server in found.values() if isinstance(server, ApiServer)]
    asking = fleet.each([node.name for node in cluster.nodes], _running_on)
    on_nodes = asyncio.ensure_future(asking)
    try:
        nodes = await first_answer(servers, lambda server: server.list_nodes())
        pods = await first_answer(servers, lambda server: server.list_placed_pods())
        answers = await on_nodes
    except KubernetesError as error:
        where = f"{error.where}: " if error.where else ""
        return Leftovers(_now(), not_seen=(f"the API: {where}{error.what}",))
    finally:
        # Nobody waits for nodes whose answers are of no use any more; what they run ends there.
        on_nodes.cancel()
        await asyncio.wait([on_nodes], timeout=_ENDING)
    running = {name: told for name, told in answers.items() if not isinstance(told, NodeError)}
    leftovers: tuple[Leftover, ...] = compare_with_reality(cluster, nodes, pods, running)
    silent = tuple(
        f"what runs on {name}: {told.what}"
        for name, told in answers.items()
        if isinstance(told, NodeError)
    )
    return Leftovers(_now(), leftovers, silent)


async def _running_on(session: NodeSession) -> tuple[RunningPod, ...]:
    text = await session.check(_RUNNING, timeout=25)
    return running_pods(text, session.node.name)


def running_pods(listing: str, node: str) -> tuple[RunningPod, ...]:
    """The pods of a `crictl ps -o json` (CRI API, runtime/v1 `Container`); raises NodeError."""
    try:
        document = json.loads(listing)
    except ValueError as error:
        raise NodeError("crictl did not answer in JSON", where=node) from error
    listed = document.get("containers") if isinstance(document, dict) else None
    found: dict[RunningPod, None] = {}
    for entry in listed if isinstance(listed, list) else ():
        labels = entry.get("labels") if isinstance(entry, dict) else None
        if isinstance(labels, dict) and labels.get(_POD) and labels.get(_NAMESPACE):
            found[RunningPod(str(labels[_NAMESPACE]), str(labels[_POD]))] = None
    return tuple(found)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
