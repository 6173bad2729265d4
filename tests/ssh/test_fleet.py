"""Work on several nodes at once."""

from __future__ import annotations

import asyncio
import subprocess
import sys

import pytest

from recovery.errors import NodeUnreachableError
from recovery.inventory.model import Cluster
from recovery.ssh.fleet import Fleet
from recovery.ssh.session import NodeSession
from tests.ssh.servers import Account, InProcessServer, free_port


@pytest.fixture
def cluster(account: Account, server: InProcessServer) -> Cluster:
    """Two nodes that answer, and one that is down."""
    down = InProcessServer(port=free_port())
    return Cluster(
        "prod-a",
        (
            account.node(server, "etcd-1"),
            account.node(server, "etcd-2"),
            account.node(down, "etcd-3"),
        ),
    )


async def test_a_node_that_is_down_does_not_stop_the_others(cluster: Cluster) -> None:
    async with Fleet(cluster) as fleet:
        answers = await fleet.each(
            ["etcd-1", "etcd-2", "etcd-3"], lambda session: session.check("echo here")
        )
    assert (answers["etcd-1"], answers["etcd-2"]) == ("here\n", "here\n")
    assert isinstance(answers["etcd-3"], NodeUnreachableError)
    assert answers["etcd-3"].where == "etcd-3"


async def test_nodes_are_worked_on_side_by_side(cluster: Cluster) -> None:
    meeting = asyncio.Barrier(2)

    async def meet(session: NodeSession) -> str:
        async with asyncio.timeout(10):
            await meeting.wait()
        return session.node.name

    async with Fleet(cluster) as fleet:
        names = ["etcd-1", "etcd-2"]
        assert await fleet.each(names, meet) == {name: name for name in names}


async def test_a_mistake_in_the_work_ends_it_everywhere(cluster: Cluster) -> None:
    ended = asyncio.Event()

    async def work(session: NodeSession) -> None:
        if session.node.name == "etcd-1":
            raise ZeroDivisionError
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    async with Fleet(cluster) as fleet:
        with pytest.raises(ZeroDivisionError):
            await fleet.each(["etcd-1", "etcd-2"], work)
    assert ended.is_set()


async def test_a_node_has_one_session(cluster: Cluster) -> None:
    async with Fleet(cluster) as fleet:
        assert fleet.session("etcd-1") is fleet.session("etcd-1")
        with pytest.raises(KeyError):
            fleet.session("etcd-9")


@pytest.mark.parametrize("module", ["recovery.ssh.session", "recovery.ssh.fleet"])
def test_sessions_can_be_named_without_loading_asyncssh(module: str) -> None:
    program = f"import sys, {module}; sys.exit('asyncssh' in sys.modules)"
    subprocess.run([sys.executable, "-c", program], check=True)
