"""`discover`: an inventory, read from one control-plane node."""

from __future__ import annotations

import argparse
import os
import sys
from datetime import UTC, datetime
from pathlib import Path

from recovery.errors import UsageError
from recovery.inventory import wording
from recovery.inventory.address import SshAddress, parse_address
from recovery.inventory.discovery import Discovered, FoundNode, Reach, discover
from recovery.inventory.model import Node, SshOptions
from recovery.inventory.writing import discovered_text


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> argparse.ArgumentParser:
    """Declare the command."""
    parser = commands.add_parser(
        "discover",
        help="print an inventory, read from one control-plane node",
        description="Ask one control-plane node who belongs to its cluster, log in to each node "
        "that is found, and print an inventory. Nothing is changed anywhere. What could not be "
        "found is said on stderr, and in comments of the inventory.",
    )
    parser.add_argument("host", metavar="[USER@]HOST[:PORT]", help="a control-plane node")
    parser.add_argument("--name", metavar="NAME", help="what to call the cluster")
    parser.add_argument("--port", type=int, metavar="PORT", help="the SSH port of all nodes")
    parser.add_argument("--identity-file", metavar="FILE", help="the private key to log in with")
    parser.add_argument("--known-hosts", metavar="FILE", help="instead of ~/.ssh/known_hosts")
    parser.add_argument("--proxy-jump", metavar="[USER@]HOST[:PORT]", help="the way to the nodes")
    parser.add_argument("--sudo", action="store_true", help="run node commands through sudo -n")
    parser.set_defaults(run=run)
    return parser


async def run(arguments: argparse.Namespace) -> int:
    """Print the inventory."""
    address = parse_address(arguments.host)
    if arguments.name and (wrong := wording.cluster_name(arguments.name)):
        raise UsageError(wrong, where="--name")
    first = Node(address.host, address.host, ssh=_options(arguments, address))
    found = await discover(first, os.environ, _tell)
    for remark in found.remarks:
        sys.stderr.write(f"etcd-rescue: {remark}\n")
    name = arguments.name or found.name or _asked_name()
    now = datetime.now(UTC)
    origin = f"Read from {arguments.host} on {now:%Y-%m-%d %H:%M} UTC by etcd-rescue discover."
    print(discovered_text(found, name, origin), end="")
    _say_next(found)
    return 0


def _options(arguments: argparse.Namespace, address: SshAddress) -> SshOptions:
    jump = arguments.proxy_jump
    if jump and (wrong := wording.proxy_jump(jump)):
        raise UsageError(wrong, where="--proxy-jump")
    port = arguments.port or address.port
    if port is not None and not 0 < port < 65536:
        raise UsageError(f"{port} is no port", where="--port", remedy="give 1 to 65535")
    return SshOptions(
        user=address.user,
        port=port,
        identity_file=_file(arguments.identity_file),
        known_hosts_file=_file(arguments.known_hosts),
        proxy_jump=jump,
        sudo=arguments.sudo,
    )


def _file(text: str | None) -> Path | None:
    return Path(text).expanduser().absolute() if text else None


def _tell(found: FoundNode) -> None:
    node = found.node
    if found.reach is Reach.ASKING:
        host = "" if node.name == node.host else f" ({node.host})"
        sys.stderr.write(f"asking {node.name}{host} …\n")
    elif found.error is not None:
        sys.stderr.write(f"etcd-rescue: {node.name}: {found.error.what}\n")
        if found.error.remedy:
            sys.stderr.write(f"  → {found.error.remedy}\n")


def _asked_name() -> str:
    """What a person at a terminal calls the cluster. UsageError where nobody is there."""
    if sys.stdin.isatty() and sys.stderr.isatty():
        sys.stderr.write("What is this cluster called? ")
        sys.stderr.flush()
        name = sys.stdin.readline().strip()
        if wording.cluster_name(name) is None:
            return name
    raise UsageError(
        "nothing on the node says what the cluster is called", remedy="add --name NAME"
    )


def _say_next(found: Discovered) -> None:
    reached = sum(node.reach is Reach.REACHED for node in found.nodes)
    sys.stderr.write(f"{reached} of {len(found.nodes)} nodes answered\n")
