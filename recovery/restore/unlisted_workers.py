"""Workers that the inventory does not list, so that their kubelets can be restarted too.

Their names come from the API, or from the snapshot where no API server answers. Only those that
answer over SSH take part in a run; of the others a person is told.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

from recovery.cluster.facts import EtcdManifest
from recovery.cluster.kubernetes import ApiServer
from recovery.errors import KubernetesError, NodeError
from recovery.health.kubernetes_checks import api_servers, first_answer
from recovery.health.model import CLUSTER_SCOPE, Check
from recovery.health.verdicts import ok, warned
from recovery.inventory.model import Cluster, Node
from recovery.restore.unlisted import unlisted_worker
from recovery.snapshots.model import SnapshotContents
from recovery.ssh.fleet import Fleet
from recovery.ssh.session import NodeSession

WORKERS = "unlisted workers"
_HOST = re.compile(rb"[a-z0-9]([a-z0-9.-]*[a-z0-9])?")
"""A node's name is a DNS subdomain (RFC 1123); anything else is no name to connect to."""
_ASKING_SECONDS = 6
_API_SECONDS = 12.0
"""For all API servers together: several may hang for want of a quorum."""
_REACH_SECONDS = 8.0
_AT_ONCE = 16
"""Connections that are begun together: a jump host lets few more through (sshd's MaxStartups)."""
_ALL_SECONDS = 40.0
"""For reaching all of them; those that were not asked by then are said, and hold nobody up."""
NOT_ASKED = f"not asked within {_ALL_SECONDS:.0f} s, as there are many"


@dataclass(frozen=True, slots=True)
class UnlistedWorkers:
    """What was found beyond the inventory."""

    reached: tuple[Node, ...] = ()
    out_of_reach: tuple[tuple[Node, str], ...] = ()
    """With the reason why."""
    found_in: str = ""
    """`the API` or `the snapshot`."""


async def find_unlisted_workers(
    fleet: Fleet,
    cluster: Cluster,
    manifests: Mapping[str, EtcdManifest],
    contents: SnapshotContents,
) -> UnlistedWorkers:
    """Ask the API, else the snapshot's contents; then try to reach each.

    What is down raises nothing.
    """
    try:
        async with asyncio.timeout(_API_SECONDS):
            hosts = await _from_api(fleet, cluster, manifests)
        found_in = "the API"
    except (KubernetesError, TimeoutError):
        hosts = _from_snapshot(contents)
        found_in = "the snapshot"
    listed = {node.name for node in cluster.nodes}
    nodes = [
        unlisted_worker(cluster, name, host) for name, host in hosts.items() if name not in listed
    ]
    told = await _reach(nodes)
    return UnlistedWorkers(
        tuple(node for node, why in told if not why),
        tuple((node, why) for node, why in told if why),
        found_in,
    )


def worker_checks(found: UnlistedWorkers) -> Iterator[Check]:
    """What preflight says about them; nothing where the inventory has them all."""
    if found.reached:
        names = ", ".join(node.name for node in found.reached)
        yield ok(
            WORKERS,
            CLUSTER_SCOPE,
            f"{names}, from {found.found_in}",
            "They answer over SSH: their kubelets are restarted at the end, as the others'.",
        )
    if found.out_of_reach:
        told = "; ".join(f"{node.name}: {why}" for node, why in found.out_of_reach)
        yield warned(
            WORKERS,
            CLUSTER_SCOPE,
            told,
            f"They are in {found.found_in} and not in the inventory, and cannot be reached. Their "
            "kubelets are not restarted by the run; their containers go on.",
            "list them as workers in the inventory, or restart kubelet there by hand afterwards: "
            "systemctl restart kubelet",
        )


async def _from_api(
    fleet: Fleet, cluster: Cluster, manifests: Mapping[str, EtcdManifest]
) -> dict[str, str]:
    found = await api_servers(fleet, cluster, manifests)
    servers = [server for server in found.values() if isinstance(server, ApiServer)]
    nodes = await first_answer(servers, lambda server: server.list_nodes(seconds=_ASKING_SECONDS))
    # A name becomes a file's name on this machine.
    named = [node for node in nodes if _HOST.fullmatch(node.name.encode())]
    return {node.name: node.address or node.name for node in named if not node.control_plane}


def _from_snapshot(contents: SnapshotContents) -> dict[str, str]:
    """Names only: what the snapshot says of a node is in a form that nothing here reads."""
    return {name: name for name in contents.nodes if _HOST.fullmatch(name.encode())}


async def _reach(nodes: Sequence[Node]) -> list[tuple[Node, str]]:
    """Each with why it cannot be reached, a few at a time, and within a limit for all."""
    why = dict.fromkeys((node.name for node in nodes), NOT_ASKED)
    turns = asyncio.Semaphore(_AT_ONCE)

    async def ask(node: Node) -> None:
        async with turns:
            why[node.name] = await _why_not(node)

    with suppress(TimeoutError):
        async with asyncio.timeout(_ALL_SECONDS), asyncio.TaskGroup() as group:
            for node in nodes:
                group.create_task(ask(node))
    return [(node, why[node.name]) for node in nodes]


async def _why_not(node: Node) -> str:
    """Why it cannot be reached; empty where it can."""
    session = NodeSession(node)
    try:
        async with asyncio.timeout(_REACH_SECONDS):
            await session.check("systemctl is-active kubelet || true", timeout=5)
    except TimeoutError:
        return f"{node.host} does not answer"
    except NodeError as error:
        return error.what
    finally:
        await session.close()
    return ""
