"""The plan as a runbook that works without this program: Markdown, or one shell script."""

from __future__ import annotations

from collections.abc import Iterable

from recovery.cluster.manifest import manifest_diff as diff
from recovery.restore.plan import Action, ManifestEdit, Plan, Step

_HOW = """\
How to go through it, with nothing but a root shell on each node:

- See that nobody else works on this cluster, and that no etcd-rescue runs on it.
- Go from top to bottom. Paste each script, with its parentheses, into a root shell on the node that
  is named above it. The parentheses keep your shell alive where a script stops.
- The nodes of one action may go at once, where it does not say otherwise. Wait for all of them
  before the next action.
- A script that stops says why, and `echo $?` is not 0 then. Go no further before that is mended;
  run the same script again afterwards: what is done is not done twice.
- READ changes nothing. CHANGE can be taken back. DANGER takes the API down or moves data; from
  there the end of this file, “The way back”, leads back.
"""


def manifest_diff(edit: ManifestEdit) -> str:
    """The change to one node's etcd.yaml as a unified diff."""
    return diff(edit.before, edit.after, f"{edit.node}:{edit.path}")


def runbook_markdown(plan: Plan) -> str:
    """Every step, action and script, in order, with the way back at the end."""
    parts = [
        f"# Restore of cluster {plan.cluster}\n",
        f"Snapshot: `{plan.source.name}` from `{plan.source.location}`, revision "
        f"{plan.source.revision}, sha256 `{plan.source.sha256}`.\n",
        f"Run id: `{plan.run_id}`. Nodes: {', '.join(plan.nodes)}.\n",
        _HOW,
    ]
    parts += [f"> **Warning:** {warning}\n" for warning in plan.warnings]
    for number, step in enumerate(plan.steps, 1):
        parts.append(_step_markdown(number, step))
    for edit in plan.manifest_edits:
        parts.append(
            f"## Change to etcd.yaml on {edit.node}\n\n"
            f"```diff\n{manifest_diff(edit).rstrip()}\n```\n"
        )
    parts.append(way_back_markdown(plan))
    return "\n".join(parts)


def way_back_markdown(plan: Plan) -> str:
    """The undo scripts, last action first: how to go back by hand from any point."""
    parts = [
        "## The way back\n",
        "Each script checks what there is to undo. Paste them into root shells in this order, "
        "those of one action on all nodes before the next.\n",
    ]
    for step in reversed(plan.steps):
        for action in reversed(step.actions):
            if not any(work.undo for work in action.works):
                continue
            parts.append(f"### Undo: {action.title}\n")
            parts += [
                f"On {nodes}:\n\n{_block(undo)}"
                for nodes, undo in _grouped((w.node, w.undo) for w in action.works if w.undo)
            ]
    return "\n".join(parts)


def runbook_shell(plan: Plan) -> str:
    """One file to read and copy from; it refuses to run as a whole."""
    lines = [
        "#!/bin/sh",
        f"# Restore of cluster {plan.cluster} from {plan.source.name}, run {plan.run_id}.",
        "# Copy each script to a root shell on the node that is named above it.",
        "echo 'this file is to be read: run each part on the node it names' >&2",
        "exit 2",
        "",
    ]
    for number, step in enumerate(plan.steps, 1):
        lines.append(f"# ==== {number}. {step.title} ({step.risk.value}) ====")
        for action in step.actions:
            lines.append(f"# ---- {action.title}: {action.reason}")
            for nodes, script in _grouped((w.node, w.script) for w in action.works):
                lines += [f"# on {nodes}{_order(action)}:", "(", script.rstrip("\n"), ")", ""]
    return "\n".join(lines) + "\n"


def _step_markdown(number: int, step: Step) -> str:
    documented = f", step {step.documented_as} of the documentation" if step.documented_as else ""
    text = f"## {number}. {step.title} ({step.risk.badge}{documented})\n\n{step.purpose}\n"
    for action in step.actions:
        text += "\n" + _action_markdown(action)
    if step.safe_after:
        text += f"\nAfter this step: {step.safe_after}\n"
    return text


def _action_markdown(action: Action) -> str:
    text = f"### {action.title} ({action.risk.badge})\n\n{action.reason}\n"
    for nodes, script in _grouped((work.node, work.script) for work in action.works):
        text += f"\nOn {nodes}{_order(action)}:\n\n{_block(script)}"
    return text


def _block(script: str) -> str:
    """In parentheses: `set -e` and `exit` would end the shell of whoever pastes it."""
    return f"```sh\n(\n{script.rstrip()}\n)\n```\n"


def _order(action: Action) -> str:
    return ", one after another" if action.apart else ""


def _grouped(pairs: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    groups: dict[str, list[str]] = {}
    for node, script in pairs:
        groups.setdefault(script, []).append(node)
    return [(", ".join(nodes), script) for script, nodes in groups.items()]
