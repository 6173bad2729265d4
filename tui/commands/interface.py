"""`etcd-rescue` without a command: the interface."""

from __future__ import annotations

import argparse
import os

from recovery.incident import Incident
from recovery.inventory.selection import select_cluster
from recovery.places import make_private, state_directory
from tui.commands.opening import read_inventory


async def run(arguments: argparse.Namespace) -> int:
    """Open the interface on the chosen cluster, or on all where several and none chosen."""
    inventory = read_inventory(arguments)
    clusters = (
        (select_cluster(inventory, arguments.cluster),)
        if arguments.cluster or len(inventory.clusters) == 1
        else inventory.clusters
    )
    incidents = [Incident(c, allow_node_count=arguments.allow_node_count) for c in clusters]
    return await open_interface(incidents, ascii_only=arguments.ascii)


async def open_interface(incidents: list[Incident], *, ascii_only: bool) -> int:
    """Run the app on these incidents; its exit status."""
    from tui.app import RescueApp

    log_path = make_private(state_directory(os.environ)) / "etcd-rescue.log"
    app = RescueApp(incidents, ascii_only=ascii_only, log_path=log_path)
    try:
        await app.run_async()
    finally:
        for incident in incidents:
            await incident.close()
    return app.return_code or 0
