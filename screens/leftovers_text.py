"""What the API remembers and reality does not have, as text to read and to take along."""

from __future__ import annotations

from recovery.health.leftovers import Leftovers
from screens.wording import folded, plural


def leftovers_line(leftovers: Leftovers) -> str:
    """One line for the advice on the health screen; empty where there is nothing to look at."""
    if leftovers.found:
        number = plural(len(leftovers.found), "finding")
        return f"{number} where the API and the nodes do not agree: l shows them with commands"
    if leftovers.not_seen:
        return "whether the API and the nodes agree could not be seen: l says why"
    return ""


def leftovers_text(leftovers: Leftovers, width: int) -> str:
    """All findings with their commands. Nothing of it is run."""
    if not leftovers.found and not leftovers.not_seen:
        return "The API and the nodes agree: every node and every running pod was compared."
    blocks = []
    for found in leftovers.found:
        commands = "\n".join(f"  $ {command}" for command in found.commands)
        said = "\n".join(folded(f"{found.what}. {found.meaning}", width))
        blocks.append(f"{said}\n\n{commands}")
    if leftovers.not_seen:
        blocks.append("\n".join(f"Not looked at: {words}" for words in leftovers.not_seen))
    return "\n\n\n".join(blocks)
