"""Plans as text: what a gate covers, and every command it would run."""

from __future__ import annotations

from recovery.restore.plan import Action, Gate, Plan, Step


def steps_of(plan: Plan, gate: Gate) -> list[Step]:
    """The steps that the gate covers, in the plan's order."""
    return [step for step in plan.steps if step.id in gate.steps]


def steps_in_words(plan: Plan, gate: Gate) -> str:
    """`Step 2`, or `Steps 4 to 8`."""
    numbers = [number for number, step in enumerate(plan.steps, 1) if step.id in gate.steps]
    if not numbers:
        return "No steps"
    if len(numbers) == 1:
        return f"Step {numbers[0]}"
    return f"Steps {numbers[0]} to {numbers[-1]}"


def nodes_of(plan: Plan, gate: Gate) -> tuple[str, ...]:
    """Every node that the gate's steps touch."""
    names: dict[str, None] = {}
    for step in steps_of(plan, gate):
        for action in step.actions:
            names.update(dict.fromkeys(action.nodes))
    return tuple(names)


def commands_of(plan: Plan, gate: Gate) -> str:
    """Every script of the gate's steps; nodes with the same script share one copy of it."""
    parts = []
    for step in steps_of(plan, gate):
        parts.append(f"# ==== step {plan.steps.index(step) + 1}: {step.title} ====")
        parts += [scripts_of(action) for action in step.actions]
    return "\n\n".join(parts)


def scripts_of(action: Action) -> str:
    """The action's scripts under the names of their nodes."""
    groups: dict[str, list[str]] = {}
    for work in action.works:
        groups.setdefault(work.script.strip("\n"), []).append(work.node)
    return "\n\n".join(
        f"# ---- {action.title}, on {', '.join(nodes)}\n{script}"
        for script, nodes in groups.items()
    )
