"""`etcd-rescue` without a command: the interface. Imports little: the first paint waits for it."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from recovery.errors import UsageError
from recovery.inventory.search import NoInventoryError, find_inventory, place_to_write
from recovery.places import make_private, state_directory
from tui.promptness import answer_promptly

if TYPE_CHECKING:
    from recovery.incident import Incident
    from screens.first_run import FirstRunScreen


async def run(arguments: argparse.Namespace) -> int:
    """Open the interface on the chosen cluster, or on all where several and none chosen.

    Where there is no inventory, a person at a terminal is led to one.
    """
    require_terminal("every act has a command too: etcd-rescue --help")
    answer_promptly()
    from tui.app import FirstRun, Opening, RescueApp
    from tui.theme import fitting_theme

    def opening(path: Path) -> Opening:
        words = arguments.cluster or str(path)
        allowed = arguments.allow_node_count
        return Opening(words, partial(incidents_of, path, arguments.cluster, allowed))

    explicit = Path(arguments.inventory) if arguments.inventory else None
    inventory, first_run = None, None
    try:
        inventory = opening(find_inventory(explicit, os.environ))
    except NoInventoryError:
        first_run = FirstRun(_first_screen, opening)
    log_path = make_private(state_directory(os.environ)) / "etcd-rescue.log"
    app = RescueApp(
        opening=inventory, first_run=first_run, ascii_only=arguments.ascii, log_path=log_path
    )
    app.theme = fitting_theme(app.console.color_system)
    try:
        await app.run_async()
    finally:
        for case in app.cases:
            await case.incident.close()
    if app.failure is not None:
        raise app.failure
    return app.return_code or 0


def require_terminal(remedy: str) -> None:
    """Raise UsageError where nobody could see the interface, or press a key in it."""
    if os.environ.get("TEXTUAL_DRIVER", "").endswith(":WebDriver"):
        # As `textual serve` sets it: a browser shows what goes through a pipe.
        return
    ends = {
        "standard input": sys.__stdin__,
        "standard error": sys.__stderr__,  # it is drawn there
    }
    missing = [name for name, end in ends.items() if end is None or not end.isatty()]
    if missing:
        raise UsageError(f"the interface needs a terminal, and {missing[0]} is none", remedy=remedy)


def _first_screen(log_path: Path | None) -> FirstRunScreen:
    from screens.first_run import FirstRunScreen

    return FirstRunScreen(place_to_write(os.environ), log_path=log_path)


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
