"""Nodes for the tests of this room, each with a loopback address of its own."""

from __future__ import annotations

import random
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from recovery.rehearsal.node.layout import NodeLayout
from recovery.rehearsal.node.simulated_node import SimulatedNode
from tests.cluster.etcd_members import etcd_program
from tests.rehearsal_node.control_plane import furnish
from tests.rehearsal_node.hosts import FAILS, IGNORES_SIGTERM, WAITS, Host


@pytest.fixture
async def host(tmp_path: Path) -> AsyncIterator[Host]:
    """A node with kubelet and no static pod yet."""
    layout = NodeLayout(tmp_path / "etcd-1", "etcd-1", "127.0.0.1")
    layout.create()
    programs = {"waits": WAITS, "deaf": IGNORES_SIGTERM, "fails": FAILS, "sh": ("/bin/sh",)}
    node = SimulatedNode(layout, programs, cluster=tmp_path)
    await node.start()
    yield Host(node)
    await node.stop()


@pytest.fixture
async def control_plane(tmp_path: Path) -> AsyncIterator[Host]:
    """A cluster of one node: real etcd, the API server, kubelet with its reports."""
    layout = NodeLayout(tmp_path / "etcd-1", "etcd-1", _free_address())
    layout.create()
    furnish(layout)
    node = SimulatedNode(
        layout,
        {"etcd": (etcd_program(),)},
        cluster=tmp_path,
        api_servers=[f"https://{layout.address}:6443"],
    )
    await node.start()
    yield Host(node)
    await node.stop()


def _free_address() -> str:
    for _ in range(50):
        address = f"127.{random.randrange(16, 250)}.{random.randrange(1, 250)}.11"
        if all(_is_free(address, port) for port in (2379, 2380, 6443)):
            return address
    raise AssertionError("no free loopback address")


def _is_free(address: str, port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except OSError:
            return False
    return True
