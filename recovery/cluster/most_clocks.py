"""The time as most clocks have it: this machine's may be wrong. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median

from recovery.cluster.facts import ClusterFacts

TOLERANCE = 60.0
"""Seconds by which clocks may differ before somebody is told."""


@dataclass(frozen=True, slots=True)
class MostClocks:
    """The time to go by."""

    now: datetime
    doubt: str = ""
    """Why it is not this machine's, or why nobody can be sure; empty where all is well."""


def clock_of_most(facts: ClusterFacts | None, now: datetime) -> MostClocks:
    """This machine's time, or the nodes' where at least two of them agree that it is wrong."""
    offsets = [node.clock_offset for node in facts.nodes.values()] if facts is not None else []
    middle = median(offsets) if offsets else 0.0
    if abs(middle) <= TOLERANCE:
        return MostClocks(now)
    side = "behind" if middle > 0 else "ahead of"
    agreeing = sum(abs(offset - middle) <= TOLERANCE for offset in offsets)
    if agreeing >= 2 and 2 * agreeing > len(offsets):
        doubt = f"this machine's clock is {abs(middle):.0f} s {side} the nodes'"
        return MostClocks(now + timedelta(seconds=middle), doubt)
    whose = "the only node's that answers" if len(offsets) == 1 else "what the nodes' clocks say"
    return MostClocks(now, f"this machine's clock is {abs(middle):.0f} s {side} {whose}")
