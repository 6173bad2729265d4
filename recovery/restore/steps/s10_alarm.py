"""Step 10, where the snapshot carries the alarm NOSPACE, or leaves no room below the quota: clear
it, so that etcd takes writes."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from recovery.restore.ground import NodeGround
from recovery.restore.plan import Action, NodeWork, RestoreSource, Risk, Step, Watch
from recovery.restore.steps.s08_start import control_plane_ready


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
            NodeWork(ground.name, _etcdctl(ground, f"compaction --physical {revision}"))
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
                "# One member at a time, the leader last: it does not answer meanwhile.\n"
                + _etcdctl(ground, "--command-timeout 10m defrag"),
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
                "# This takes back every alarm: stop where CORRUPT is listed.\n"
                + _etcdctl(ground, "alarm list")
                + _etcdctl(ground, "alarm disarm"),
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


def _etcdctl(ground: NodeGround, words: str) -> str:
    manifest = ground.manifest
    return (
        f"etcdctl --endpoints {shlex.quote(ground.client_url)} \\\n"
        f"  --cacert {shlex.quote(manifest.trusted_ca_file)} \\\n"
        f"  --cert {shlex.quote(manifest.cert_file)} \\\n"
        f"  --key {shlex.quote(manifest.key_file)} \\\n"
        f"  {words}\n"
    )
