"""What time the nodes have, compared with this machine."""

from __future__ import annotations

import time
from dataclasses import dataclass

from recovery.errors import NodeError
from recovery.inventory.model import Cluster
from recovery.ssh.fleet import Fleet
from recovery.ssh.script import script
from recovery.ssh.session import NodeSession

_SECONDS = 15.0
_ASK = "date +%s"


@dataclass(frozen=True, slots=True)
class ClockReading:
    """How far a node's clock is ahead of this machine's, in seconds."""

    ahead: float
    doubt: float
    """By how much it may be wrong to either side: half of what the way there and back took."""


def clock_reading(asked: float, began: float, ended: float, heard: float) -> ClockReading:
    """From two times of this machine, `asked` and `heard`, and two of the node in between."""
    # The middle of the two one-way differences, as NTP reckons it (RFC 5905, section 8).
    ahead = ((began - asked) + (ended - heard)) / 2
    on_the_way = (heard - asked) - (ended - began)
    return ClockReading(round(ahead, 3), round(max(0.0, on_the_way / 2), 3))


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
