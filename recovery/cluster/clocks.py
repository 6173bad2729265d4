"""What time the nodes have, compared with this machine."""

from __future__ import annotations

import time

from recovery.errors import NodeError
from recovery.inventory.model import Cluster
from recovery.ssh.fleet import Fleet
from recovery.ssh.script import script
from recovery.ssh.session import NodeSession

_SECONDS = 15.0
_ASK = "date +%s"


async def clock_offsets(fleet: Fleet, cluster: Cluster) -> dict[str, float | None]:
    """By how many seconds each control-plane node's clock is ahead of this machine's.

    Within a second and half the round trip; None for a node that does not answer.
    """
    names = [node.name for node in cluster.control_plane]
    answers = await fleet.each(names, _offset)
    return {
        name: None if isinstance(answer, NodeError) else answer for name, answer in answers.items()
    }


async def _offset(session: NodeSession) -> float | None:
    started = time.time()
    told = await session.check(script(_ASK), timeout=_SECONDS)
    ended = time.time()
    if not told.strip().isdigit():
        return None
    return float(told) - (started + ended) / 2
