"""Nodes as the API server stores them in etcd, read without an API server.

The envelope is apimachinery's runtime.Unknown behind `k8s\\0`; inside is core/v1's Node. Field
numbers: k8s.io/apimachinery/pkg/runtime/generated.proto, k8s.io/api/core/v1/generated.proto.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

from recovery.cluster.kubernetes_objects import KubeNode, read_nodes
from recovery.snapshots.reader.protobuf import varint

NODES = b"/registry/minions/"

_MAGIC = b"k8s\0"
_CONTROL_PLANE_LABELS = (
    b"node-role.kubernetes.io/control-plane",
    b"node-role.kubernetes.io/master",
)
_UNKNOWN_STATE = "read from etcd, not asked"


def read_stored_node(value: bytes) -> KubeNode | None:
    """The node of a stored value; None where it is none, or encrypted. Its state is not told."""
    try:
        return _json_node(value) if value[:1] == b"{" else _unknown(value)
    except (ValueError, RecursionError):
        return None


def _unknown(value: bytes) -> KubeNode | None:
    if not value.startswith(_MAGIC):
        return None
    envelope = list(_fields(value[len(_MAGIC) :]))
    raw = _last(envelope, 2)
    if raw[:1] == b"{":
        return _json_node(raw)
    return _node(raw)


def _json_node(raw: bytes) -> KubeNode | None:
    document = json.loads(raw)
    if not isinstance(document, Mapping):
        return None
    nodes = read_nodes({"items": [document]})
    return nodes[0] if nodes and nodes[0].name else None


def _node(raw: bytes) -> KubeNode | None:
    parts = list(_fields(raw))
    metadata = list(_fields(_last(parts, 1)))
    name = _last(metadata, 1).decode()
    if not name:
        return None
    labels = {_last(list(_fields(entry)), 1) for number, entry in metadata if number == 11}
    addresses = [list(_fields(entry)) for number, entry in _fields(_last(parts, 3)) if number == 5]
    internal = [_last(each, 2).decode() for each in addresses if _last(each, 1) == b"InternalIP"]
    return KubeNode(
        name=name,
        ready=False,
        reason=_UNKNOWN_STATE,
        control_plane=any(label in labels for label in _CONTROL_PLANE_LABELS),
        address=internal[0] if internal else "",
    )


def _last(fields: list[tuple[int, bytes]], wanted: int) -> bytes:
    return next((value for number, value in reversed(fields) if number == wanted), b"")


def _fields(data: bytes) -> Iterator[tuple[int, bytes]]:
    """(number, content) of every field with a length; numbers are passed over."""
    at = 0
    while at < len(data):
        tag, at = varint(data, at)
        kind = tag & 7
        if kind == 0:
            _, at = varint(data, at)
        elif kind == 2:
            size, at = varint(data, at)
            if at + size > len(data):
                raise ValueError("a field is longer than its message")
            yield tag >> 3, data[at : at + size]
            at += size
        elif kind in (1, 5):
            at += 8 if kind == 1 else 4
        else:
            raise ValueError("a field of an unknown kind")
