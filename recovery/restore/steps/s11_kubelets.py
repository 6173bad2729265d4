"""Step 11: restart kubelet on every node, workers too, so that all of them see the new data."""

from __future__ import annotations

from collections.abc import Sequence

from recovery.inventory.model import Node
from recovery.restore.plan import Action, NodeWork, Risk, Step
from recovery.restore.script import node_script

_RESTART = """
run systemctl restart kubelet
[ "$(systemctl is-active kubelet || true)" = active ] || stop "kubelet did not start"
"""


def restart_kubelets(control_plane: Sequence[Node], workers: Sequence[Node]) -> Step:
    """Containers go on running while kubelet restarts."""
    actions = [_restart("restart-kubelets", "restart kubelet on the control-plane", control_plane)]
    if workers:
        actions.append(
            _restart("restart-worker-kubelets", "restart kubelet on the workers", workers)
        )
    return Step(
        id="kubelets",
        title="restart kubelets",
        purpose="kubelet is restarted on every node; running containers are left alone.",
        documented_as="6",
        actions=tuple(actions),
        safe_after="Every kubelet reads from the restored cluster.",
    )


def _restart(action_id: str, title: str, nodes: Sequence[Node]) -> Action:
    return Action(
        id=action_id,
        title=title,
        reason="A kubelet that was up during a restore can stay blind to new pods (seen on 3.5).",
        risk=Risk.CHANGE,
        works=tuple(NodeWork(node.name, node_script(_RESTART)) for node in nodes),
        timeout=120,
        essential=False,
    )
