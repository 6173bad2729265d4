"""`etcd-rescue` without a command: the interface. Imports little: the first paint waits for it."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from recovery.inventory.search import find_inventory
from recovery.places import make_private, state_directory

if TYPE_CHECKING:
    from recovery.incident import Incident


async def run(arguments: argparse.Namespace) -> int:
    """Open the interface on the chosen cluster, or on all where several and none chosen."""
    from tui.app import Opening, RescueApp

    explicit = Path(arguments.inventory) if arguments.inventory else None
    path = find_inventory(explicit, os.environ)
    opening = Opening(
        arguments.cluster or str(path),
        partial(incidents_of, path, arguments.cluster, arguments.allow_node_count),
    )
    log_path = make_private(state_directory(os.environ)) / "etcd-rescue.log"
    app = RescueApp(opening=opening, ascii_only=arguments.ascii, log_path=log_path)
    try:
        await app.run_async()
    finally:
        for case in app.cases:
            await case.incident.close()
    if app.failure is not None:
        raise app.failure
    return app.return_code or 0


def incidents_of(
    path: Path, name: str | None, allow_node_count: int | None = None
) -> Sequence[Incident]:
    """The named cluster of the inventory, or all of them. Raises InventoryError, UsageError."""
    from recovery.incident import Incident
    from recovery.inventory.load import load_inventory
    from recovery.inventory.selection import select_cluster

    inventory = load_inventory(path)
    clusters = (select_cluster(inventory, name),) if name else inventory.clusters
    return [Incident(cluster, allow_node_count=allow_node_count) for cluster in clusters]
