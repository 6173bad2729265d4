"""Breaks the rehearsal cluster, for real and for good."""

from __future__ import annotations

import enum
import os
import shutil
from collections.abc import Sequence

from recovery.rehearsal.node.simulated_node import SimulatedNode


class Breakage(enum.Enum):
    """The ways in which it can be broken."""

    NONE = "none"
    QUORUM_LOST = "quorum-lost"
    """Two of three data directories wrecked; the third member runs without a leader."""


async def break_cluster(nodes: Sequence[SimulatedNode], way: Breakage) -> None:
    """Wreck the second and the third control-plane node.

    It must stay broken: a member that is merely wiped can rejoin by itself when its manifest lists
    all members as `existing`. So the second, whose manifest lists two of three, is wiped (it stops
    at "member count is unequal"), and the third, whose manifest lists all, gets a database that
    etcd cannot open.
    """
    if way is Breakage.NONE:
        return
    wiped, wrecked = nodes[1], nodes[2]
    for node in (wiped, wrecked):
        await node.stop_kubelet()
        await node.kill_container("etcd")
    shutil.rmtree(wiped.layout.data_dir / "member")
    database = wrecked.layout.data_dir / "member/snap/db"
    size = database.stat().st_size
    database.write_bytes(os.urandom(size))
    for node in (wiped, wrecked):
        node.kubelet.start()
