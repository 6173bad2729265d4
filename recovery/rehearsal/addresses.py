"""Free loopback addresses, so that every node has the standard ports to itself."""

from __future__ import annotations

import random
import socket
from collections.abc import Sequence

from recovery.errors import RehearsalError

_PORTS = (2379, 2380, 2381, 6443)


def free_subnet() -> str:
    """The first three octets of a 127.x.y network whose nodes' ports are all free."""
    for _ in range(50):
        subnet = f"127.{random.randrange(16, 250)}.{random.randrange(1, 250)}"
        if all(_free(f"{subnet}.{host}", port) for host in (11, 12, 13) for port in _PORTS):
            return subnet
    raise RehearsalError(
        "no free loopback addresses were found",
        where="127.0.0.0/8",
        remedy="the rehearsal cluster needs Linux, where all of 127.0.0.0/8 is the loopback",
    )


def free_port(address: str) -> int:
    """A port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind((address, 0))
        return int(probe.getsockname()[1])


def common_free_port(addresses: Sequence[str]) -> int:
    """A port that was free a moment ago on all of them: as on real nodes, it is the same."""
    for _ in range(50):
        port = free_port(addresses[0])
        if all(_free(address, port) for address in addresses):
            return port
    raise RehearsalError("no port is free on all loopback addresses", where=addresses[0])


def _free(address: str, port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except OSError:
            return False
    return True
