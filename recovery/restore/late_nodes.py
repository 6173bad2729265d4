"""Brings nodes that were left for later into a plan that was made without them. Pure."""

from __future__ import annotations

from dataclasses import replace

from recovery.errors import RefusedError
from recovery.restore.plan import Action, Plan, Step


def with_late_nodes(plan: Plan, late: Plan) -> Plan:
    """The plan with the works of `late` added, a plan with the same id for its absent nodes.

    Raises RefusedError where the late nodes would not fit the cluster that was restored.
    """
    if late.members != plan.members:
        raise RefusedError(
            f"{', '.join(late.nodes)}: the names or peer addresses are not those that the cluster "
            "was restored with",
            where=plan.cluster,
            remedy="correct etcd.yaml there; the members are "
            + ", ".join(f"{m.name} ({', '.join(m.peer_urls)})" for m in plan.members),
        )
    if late.revision_bump != plan.revision_bump:
        raise RefusedError(
            f"the restore program for {', '.join(late.nodes)} cannot raise revisions as it was "
            "done on the other nodes",
            where=plan.cluster,
            remedy="put the other nodes' etcdutl or etcdctl on the PATH there",
        )
    return replace(
        plan,
        nodes=(*plan.nodes, *late.nodes),
        steps=tuple(_merged(step, late.step(step.id)) for step in plan.steps),
        manifest_edits=(*plan.manifest_edits, *late.manifest_edits),
        places=(*plan.places, *late.places),
        absent=tuple(node for node in plan.absent if node not in late.nodes),
    )


def _merged(step: Step, late: Step) -> Step:
    actions = list(step.actions)
    after = 0
    for action in late.actions:
        place = next((i for i, known in enumerate(actions) if known.id == action.id), None)
        if place is None:
            actions.insert(after, action)
            after += 1
        else:
            actions[place] = _joined(actions[place], action)
            after = place + 1
    return replace(step, actions=tuple(actions))


def _joined(action: Action, late: Action) -> Action:
    known = set(action.nodes)
    added = tuple(work for work in late.works if work.node not in known)
    return replace(action, works=(*action.works, *added))
