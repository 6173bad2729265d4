"""The questions of a plan: few, and each before something that deserves one."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from recovery.inventory.model import Cluster
from recovery.restore.ground import NodeGround
from recovery.restore.plan import Gate, RestoreSource, Risk

STAGE_GATE = "stage"
REPLACE_GATE = "replace"
ALARM_GATE = "alarm"
KUBELETS_GATE = "kubelets"


def gates(
    cluster: Cluster, grounds: Sequence[NodeGround], source: RestoreSource, unlisted: int = 0
) -> tuple[Gate, ...]:
    """Write to staging; take the API down and replace the data; restart kubelets.

    Before the last, where the snapshot carries NOSPACE or fills the quota: clear the alarm.
    """
    first = grounds[0]
    alarm = (_alarm_gate(source),) if source.refuses_writes else ()
    return (
        Gate(
            id=STAGE_GATE,
            title="write to the nodes' staging directories",
            risk=Risk.CHANGE,
            steps=("stage", "restore"),
            stops="nothing: the cluster is not touched yet",
            keeps="everything; new files go to "
            f"{_everywhere(grounds, first.run_dir, first.staging)}",
            undo="remove those two directories",
        ),
        Gate(
            id=REPLACE_GATE,
            title="the API goes down now",
            risk=Risk.DESTROY,
            steps=("stop", "manifest", "set-aside", "place", "start"),
            stops="kubelet, etcd, kube-apiserver, scheduler, controller-manager",
            replaces=f"{_everywhere(grounds, first.member)}, by the snapshot {source.name}",
            keeps=f"the old data in {_everywhere(grounds, first.aside)}",
            loses=_loses(source),
            undo="the old data is renamed back, and etcd.yaml with it",
        ),
        *alarm,
        Gate(
            id=KUBELETS_GATE,
            title="restart kubelet on every node",
            risk=Risk.CHANGE,
            steps=("kubelets",),
            stops=f"kubelet on {len(cluster.nodes) + unlisted} nodes for a few seconds; "
            "containers go on",
            keeps="running containers",
            undo="none is needed",
        ),
    )


def _alarm_gate(source: RestoreSource) -> Gate:
    full = source.fills_quota and not source.alarms
    return Gate(
        id=ALARM_GATE,
        title="make room below the quota, so that etcd goes on taking writes"
        if full
        else "clear the alarm NOSPACE, so that etcd takes writes again",
        risk=Risk.CHANGE,
        steps=("alarm",),
        stops="each member while it is defragmented, one after another",
        keeps="every key and value as they are",
        loses="the keys' history from before the snapshot; Kubernetes drops it every five minutes",
        undo="none is needed; without this the restored cluster refuses all writes",
    )


def _everywhere(grounds: Sequence[NodeGround], *paths: str) -> str:
    """The paths of the first node, and whether the other nodes have the same."""
    named = " and ".join(paths)
    if len({(ground.run_dir, ground.staging, ground.member) for ground in grounds}) == 1:
        return f"{named}, on every node"
    return f"{named} on {grounds[0].name}, and likewise on the others"


def _loses(source: RestoreSource) -> str:
    if source.taken_at:
        taken = datetime.fromisoformat(source.taken_at).astimezone(UTC)
        since = f"{taken:%Y-%m-%d %H:%M} UTC"
        return f"everything written since {since} (revision {source.revision})"
    return f"everything written after revision {source.revision}"
