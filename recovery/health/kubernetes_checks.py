"""The Kubernetes side of health: API servers, kubelets, nodes, and the pods of kube-system."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import TypeVar

from recovery.cluster.facts import EtcdManifest, ServiceState
from recovery.cluster.kubernetes import ApiServer, api_server_url
from recovery.cluster.kubernetes_objects import KubeNode, KubePod
from recovery.cluster.node_probe import api_server_endpoint, service_state
from recovery.cluster.pod_command import MANIFEST_LIMIT
from recovery.errors import KubernetesError, NodeError, NodeUnreachableError, RescueError
from recovery.health.model import CLUSTER_SCOPE, Check
from recovery.health.verdicts import failed, ok, skipped, warned
from recovery.inventory.model import Cluster
from recovery.ssh.fleet import Fleet
from recovery.ssh.session import NodeSession

READYZ = "API server readyz"
KUBELET = "kubelet"
NODES = "nodes"
PODS = "kube-system pods"

_CONTROL_PLANE_PODS = re.compile(
    r"(etcd|kube-apiserver|kube-controller-manager|kube-scheduler)-(?P<node>.+)"
)

_KUBELET = """
set -eu
STATUS=0
STATE=$(systemctl is-active kubelet) || STATUS=$?
printf '%s %s\\n' "$STATUS" "$STATE"
"""

OnCheck = Callable[[Check], None]
T = TypeVar("T")


async def kubernetes_checks(
    fleet: Fleet, cluster: Cluster, manifests: Mapping[str, EtcdManifest], on_check: OnCheck
) -> tuple[Check, ...]:
    """All checks of the Kubernetes side, made at once; `on_check` hears each as it is made."""

    async def told(checking: Awaitable[Check]) -> Check:
        check = await checking
        on_check(check)
        return check

    found = await api_servers(fleet, cluster, manifests)
    servers = [server for server in found.values() if isinstance(server, ApiServer)]
    async with asyncio.TaskGroup() as group:
        tasks = [
            group.create_task(told(_ready(node.name, found.get(node.name))))
            for node in cluster.control_plane
        ]
        tasks += [
            group.create_task(told(_kubelet(fleet.session(node.name)))) for node in cluster.nodes
        ]
        tasks.append(group.create_task(told(_nodes(cluster, servers))))
        tasks.append(group.create_task(told(_pods(cluster, servers))))
    return tuple(task.result() for task in tasks)


async def api_servers(
    fleet: Fleet, cluster: Cluster, manifests: Mapping[str, EtcdManifest]
) -> dict[str, ApiServer | NodeError]:
    """The API server of each node, at the address and port that its own manifest says."""

    async def find(session: NodeSession) -> ApiServer:
        try:
            path = f"{session.node.paths.manifests}/kube-apiserver.yaml"
            content = await session.read_file(path, limit=MANIFEST_LIMIT, timeout=15)
            port, address = api_server_endpoint(content.decode("utf-8", "replace"))
        except NodeUnreachableError:
            raise
        except NodeError:
            port, address = api_server_endpoint("")
        url = api_server_url(manifests[session.node.name], port, address)
        return ApiServer(session, url)

    names = [node.name for node in cluster.control_plane if node.name in manifests]
    return await fleet.each(names, find)


async def _ready(name: str, server: ApiServer | NodeError | None) -> Check:
    if server is None:
        return skipped(READYZ, name, "not asked: no etcd manifest")
    try:
        if isinstance(server, NodeError):
            raise server
        await server.ready()
    except RescueError as error:
        return failed(
            READYZ,
            name,
            error.what,
            "Whoever is sent to this API server gets no answer, or an old one.",
            error.remedy,
        )
    return ok(READYZ, name, "ok", "It reads from and writes to its etcd.")


async def _kubelet(session: NodeSession) -> Check:
    name = session.node.name
    try:
        status, _, word = (await session.check(_KUBELET, timeout=20)).strip().partition(" ")
    except NodeError as error:
        return failed(KUBELET, name, error.what, "Nobody could ask whether it runs.", error.remedy)
    state = service_state(word, status)
    if state is ServiceState.ACTIVE:
        return ok(KUBELET, name, "running", "It starts pods and reports to the API.")
    return failed(
        KUBELET,
        name,
        word or state.value,
        "Without kubelet no pod of this node is started again, etcd neither.",
        "systemctl start kubelet; if it does not stay up: journalctl -u kubelet",
    )


async def _nodes(cluster: Cluster, servers: Sequence[ApiServer]) -> Check:
    try:
        nodes = await first_answer(servers, lambda server: server.list_nodes())
    except KubernetesError as error:
        return _not_asked(NODES, error)
    return nodes_check(cluster, nodes)


async def _pods(cluster: Cluster, servers: Sequence[ApiServer]) -> Check:
    try:
        pods = await first_answer(servers, lambda server: server.list_kube_system_pods())
    except KubernetesError as error:
        return _not_asked(PODS, error)
    return pods_check(cluster, pods)


async def first_answer(
    servers: Sequence[ApiServer], question: Callable[[ApiServer], Awaitable[T]]
) -> T:
    """The first API server's answer; the next one is asked where it has none."""
    trouble: RescueError | None = None
    for server in servers:
        try:
            return await question(server)
        except (KubernetesError, NodeError) as error:
            trouble = trouble or error
    if trouble is None:
        raise KubernetesError("no control-plane node answers")
    raise KubernetesError(
        trouble.what, where=trouble.where, remedy=trouble.remedy, detail=trouble.detail
    )


