"""How many control-plane nodes a restore is made for, and what a person may allow beyond it. Pure.

The platform documents the restore for three control-plane nodes and says of any larger number:
contact support. With one node the steps are the same.
"""

from __future__ import annotations

DOCUMENTED = 3
UNDOCUMENTED_BUT_SAME = 1

ADVICE = "contact the platform's support"


def refused_node_count(size: int, allowed: int | None) -> tuple[str, str] | None:
    """Why a cluster of this size is not restored, and what to do; None where it is.

    `allowed` is the number that a person named with --allow-node-count. It has to be the number
    that there is, so that a wrong inventory is not waved through.
    """
    if allowed is not None and allowed != size:
        return (
            f"{allowed} control-plane nodes were allowed, and the inventory has {size}",
            f"see which number is right, and {ADVICE} where it is not {DOCUMENTED}",
        )
    if size in (DOCUMENTED, UNDOCUMENTED_BUT_SAME) or allowed == size:
        return None
    return (
        f"the platform documents the restore for {DOCUMENTED} control-plane nodes, not for {size}",
        f"{ADVICE}; where the inventory is wrong, correct it; where support agrees, "
        f"add --allow-node-count {size}",
    )
