"""Nodes as they lie in etcd: Kubernetes' own protobuf, JSON, and what is neither."""

from __future__ import annotations

import json

import pytest

from recovery.cluster.stored_nodes import read_stored_node


def field(number: int, content: bytes) -> bytes:
    """A protobuf field with a length below 16 KiB."""
    size = len(content)
    length = bytes([size]) if size < 128 else bytes([size & 0x7F | 0x80, size >> 7])
    return bytes([number << 3 | 2]) + length + content


def stored(labels: tuple[str, ...], *addresses: tuple[str, str]) -> bytes:
    """A Node as the API server writes it, by the field numbers of generated.proto."""
    metadata = field(1, b"etcd-1") + field(5, b"3b1c") + bytes([7 << 3 | 0, 5])
    for label in labels:
        metadata += field(11, field(1, label.encode()) + field(2, b""))
    status = b"".join(
        field(5, field(1, kind.encode()) + field(2, address.encode()))
        for kind, address in addresses
    )
    node = field(1, metadata) + field(2, field(1, b"10.244.0.0/24")) + field(3, status)
    type_meta = field(1, b"v1") + field(2, b"Node")
    return b"k8s\0" + field(1, type_meta) + field(2, node) + field(3, b"") + field(4, b"")


def test_a_node_in_protobuf_has_its_name_address_and_role() -> None:
    value = stored(
        ("kubernetes.io/os", "node-role.kubernetes.io/control-plane"),
        ("Hostname", "etcd-1"),
        ("InternalIP", "10.0.0.11"),
        ("ExternalIP", "198.51.100.1"),
    )
    node = read_stored_node(value)
    assert node is not None
    assert (node.name, node.address, node.control_plane) == ("etcd-1", "10.0.0.11", True)
    assert not node.ready


def test_a_worker_has_no_label_of_the_control_plane() -> None:
    node = read_stored_node(stored(("kubernetes.io/os",), ("InternalIP", "10.0.0.21")))
    assert node is not None
    assert not node.control_plane


def test_a_node_in_json_is_read_too() -> None:
    document = {
        "metadata": {"name": "etcd-2"},
        "status": {"addresses": [{"type": "InternalIP", "address": "10.0.0.12"}]},
    }
    node = read_stored_node(json.dumps(document).encode())
    assert node is not None
    assert (node.name, node.address) == ("etcd-2", "10.0.0.12")


@pytest.mark.parametrize(
    "value",
    [b"", b"k8s\0", b"k8s:enc:aescbc:v1:key1:\x8a\x00", b"k8s\0\x0a\xff", b"{", b"[]", b"\xff" * 9],
)
def test_what_is_no_node_is_none(value: bytes) -> None:
    assert read_stored_node(value) is None
