"""Nodes behind jump hosts."""

from __future__ import annotations

from pathlib import Path

import pytest

from recovery.errors import HostKeyError, NodeUnreachableError
from recovery.inventory.model import Node, SshOptions
from tests.ssh.servers import (
    Account,
    InProcessServer,
    answer,
    free_port,
    in_process_server,
)


async def test_a_jump_host_leads_to_the_node(account: Account, server: InProcessServer) -> None:
    async with in_process_server(account, InProcessServer(host="127.0.0.2")) as gate:
        account.trust(gate)
        node = account.node(server, proxy_jump=f"ops@{gate.host}:{gate.port}")
        assert await answer(node) == "answered\n"
        assert gate.connections[0].get_extra_info("username") == "ops"
        assert not gate.commands and len(server.commands) == 1


async def test_several_jump_hosts_lead_to_the_node(
    account: Account, server: InProcessServer
) -> None:
    async with (
        in_process_server(account, InProcessServer(host="127.0.0.2")) as first,
        in_process_server(account, InProcessServer(host="127.0.0.3")) as second,
    ):
        account.trust(first)
        account.trust(second)
        jump = f"{first.host}:{first.port},root@{second.host}:{second.port}"
        assert await answer(account.node(server, proxy_jump=jump)) == "answered\n"
        assert first.connections and second.connections


async def test_a_jump_hosts_key_is_checked_too(account: Account, server: InProcessServer) -> None:
    async with in_process_server(account, InProcessServer(host="127.0.0.2")) as gate:
        node = account.node(server, proxy_jump=f"{gate.host}:{gate.port}")
        with pytest.raises(HostKeyError, match=r"jump host 127\.0\.0\.2 is not known"):
            await answer(node)
        assert not server.connections


async def test_a_jump_host_of_ssh_config_is_checked_too(
    account: Account, server: InProcessServer, home: Path
) -> None:
    async with in_process_server(account, InProcessServer(host="127.0.0.2")) as gate:
        (home / ".ssh/config").write_text(
            f"Host gate\n  HostName {gate.host}\n  Port {gate.port}\n"
            "Host *\n  ProxyJump gate\n  StrictHostKeyChecking no\n"
        )
        with pytest.raises(HostKeyError, match="jump host"):
            await answer(account.node(server))
        account.trust(gate)
        assert await answer(account.node(server)) == "answered\n"
        assert await answer(account.node(server, proxy_jump="none")) == "answered\n"
        assert len(gate.connections) == 2


async def test_a_jump_host_that_cannot_reach_the_node_is_named(account: Account) -> None:
    async with in_process_server(account, InProcessServer(host="127.0.0.2")) as gate:
        account.trust(gate)
        nobody = InProcessServer(port=free_port())
        with pytest.raises(NodeUnreachableError, match="the jump host cannot reach"):
            await answer(account.node(nobody, proxy_jump=f"{gate.host}:{gate.port}"))


def test_an_ipv6_jump_host_can_be_given() -> None:
    from recovery.ssh.connection import _parse_hop

    node = Node("etcd-1", "x", ssh=SshOptions())
    assert _parse_hop(node, "ops@[fd00::1]:2222") == ("ops", "fd00::1", 2222)
    assert _parse_hop(node, "gate") == (None, "gate", None)
    with pytest.raises(NodeUnreachableError, match="USER@HOST:PORT"):
        _parse_hop(node, "gate:ssh")
