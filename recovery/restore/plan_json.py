"""The plan as the contract's JSON document, and whole for the journal."""

from __future__ import annotations

import enum
from dataclasses import asdict

from recovery.restore.plan import Action, NodeWork, Plan


def plan_document(plan: Plan) -> dict[str, object]:
    """The document of `plan -o json`: one entry for each distinct script of an action."""
    return {
        "cluster": plan.cluster,
        "snapshot": plan.source.name,
        "runId": plan.run_id,
        "revisionBump": plan.revision_bump,
        "warnings": list(plan.warnings),
        "steps": [
            {
                "id": step.id,
                "title": step.title,
                "documentedStep": step.documented_as,
                "risk": step.risk.value,
                "actions": [entry for action in step.actions for entry in _entries(action)],
            }
            for step in plan.steps
        ],
    }


def _entries(action: Action) -> list[dict[str, object]]:
    groups: dict[tuple[str, str | None, str | None], list[NodeWork]] = {}
    for work in action.works:
        groups.setdefault((work.script, work.undo, work.probe), []).append(work)
    return [
        {
            "id": action.id if len(groups) == 1 else f"{action.id}@{works[0].node}",
            "title": action.title,
            "reason": action.reason,
            "nodes": [work.node for work in works],
            "risk": action.risk.value,
            "script": script,
            "undo": undo,
            "probe": probe,
        }
        for (script, undo, probe), works in groups.items()
    ]


def plan_facts(plan: Plan) -> dict[str, object]:
    """Everything a plan holds, for `plan.json` beside the journal. Enums by their values."""
    return asdict(plan, dict_factory=_plain)


def _plain(pairs: list[tuple[str, object]]) -> dict[str, object]:
    return {key: value.value if isinstance(value, enum.Enum) else value for key, value in pairs}
