"""What the restored API remembers and reality does not have, and the other way round. Pure.

A restore turns the API back; machines and containers are not turned back with it. Nothing here
keeps a cluster from being recovered: each finding is for a person to look at, with the commands.
"""

from __future__ import annotations

import enum
import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from recovery.cluster.kubernetes_objects import KubeNode, PlacedPod
from recovery.inventory.model import Cluster

_NAMED = 5
"""Pods named in one finding; the command lists all of them."""


class LeftoverKind(enum.Enum):
    """What does not fit."""

    NODE_SILENT = "node-silent"
    """Recorded in the API, and its kubelet does not report."""
    NODE_NOT_LISTED = "node-not-listed"
    """Recorded and alive, and not in the inventory: nobody restarted its kubelet."""
    NODE_NOT_RECORDED = "node-not-recorded"
    """In the inventory, and the API does not know it."""
    PODS_ON_GONE_NODES = "pods-on-gone-nodes"
    """Recorded as running on a node that is not there."""
    PODS_NOT_RUNNING = "pods-not-running"
    """Recorded as running on a node that answers, where they do not run."""
    PODS_NOT_RECORDED = "pods-not-recorded"
    """They run, and the API does not know them: newer than the snapshot."""


@dataclass(frozen=True, slots=True)
class Leftover:
    """One finding."""

    kind: LeftoverKind
    what: str
    """What was seen, in a sentence."""
    meaning: str
    commands: tuple[str, ...]
    """To look, not to change anything; the first one on a control-plane node."""


@dataclass(frozen=True, slots=True)
class Leftovers:
    """All findings of one look."""

    at: str
    """RFC 3339 UTC."""
    found: tuple[Leftover, ...] = ()
    not_seen: tuple[str, ...] = ()
    """What could not be looked at, and why; empty where all was seen."""


@dataclass(frozen=True, slots=True)
class RunningPod:
    """A pod with a running container, as a node's container runtime has it."""

    namespace: str
    name: str


def compare_with_reality(
    cluster: Cluster,
    nodes: Sequence[KubeNode],
    pods: Sequence[PlacedPod],
    running: Mapping[str, Iterable[RunningPod]],
) -> tuple[Leftover, ...]:
    """Everything that does not fit; `running` has the nodes that could be asked."""
    return (
        *_nodes(cluster, nodes),
        *_gone_nodes(cluster, nodes, pods),
        *_not_running(pods, running),
        *_not_recorded(pods, running),
    )


def _nodes(cluster: Cluster, nodes: Sequence[KubeNode]) -> Iterator[Leftover]:
    listed = {node.name: node for node in cluster.nodes}
    for node in nodes:
        if not node.ready:
            at = listed[node.name].host if node.name in listed else node.address
            yield _silent(node, at, known=node.name in listed)
        elif node.name not in listed:
            where = node.address or node.name
            yield Leftover(
                LeftoverKind.NODE_NOT_LISTED,
                f"{node.name} is in the API and reports, and it is not in the inventory",
                "Its kubelet was not restarted by this program; it may not see new pods.",
                (
                    f"kubectl get node {shlex.quote(node.name)} -o wide",
                    f"ssh {shlex.quote(f'root@{where}')} systemctl restart kubelet",
                ),
            )
    recorded = {node.name for node in nodes}
    for name, own in listed.items():
        if name not in recorded:
            yield Leftover(
                LeftoverKind.NODE_NOT_RECORDED,
                f"{name} is in the inventory, and the API does not know it",
                "It joined after the snapshot was taken, or registers itself in a moment.",
                (
                    "kubectl get nodes -o wide",
                    f"ssh {shlex.quote(f'root@{own.host}')} journalctl -u kubelet -n 50",
                ),
            )


