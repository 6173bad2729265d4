"""Step 10, where the snapshot carries the alarm NOSPACE, or leaves no room below the quota: clear
it, so that etcd takes writes."""

from __future__ import annotations

from collections.abc import Sequence

from recovery.restore.by_hand import ask_member
from recovery.restore.ground import NodeGround
from recovery.restore.plan import Action, NodeWork, RestoreSource, Risk, Step, Watch
from recovery.restore.steps.s08_start import control_plane_ready

_DEFRAGMENT = """
# One member at a time, the leader last: it does not answer meanwhile.
ask --command-timeout 10m defrag
"""

_DISARM = """
# This takes back every alarm: it must not be done where a member is CORRUPT.
ALARMS=$(ask alarm list)
echo "$ALARMS"
case $ALARMS in
  *CORRUPT*) stop "a member is corrupt: replace it first" ;;
esac
ask alarm disarm
"""


def clear_alarm(grounds: Sequence[NodeGround], source: RestoreSource, revision: int) -> Step:
    """Drop history before `revision`, defragment one member after another, take the alarm back.

    etcd's own order (its documentation, “Space quota”). `revision` is the restored one: the keys
    there stay readable, so that they can still be counted against the snapshot's.
    """
    full = source.fills_quota and not source.alarms
    return Step(
        id="alarm",
        title="make room in etcd" if full else "clear the alarm",
        purpose="Space is made in etcd, and the alarm NOSPACE is taken back where it is raised.",
        documented_as="",
        actions=(
            _drop_history(grounds, source, revision),
            _defragment(grounds, source),
            _disarm(grounds),
            control_plane_ready(grounds),
        ),
        safe_after="etcd takes writes; the Kubernetes side follows.",
    )


def _drop_history(grounds: Sequence[NodeGround], source: RestoreSource, revision: int) -> Action:
    return Action(
        id="drop-history",
        title=f"drop the history before revision {revision}",
        reason="Old values of keys take room. No key and no value of today is touched.",
        risk=Risk.CHANGE,
        works=tuple(
            NodeWork(ground.name, ask_member(ground, f"\nask compaction --physical {revision}\n"))
            for ground in grounds[:1]
        ),
        watch=Watch.HISTORY_DROPPED,
        timeout=_seconds(source),
        essential=False,
    )


def _defragment(grounds: Sequence[NodeGround], source: RestoreSource) -> Action:
    return Action(
        id="defragment",
        title="defragment the members, one after another",
        reason="Only so does the freed room leave the database file, which the quota measures.",
        risk=Risk.CHANGE,
        works=tuple(
            NodeWork(
                ground.name,
                ask_member(ground, _DEFRAGMENT),
            )
            for ground in grounds
        ),
        watch=Watch.DEFRAGMENTED,
        timeout=_seconds(source) * len(grounds),
        essential=False,
    )


def _disarm(grounds: Sequence[NodeGround]) -> Action:
    return Action(
        id="disarm-alarm",
        title="take the alarm back, and see a write go through",
        reason="The alarm stays raised until it is taken back, however much room there is.",
        risk=Risk.CHANGE,
        works=tuple(
            NodeWork(
                ground.name,
                ask_member(ground, _DISARM),
            )
            for ground in grounds[:1]
        ),
        watch=Watch.ALARM_CLEARED,
        timeout=60,
        essential=False,
    )


def _seconds(source: RestoreSource) -> float:
    """For one member, whose whole database is written anew."""
    return 120 + source.size / 2**20
