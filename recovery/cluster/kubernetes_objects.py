"""Nodes and pods as kubectl's JSON has them (Kubernetes API, core/v1), as facts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

_CONTROL_PLANE_LABELS = (
    "node-role.kubernetes.io/control-plane",
    "node-role.kubernetes.io/master",
)


@dataclass(frozen=True, slots=True)
class KubeNode:
    """A node as the API has it."""

    name: str
    ready: bool
    reason: str
    """Why it is not ready, as kubelet or the node controller says; empty where it is."""
    control_plane: bool
    address: str
    """Its InternalIP; empty where the API has none."""


@dataclass(frozen=True, slots=True)
class KubePod:
    """A pod as the API has it; after a restore this may be older than reality for a while."""

    name: str
    node: str
    phase: str
    ready: bool

    @property
    def well(self) -> bool:
        """Whether it runs and is ready, or has done its work."""
        return self.phase == "Succeeded" or (self.phase == "Running" and self.ready)


@dataclass(frozen=True, slots=True)
class PlacedPod:
    """Where the API has a pod running, in few words: there may be ten thousand of them."""

    namespace: str
    name: str
    node: str
    """Empty where it was given to none."""
    phase: str


def read_nodes(document: Mapping[str, object]) -> tuple[KubeNode, ...]:
    """The nodes of a `kubectl get nodes -o json`; what is not understood counts as not ready."""
    return tuple(_node(item) for item in _mappings(document.get("items")))


def read_pods(document: Mapping[str, object]) -> tuple[KubePod, ...]:
    """The pods of a `kubectl get pods -o json`."""
    return tuple(_pod(item) for item in _mappings(document.get("items")))


def read_placed_pods(table: str) -> tuple[PlacedPod, ...]:
    """The lines of `kubectl get pods -o custom-columns=…`; kubectl writes `<none>` for nothing."""
    rows = (line.split() for line in table.splitlines())
    return tuple(
        PlacedPod(*("" if word == "<none>" else word for word in row))
        for row in rows
        if len(row) == 4
    )


def _node(item: Mapping[str, object]) -> KubeNode:
    metadata, status = _mapping(item.get("metadata")), _mapping(item.get("status"))
    ready, reason = _condition(status, "Ready")
    addresses = _mappings(status.get("addresses"))
    internal = [str(a.get("address", "")) for a in addresses if a.get("type") == "InternalIP"]
    labels = _mapping(metadata.get("labels"))
    return KubeNode(
        name=str(metadata.get("name", "")),
        ready=ready,
        reason=reason,
        control_plane=any(label in labels for label in _CONTROL_PLANE_LABELS),
        address=internal[0] if internal else "",
    )


def _pod(item: Mapping[str, object]) -> KubePod:
    metadata, status = _mapping(item.get("metadata")), _mapping(item.get("status"))
    return KubePod(
        name=str(metadata.get("name", "")),
        node=str(_mapping(item.get("spec")).get("nodeName", "")),
        phase=str(status.get("phase", "")),
        ready=_condition(status, "Ready")[0],
    )


def _condition(status: Mapping[str, object], kind: str) -> tuple[bool, str]:
    for condition in _mappings(status.get("conditions")):
        if condition.get("type") == kind:
            if condition.get("status") == "True":
                return True, ""
            return False, str(condition.get("reason") or condition.get("message") or "not ready")
    return False, "its state is not known"


def _mapping(value: object) -> Mapping[str, object]:
    return value if isinstance(value, dict) else {}


def _mappings(value: object) -> Iterator[Mapping[str, object]]:
    if isinstance(value, list):
        yield from (item for item in value if isinstance(item, dict))