def _silent(node: KubeNode, at: str, *, known: bool) -> Leftover:
    here = "" if known else ", and it is not in the inventory"
    meaning = (
        "Its kubelet is down, or has not found the restored API yet."
        if known
        else "It may have been taken out of the cluster after the snapshot was taken."
    )
    commands = [f"kubectl describe node {shlex.quote(node.name)}"]
    if at:
        commands.append(f"ssh {shlex.quote(f'root@{at}')} systemctl status kubelet")
    else:
        commands.append(f"ping -c 1 {shlex.quote(node.name)}")
    return Leftover(
        LeftoverKind.NODE_SILENT,
        f"{node.name} is in the API, and does not report ({node.reason}){here}",
        meaning,
        tuple(commands),
    )


def _gone_nodes(
    cluster: Cluster, nodes: Sequence[KubeNode], pods: Sequence[PlacedPod]
) -> Iterator[Leftover]:
    listed = {node.name for node in cluster.nodes}
    there = {node.name for node in nodes if node.ready or node.name in listed}
    gone: dict[str, list[PlacedPod]] = {}
    for pod in pods:
        if pod.node and pod.node not in there and pod.phase == "Running":
            gone.setdefault(pod.node, []).append(pod)
    for name in sorted(gone):
        yield Leftover(
            LeftoverKind.PODS_ON_GONE_NODES,
            f"{_pods(gone[name])} recorded as running on {name}, which is not there: "
            f"{_some(gone[name])}",
            "Whatever waits for them waits for nobody; volumes may still count as attached.",
            (_on_node(name), f"kubectl get node {shlex.quote(name)}"),
        )


def _not_running(
    pods: Sequence[PlacedPod], running: Mapping[str, Iterable[RunningPod]]
) -> Iterator[Leftover]:
    for name, there in running.items():
        known = set(there)
        missing = [
            pod
            for pod in pods
            if pod.node == name
            and pod.phase == "Running"
            and RunningPod(pod.namespace, pod.name) not in known
        ]
        if missing:
            yield Leftover(
                LeftoverKind.PODS_NOT_RUNNING,
                f"{_pods(missing)} recorded as running on {name}, where nothing of them runs: "
                f"{_some(missing)}",
                "kubelet starts them again or has their state corrected within some minutes.",
                (_on_node(name), f"crictl ps -a  # on {name}"),
            )


def _not_recorded(
    pods: Sequence[PlacedPod], running: Mapping[str, Iterable[RunningPod]]
) -> Iterator[Leftover]:
    recorded = {(pod.namespace, pod.name) for pod in pods}
    for name, there in running.items():
        strangers = sorted(
            {pod for pod in there if (pod.namespace, pod.name) not in recorded},
            key=lambda pod: (pod.namespace, pod.name),
        )
        if strangers:
            verb = "runs" if len(strangers) == 1 else "run"
            yield Leftover(
                LeftoverKind.PODS_NOT_RECORDED,
                f"{_count(strangers)} {verb} on {name} that the API does not know: "
                f"{_some(strangers)}",
                "Newer than the snapshot. kubelet ends them once it has compared itself with the "
                "API; until then they work on, and nothing counts or finds them.",
                tuple(
                    f"crictl pods --namespace {shlex.quote(pod.namespace)} "
                    f"--name {shlex.quote(pod.name)}  # on {name}"
                    for pod in strangers[:_NAMED]
                ),
            )


def _on_node(name: str) -> str:
    return (
        "kubectl get pods --all-namespaces -o wide --field-selector "
        f"{shlex.quote(f'spec.nodeName={name}')}"
    )


def _pods(pods: Sequence[object]) -> str:
    return f"{_count(pods)} {'is' if len(pods) == 1 else 'are'}"


def _count(pods: Sequence[object]) -> str:
    return f"{len(pods)} {'pod' if len(pods) == 1 else 'pods'}"


def _some(pods: Sequence[PlacedPod] | Sequence[RunningPod]) -> str:
    names = [f"{pod.namespace}/{pod.name}" for pod in pods]
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more
