"""A plan out of the `plan.json` of an earlier run."""

from __future__ import annotations

import json

from recovery.errors import RescueError
from recovery.restore.plan import Plan


def load_plan(text: str, where: str) -> Plan:
    """The plan that `plan_facts` wrote; raises RescueError where the text is not one."""
    import cattrs

    try:
        return cattrs.Converter(forbid_extra_keys=True).structure(json.loads(text), Plan)
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
