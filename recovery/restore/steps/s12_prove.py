"""Step 12: the final checks, until they hold."""

from __future__ import annotations

from collections.abc import Sequence

from recovery.restore.ground import NodeGround
from recovery.restore.plan import Action, NodeWork, Risk, Step, Watch


def prove(grounds: Sequence[NodeGround]) -> Step:
    """Everything that the health screen shows, waited for until it is steady."""
    action = Action(
        id="prove-health",
        title="prove that the cluster is healthy",
        reason="Recovered is said only when every check passed.",
        risk=Risk.READ,
        works=tuple(
            NodeWork(
                ground.name,
                f"kubectl --kubeconfig {ground.node.paths.admin_kubeconfig} get nodes\n"
                f"kubectl --kubeconfig {ground.node.paths.admin_kubeconfig} "
                "get pods --namespace kube-system\n",
            )
            for ground in grounds[:1]
        ),
        watch=Watch.HEALTH_PROVEN,
        timeout=300,
    )
    return Step(
        id="prove",
        title="prove",
        purpose="Every check of the health screen is made until it holds.",
        documented_as="6",
        actions=(action,),
        safe_after="The cluster is healthy.",
    )
