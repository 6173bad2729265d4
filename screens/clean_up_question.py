"""The question before what a run has kept is deleted: what it frees, and what it loses."""

from __future__ import annotations

from recovery.restore.clean_up import CleanUp
from screens.dialogs.typed import TypedDialog
from screens.wording import plural, size


def clean_up_question(weighed: CleanUp) -> TypedDialog:
    """Answered by the cluster's name, typed out."""
    pairs = [
        (node.node, f"{size(node.size)} in {', '.join(node.paths) or 'nothing'}")
        for node in weighed.nodes
    ]
    pairs.append(("frees", f"{size(weighed.size)} on {plural(len(weighed.nodes), 'node')}"))
    pairs.append(("loses", "the old data of that run: it cannot be rolled back any more"))
    return TypedDialog(
        f"Delete what run {weighed.run_id} has kept",
        pairs,
        prompt="Type the cluster's name to go on: ",
        wanted=weighed.cluster,
    )
