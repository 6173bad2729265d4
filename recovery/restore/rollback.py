"""The way back as a plan: every undo of a restore, last act first. Pure data from pure data."""

from __future__ import annotations

import posixpath
from dataclasses import replace

from recovery.restore.plan import Action, Gate, NodeWork, Plan, Risk, Step, Watch
from recovery.restore.progress import Progress
from recovery.restore.script import node_script

ROLLBACK_GATE = "rollback"
_UNDO = "undo-"

_MOVES_DATA = "set-data-aside"
_STILL_KEPT = """
[ -d "$ASIDE" ] || stop "$ASIDE is gone: the old data cannot be brought back on this node"
"""

_TITLES = {
    "undo-start": "stop what was restored",
    "undo-place": "take the restored data out",
    "undo-set-aside": "bring the old data back",
    "undo-manifest": "take the old etcd.yaml back",
    "undo-stop": "start kubelet",
}
_ACTION_TITLES = {
    "start-kubelet": "stop kubelet and the restored control plane",
    "place-member": "rename the restored member out of the data directory",
    "set-data-aside": "rename the old data back, and compare it",
    "edit-manifest": "put the old etcd.yaml back",
    "stop-kubelet": "start kubelet",
}
_PURPOSES = {
    "undo-start": "kubelet, etcd and the control plane are stopped where data was moved.",
    "undo-place": "The restored member is renamed out of the data directory, and kept.",
    "undo-set-aside": "The old data is renamed back, and compared with what was set aside.",
    "undo-manifest": "etcd.yaml is as it was before the restore.",
    "undo-stop": "kubelet starts what was there before.",
}


def rollback_plan(plan: Plan, progress: Progress | None = None) -> Plan:
    """The plan that leads back from any point of `plan`; its actions ask what there is to undo.

    `progress`: how far the run came. Where it has moved data, that data is looked for first.

    Node by node each undo finds out by itself whether there is anything to undo, so that the
    same plan leads back from every point, and may be executed again.
    """
    steps = _looking(plan, progress or Progress())
    steps += tuple(
        _undo(step)
        for step in reversed(plan.steps)
        if any(work.undo for action in step.actions for work in action.works)
    )
    steps += (_as_it_was(plan),)
    return replace(plan, steps=steps, gates=(_gate(plan, steps),), manifest_edits=(), warnings=())


def _looking(plan: Plan, progress: Progress) -> tuple[Step, ...]:
    """A node cannot tell data that was never moved from data that was moved and then deleted."""
    works = tuple(
        NodeWork(place.node, node_script(_STILL_KEPT, aside=posixpath.join(place.staging, "aside")))
        for place in plan.places
        if (_MOVES_DATA, place.node) in progress.done
    )
    if not works:
        return ()
    action = Action(
        id=f"{_UNDO}look-for-data",
        title="see that the old data is still there",
        reason="Without it there is no way back, and nothing is stopped for nothing.",
        risk=Risk.READ,
        works=works,
    )
    return (
        Step(
            id=f"{_UNDO}look",
            title="look for the old data",
            purpose="The data that was set aside must still be there, before anything is stopped.",
            documented_as="",
            actions=(action,),
            safe_after="Nothing was undone yet: the restored data is in place.",
        ),
    )


def is_rollback(step: str) -> bool:
    """Whether a step's id, as the journal has it, is one of a rollback."""
    return step.startswith(_UNDO)


def _undo(step: Step) -> Step:
    step_id = f"{_UNDO}{step.id}"
    return Step(
        id=step_id,
        title=_TITLES.get(step_id, f"undo: {step.title}"),
        purpose=_PURPOSES.get(step_id, f"What “{step.title}” did is undone."),
        documented_as="",
        actions=tuple(
            _undo_action(action)
            for action in reversed(step.actions)
            if any(work.undo for work in action.works)
        ),
        safe_after="The way back has begun; nothing was deleted, and it can be taken up again.",
    )


def _undo_action(action: Action) -> Action:
    return Action(
        id=f"{_UNDO}{action.id}",
        title=_ACTION_TITLES.get(action.id, f"undo: {action.title}"),
        reason="It looks first whether there is anything to undo on this node.",
        risk=Risk.DESTROY if action.risk is Risk.DESTROY else Risk.CHANGE,
        works=tuple(
            NodeWork(work.node, work.undo, probe=work.undone)
            for work in action.works
            if work.undo is not None
        ),
        timeout=action.timeout,
    )


def _as_it_was(plan: Plan) -> Step:
    names = [before.node for before in plan.before if before.answered and before.node in plan.nodes]
    action = Action(
        id="as-it-was",
        title="see the members that ran before run again",
        reason="Rolled back is said only when the cluster is as it was, broken or not.",
        risk=Risk.READ,
        works=tuple(
            NodeWork(name, "etcdctl endpoint status  # through a tunnel, asked until it answers\n")
            for name in names or plan.nodes[:1]
        ),
        watch=Watch.AS_IT_WAS,
        timeout=240,
    )
    return Step(
        id="as-it-was",
        title="compare with before",
        purpose="Every member that ran before must run again, with a leader if it had one.",
        documented_as="",
        actions=(action,),
        safe_after="The cluster is as it was before the restore.",
    )


def _gate(plan: Plan, steps: tuple[Step, ...]) -> Gate:
    places = {place.staging for place in plan.places}
    where = next(iter(places)) if len(places) == 1 else "the run's staging directory on each node"
    return Gate(
        id=ROLLBACK_GATE,
        title="the old data goes back in place",
        risk=Risk.DESTROY,
        steps=tuple(step.id for step in steps),
        stops="kubelet, etcd and the control plane, wherever data was moved",
        replaces="the restored data, by the data that was there before the run",
        keeps=f"the restored data, in {where}",
        loses="everything written since the restore; the cluster is as it was before, broken or "
        "not",
        undo="restore again",
    )