def _not_asked(name: str, error: KubernetesError) -> Check:
    where = f"{error.where}: " if error.where else ""
    return skipped(name, CLUSTER_SCOPE, f"{where}{error.what}", error.remedy)


def nodes_check(cluster: Cluster, nodes: Sequence[KubeNode]) -> Check:
    """Whether every node of the inventory is there and ready; a stranger's trouble only warns."""
    by_name = {node.name: node for node in nodes}
    missing = [node.name for node in cluster.nodes if node.name not in by_name]
    unready = {node.name: node.reason for node in nodes if not node.ready}
    ours = [node.name for node in cluster.nodes if node.name in unready]
    ready = f"{len(nodes) - len(unready)}/{len(nodes)} ready"
    if missing or ours:
        told = [f"{name} is not in the API" for name in missing]
        told += [f"{name}: {unready[name]}" for name in ours]
        return failed(
            NODES,
            CLUSTER_SCOPE,
            f"{ready}; {_few(told)}",
            "Pods of these nodes are not looked after.",
            "restart kubelet there and wait a minute; see journalctl -u kubelet",
        )
    if unready:
        return warned(
            NODES,
            CLUSTER_SCOPE,
            f"{ready}; {_few(sorted(unready))}",
            "These nodes are not in the inventory, so nobody asked them directly.",
            "restart kubelet there; add them to the inventory as workers",
        )
    return ok(NODES, CLUSTER_SCOPE, ready, "Every kubelet has reported to the restored API.")


def pods_check(cluster: Cluster, pods: Sequence[KubePod]) -> Check:
    """Whether the control plane's own pods run; other pods of kube-system only warn."""
    unwell = [pod for pod in pods if not pod.well]
    names = {node.name for node in cluster.control_plane}
    serious = [pod for pod in unwell if _is_control_plane(pod, names)]
    well = f"{len(pods) - len(unwell)}/{len(pods)} well"
    if serious:
        return failed(
            PODS,
            CLUSTER_SCOPE,
            f"{well}; {_few(pod.name for pod in serious)}",
            "A part of the control plane does not run, or its pod has not been reported yet.",
            "wait up to two minutes; then see crictl ps -a on its node",
        )
    if unwell or not pods:
        return warned(
            PODS,
            CLUSTER_SCOPE,
            f"{well}; {_few(pod.name for pod in unwell)}" if unwell else "none is listed",
            "The control plane runs; these pods may need some minutes, or were unwell before.",
            "kubectl get pods --namespace kube-system; kubectl describe the ones that stay",
        )
    return ok(PODS, CLUSTER_SCOPE, well, "The cluster's own services run.")


def _is_control_plane(pod: KubePod, names: set[str]) -> bool:
    match = _CONTROL_PLANE_PODS.fullmatch(pod.name)
    return match is not None and match["node"] in names


def _few(told: Iterable[str]) -> str:
    listed = list(told)
    return ", ".join(listed[:3]) + (f" and {len(listed) - 3} more" if len(listed) > 3 else "")
