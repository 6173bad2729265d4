"""The plan as a tree of lines: steps, their actions, their nodes."""

from __future__ import annotations

from collections.abc import Callable

from textual.content import Content

from recovery.restore.plan import Action, NodeWork, Plan, Risk, Step
from screens.marks import Mark, badge, cell, line, spread
from screens.plan_text import scripts_of
from screens.widgets.row_list import Row
from screens.wording import cut, plural

WARNINGS = "/warnings"
"""The key of the line with the plan's warnings."""

_OPEN, _CLOSED = "▾", "▸"


class PlanTree:
    """Which lines are open. Keys are `step`, `step/action` and `step/action/node`."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self._opened: set[str] = set()

    def open(self, key: str) -> str:
        """Open the line; returns the key where the cursor belongs."""
        if key.count("/") < 2 and key != WARNINGS:
            self._opened.add(key)
        return key

    def close(self, key: str) -> str:
        """Close the line, or its parent where it is closed; returns where the cursor belongs."""
        if key in self._opened:
            self._opened.discard(key)
            return key
        parent = key.rpartition("/")[0] or key
        self._opened.discard(parent)
        return parent

    def toggle(self, key: str) -> None:
        """Open what is closed, close what is open."""
        if key in self._opened:
            self._opened.discard(key)
        else:
            self.open(key)

    def rows(self) -> list[Row]:
        """The lines that are in sight."""
        rows = []
        if self.plan.warnings:
            rows.append(Row(WARNINGS, _warnings_line(self.plan)))
        for number, step in enumerate(self.plan.steps, 1):
            opened = step.id in self._opened
            rows.append(Row(step.id, _step_line(number, step, opened)))
            for action in step.actions if opened else ():
                key = f"{step.id}/{action.id}"
                opened_too = key in self._opened
                rows.append(Row(key, _action_line(action, opened_too)))
                for work in action.works if opened_too else ():
                    rows.append(Row(f"{key}/{work.node}", _node_line(work)))
        return rows


def text_of(plan: Plan, key: str) -> tuple[str, str]:
    """The title and the text beside the line of that key."""
    if key == WARNINGS:
        return "Before you begin", "\n".join(f"# {words}" for words in plan.warnings)
    step_id, _, rest = key.partition("/")
    action_id, _, node = rest.partition("/")
    step = next((item for item in plan.steps if item.id == step_id), None)
    if step is None:
        return "", ""
    action = next((item for item in step.actions if item.id == action_id), None)
    if action is None:
        return _step_title(plan, step), _step_text(plan, step)
    work = next((item for item in action.works if item.node == node), None)
    if work is None:
        where = ", ".join(action.nodes)
        return f"{action.title}, on {where}", f"# {action.reason}\n\n{scripts_of(action)}"
    return f"{action.title}, on {node}", _work_text(action, work)


def _warnings_line(plan: Plan) -> Callable[[int], Content]:
    def draw(width: int) -> Content:
        words = plan.warnings[0]
        if len(plan.warnings) > 1:
            words = f"{plural(len(plan.warnings), 'warning')}: {words}; …"
        return cell(line(" ", Mark.WARNING.beside(words)), width)

    return draw


def _step_title(plan: Plan, step: Step) -> str:
    return f"{plan.steps.index(step) + 1}. {step.title}"


def _step_text(plan: Plan, step: Step) -> str:
    lines = [f"# {step.purpose}"]
    gate = plan.gate_before(step.id)
    if gate is not None:
        answer = "the cluster's name" if gate.risk is Risk.DESTROY else "one key"
        lines.append(f"# Asks first ({gate.risk.badge}, {answer}): {gate.title}.")
    if step.safe_after:
        lines.append(f"# After it: {step.safe_after}")
    return "\n".join([*lines, "", *(scripts_of(action) + "\n" for action in step.actions)])


def _work_text(action: Action, work: NodeWork) -> str:
    parts = [f"# {action.reason}", "", work.script.strip("\n")]
    if work.probe:
        parts += ["", "# ---- Is it done? (exit 0: yes)", work.probe.strip("\n")]
    parts += ["", "# ---- The way back", (work.undo or "# nothing to undo").strip("\n")]
    return "\n".join(parts)


def _step_line(number: int, step: Step, opened: bool) -> Callable[[int], Content]:
    def draw(width: int) -> Content:
        left = line(
            " ",
            (_OPEN if opened else _CLOSED, "$muted"),
            f" {number:>2}  ",
            (step.title, "bold" if step.risk is Risk.DESTROY else ""),
        )
        documented = f"doc {step.documented_as}" if step.documented_as else ""
        right = line((f"{documented:<6}", "$muted"), " ", badge(step.risk), " ")
        return spread(left, right, width)

    return draw


def _action_line(action: Action, opened: bool) -> Callable[[int], Content]:
    def draw(width: int) -> Content:
        nodes = plural(len(action.nodes), "node")
        right = line((f"{nodes}  ", "$muted"), badge(action.risk), " ")
        title = cut(action.title, max(12, width - right.cell_length - 10))
        left = line("       ", (_OPEN if opened else _CLOSED, "$muted"), f" {title}")
        return spread(left, right, width)

    return draw


def _node_line(work: NodeWork) -> Callable[[int], Content]:
    def draw(width: int) -> Content:
        return cell(line("           ", (work.node, "$accent")), width)

    return draw
