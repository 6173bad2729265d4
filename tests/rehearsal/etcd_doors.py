"""Asks a member of a rehearsal cluster directly, with the node's own certificates."""

from __future__ import annotations

from pathlib import Path

from recovery.inventory.model import Node
from recovery.rehearsal.node.etcd_gateway import EtcdGateway, GatewayError


def member(node: Node) -> EtcdGateway:
    """The gateway of a node's member."""
    pki = Path(node.paths.pki)
    return EtcdGateway(
        f"https://{node.host}:2379",
        str(pki / "ca.crt"),
        str(pki / "healthcheck-client.crt"),
        str(pki / "healthcheck-client.key"),
    )


def serves(node: Node, seconds: float = 1.0) -> bool:
    """Whether a linearizable read goes through, which takes a quorum."""
    try:
        member(node).range("/registry/health", seconds)
    except GatewayError:
        return False
    return True


def status(node: Node) -> dict[str, object]:
    """What the member says of itself; GatewayError where it does not answer."""
    return member(node).call("/v3/maintenance/status", {}, 2)
