"""The rehearsal cluster counts as broken once nothing runs any more of what ran before."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from recovery.cluster.facts import Version
from recovery.rehearsal.breaking import Breakage, Ground, break_cluster
from recovery.rehearsal.etcd_binaries import EtcdBinaries
from recovery.rehearsal.node.layout import NodeLayout
from recovery.rehearsal.node.simulated_node import SimulatedNode
from recovery.rehearsal.pki import make_authorities
from tests.rehearsal_node.hosts import IGNORES_SIGTERM, Host, until


@pytest.fixture
async def slow_to_end(tmp_path: Path) -> AsyncIterator[Host]:
    """A node whose etcd and API server end only when they are killed, and listen nowhere."""
    layout = NodeLayout(tmp_path / "etcd-1", "etcd-1", "127.0.0.1")
    layout.create()
    programs = {"etcd": IGNORES_SIGTERM, "kube-apiserver": IGNORES_SIGTERM}
    node = SimulatedNode(layout, programs, cluster=tmp_path)
    await node.start()
    yield Host(node)
    await node.stop()


@pytest.mark.parametrize(
    ("way", "program"),
    [(Breakage.API_DOWN, "kube-apiserver"), (Breakage.STOPPED, "etcd")],
)
async def test_what_ran_before_has_ended_once_it_is_broken(
    slow_to_end: Host, tmp_path: Path, way: Breakage, program: str
) -> None:
    slow_to_end.write_manifest(program, "--etcd-certfile=apiserver-etcd-client.crt")
    before = await slow_to_end.running(program)

    async def deaf() -> bool:
        return await slow_to_end.ok(f"crictl logs {before}") == "deaf\n"

    await until(deaf)
    nowhere = EtcdBinaries(tmp_path, tmp_path, None, Version(3, 5, 0))
    await break_cluster(Ground((slow_to_end.node,), nowhere, make_authorities(), {}), way)
    assert before not in await slow_to_end.ids(program)
