"""Kubernetes-like contents for the rehearsal: several thousand keys, and how they change."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence

from recovery.rehearsal.node.layout import CLUSTER_NAME, NodeLayout
from recovery.rehearsal.node.stored_objects import encode_builtin, encode_custom

NAMESPACES = (
    "default",
    "kube-system",
    "cpaas-system",
    "payments",
    "checkout",
    "catalogue",
    "search",
    "identity",
    "monitoring",
    "ingress",
)
STATIC_PODS = ("etcd", "kube-apiserver", "kube-scheduler", "kube-controller-manager")
_APPS = ("api", "web", "worker", "cache", "gateway", "jobs")
_DEPLOYMENTS = "deployments", "apps/v1", "Deployment"

_RUNNING = {
    "phase": "Running",
    "conditions": [{"type": "Ready", "status": "True"}],
    "containerStatuses": [{"name": "main", "ready": True, "restartCount": 0}],
}

Pair = tuple[str, bytes]


def first_keys(layouts: Sequence[NodeLayout], authority: str = "") -> Iterator[Pair]:
    """What a cluster of a few months holds: about 3 000 keys. `authority` is its CA, as PEM."""
    root = {"data": {"ca.crt": authority}}
    if authority:
        yield _core("configmaps", "ConfigMap", "kube-system", "kube-root-ca.crt", root)
    chance = random.Random(7)
    for namespace in NAMESPACES:
        yield _core("namespaces", "Namespace", "", namespace, {})
    for layout in layouts:
        yield _node(layout)
        if not layout.worker:
            for pod in STATIC_PODS:
                yield static_pod(pod, layout)
    settings = {
        "ClusterConfiguration": f"clusterName: {CLUSTER_NAME}\nkind: ClusterConfiguration\n"
    }
    yield _core("configmaps", "ConfigMap", "kube-system", "kubeadm-config", {"data": settings})
    for namespace in NAMESPACES:
        for app in _APPS:
            yield from _application(namespace, app, chance)
        for number in range(20):
            name = f"settings-{number:02d}"
            data = {"data": {"value": f"{namespace}-{number}-" + "x" * chance.randrange(40, 400)}}
            yield _core("configmaps", "ConfigMap", namespace, name, data)
        for number in range(15):
            name = f"token-{number:02d}"
            secret: dict[str, object] = {
                "type": "Opaque",
                "data": {"token": f"{chance.getrandbits(256):064x}"},
            }
            yield _core("secrets", "Secret", namespace, name, secret)
    for number in range(60):
        yield _widget(number, size=number % 7)


def pods_on_workers(layouts: Sequence[NodeLayout]) -> Iterator[tuple[str, str]]:
    """Namespace and name of those of the first keys' pods that no kubelet of ours runs."""
    static = {key for layout in layouts for key in _static_pods(layout)}
    for key, _ in first_keys(layouts):
        if key.startswith("/registry/pods/") and key not in static:
            namespace, name = key.split("/")[-2:]
            yield namespace, name


def _static_pods(layout: NodeLayout) -> Iterator[str]:
    for pod in STATIC_PODS:
        key, _ = static_pod(pod, layout)
        yield key


def changes(round_number: int, count: int) -> Iterator[Pair]:
    """What happens between two backups: settings change, events and widgets come."""
    chance = random.Random(1000 + round_number)
    for number in range(count):
        namespace = NAMESPACES[chance.randrange(len(NAMESPACES))]
        kind = number % 4
        if kind == 0:
            name = f"settings-{chance.randrange(20):02d}"
            data = {"data": {"value": f"round-{round_number}-{number}"}}
            yield _core("configmaps", "ConfigMap", namespace, name, data)
        elif kind == 1:
            yield _event(namespace, f"round-{round_number}-{number}")
        elif kind == 2:
            yield _widget(100 * round_number + number, size=number)
        else:
            name = f"order-{round_number}-{number}"
            data = {"data": {"state": "paid", "amount": str(chance.randrange(10_000))}}
            yield _core("configmaps", "ConfigMap", "payments", name, data)


def static_pod(pod: str, layout: NodeLayout) -> Pair:
    """The mirror pod of a static pod."""
    body = {"spec": {"nodeName": layout.name}, "status": _RUNNING}
    return _core("pods", "Pod", "kube-system", f"{pod}-{layout.name}", body)


def _node(layout: NodeLayout) -> Pair:
    labels = {} if layout.worker else {"node-role.kubernetes.io/control-plane": ""}
    body: dict[str, object] = {
        "status": {"addresses": [{"type": "InternalIP", "address": layout.address}]}
    }
    metadata = {"name": layout.name, "labels": labels}
    value = encode_builtin(
        "v1", "Node", {"kind": "Node", "apiVersion": "v1", "metadata": metadata, **body}
    )
    return f"/registry/minions/{layout.name}", value


def _application(namespace: str, app: str, chance: random.Random) -> Iterator[Pair]:
    resource, version, kind = _DEPLOYMENTS
    replicas = chance.randrange(2, 6)
    yield _object(resource, version, kind, namespace, app, {"spec": {"replicas": replicas}})
    yield _core("services/specs", "Service", namespace, app, {"spec": {"clusterIP": "10.96.7.7"}})
    yield _core("services/endpoints", "Endpoints", namespace, app, {"subsets": []})
    yield _object("leases", "coordination.k8s.io/v1", "Lease", namespace, app, {"spec": {}})
    for generation in range(4):
        name = f"{app}-{chance.getrandbits(32):08x}"
        yield _object("replicasets", "apps/v1", "ReplicaSet", namespace, name, {"spec": {}})
        if generation < 3:
            continue
        for _ in range(replicas):
            pod = f"{name}-{chance.getrandbits(20):05x}"
            body = {"spec": {"nodeName": "worker-1"}, "status": _RUNNING, "pad": "p" * 900}
            yield _core("pods", "Pod", namespace, pod, body)
    for number in range(28):
        yield _event(namespace, f"{app}-{number}")


def _event(namespace: str, name: str) -> Pair:
    body = {"reason": "Pulled", "message": "Container image already present on machine"}
    return _object("events", "v1", "Event", namespace, f"{name}.17f0", body)


def _widget(number: int, size: int) -> Pair:
    name = f"widget-{number:04d}"
    body = {
        "apiVersion": "apps.example.com/v1",
        "kind": "Widget",
        "metadata": {"name": name, "namespace": "catalogue"},
        "spec": {"size": size},
    }
    return f"/registry/apps.example.com/widgets/catalogue/{name}", encode_custom(body)


def _core(resource: str, kind: str, namespace: str, name: str, body: Mapping[str, object]) -> Pair:
    return _object(resource, "v1", kind, namespace, name, body)


def _object(
    resource: str, version: str, kind: str, namespace: str, name: str, body: Mapping[str, object]
) -> Pair:
    metadata = {"name": name} if not namespace else {"name": name, "namespace": namespace}
    value = {"kind": kind, "apiVersion": version, "metadata": metadata, **body}
    key = (
        f"/registry/{resource}/{namespace}/{name}" if namespace else f"/registry/{resource}/{name}"
    )
    return key, encode_builtin(version, kind, value)
