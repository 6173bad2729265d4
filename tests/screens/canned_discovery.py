"""A search with canned answers, for the first run's looks."""

from __future__ import annotations

from pathlib import Path

from recovery.errors import NodeUnreachableError, UnknownHostKeyError
from recovery.inventory.discovery import Discovered, FoundNode, Reach, TellNode
from recovery.inventory.model import Node, Role

LINE = "10.0.0.13 ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFirstRunFirstRunFirstRunFirstRunFirstRunFi"


def unknown_key(node: str) -> UnknownHostKeyError:
    """Somebody whom nobody knows."""
    error = UnknownHostKeyError(
        "the host key is not known: 10.0.0.13 shows SHA256:a1b2 (ssh-ed25519)",
        where=node,
        remedy="compare that fingerprint with the node's own",
    )
    error.host = "10.0.0.13"
    error.fingerprint = "SHA256:kTEk2MkOZyXbMyiJmHDqwc3WY0tCkmM7PWZIhOWYJ8Q (ssh-ed25519)"
    error.line, error.file = LINE, Path("/home/ops/.ssh/known_hosts")
    return error


def found_nodes(*, all_answer: bool = False) -> tuple[FoundNode, ...]:
    """Three control-plane nodes and two workers, two of which cannot be logged in to."""
    silent = NodeUnreachableError(
        "10.0.0.21:22 does not answer within 10 s",
        where="worker-1",
        remedy="is the machine up, and does a firewall let this host through?",
    )
    errors = {} if all_answer else {"etcd-3": unknown_key("etcd-3"), "worker-1": silent}
    nodes = [
        *(Node(f"etcd-{n}", f"10.0.0.1{n}") for n in (1, 2, 3)),
        *(Node(f"worker-{n}", f"10.0.0.2{n}", Role.WORKER) for n in (1, 2)),
    ]
    return tuple(
        FoundNode(node, Reach.FAILED if error else Reach.REACHED, error)
        for node in nodes
        for error in [errors.get(node.name)]
    )


async def canned_search(first: Node, tell: TellNode) -> Discovered:
    """Two of five do not answer."""
    tell(FoundNode(first, Reach.ASKING))
    return Discovered("prod-a", found_nodes(), None, ("no backup configuration was found",))


async def whole_search(first: Node, tell: TellNode) -> Discovered:
    """All answer."""
    return Discovered("prod-a", found_nodes(all_answer=True), None, ())
