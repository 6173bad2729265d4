"""A plan out of the `plan.json` of an earlier run."""

from __future__ import annotations

import json

from recovery.errors import RescueError
from recovery.restore.plan import Plan


def load_plan(text: str, where: str) -> Plan:
    """The plan that `plan_facts` wrote; raises RescueError where the text is not one."""
    import cattrs

    try:
        plan = cattrs.Converter(forbid_extra_keys=True).structure(json.loads(text), Plan)
        _require_plain_names(plan)
        return plan
    except (
        ValueError,
        LookupError,
        TypeError,
        AttributeError,
        cattrs.BaseValidationError,
    ) as error:
        raise RescueError(
            "the plan of this run cannot be read; another version of etcd-rescue may have made it",
            where=where,
            remedy="use that version; where the file is damaged, move its directory away and try "
            "again: the nodes have a copy of it; or go on by hand with way-back.md beside it",
            detail=str(error),
        ) from error


def _require_plain_names(plan: Plan) -> None:
    """A node's name names its log on this machine, and a record may have come from a node."""
    works = (work.node for step in plan.steps for act in step.actions for work in act.works)
    for name in {*plan.nodes, *plan.absent, *works, *(w.name for w in plan.unlisted_workers)}:
        if "/" in name or name.startswith("."):
            raise ValueError(f"{name!r} is no name of a node")
