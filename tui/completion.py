"""What a shell is told when Tab is pressed: commands, options, and the names that are known here.

Nothing is asked over the network: names come from the inventory, the journals, and what was
verified before.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import argcomplete
from argcomplete.completers import DirectoriesCompleter, FilesCompleter

from recovery.errors import RescueError
from tui.command_line import COMMANDS, build_parser


def complete() -> None:
    """Answer the shell, and end the process."""
    words = set(os.environ.get("COMP_LINE", "").split())
    parser = build_parser(words & set(COMMANDS))
    for action in _actions(parser):
        _name_source(action)
    argcomplete.autocomplete(parser, always_complete_options=False)


def _actions(parser: argparse.ArgumentParser) -> Iterator[argparse.Action]:
    for action in parser._actions:
        yield action
        if isinstance(action, argparse._SubParsersAction):
            for below in action.choices.values():
                yield from _actions(below)


def _name_source(action: argparse.Action) -> None:
    if action.dest == "cluster" or action.metavar == "CLUSTER":
        action.completer = _clusters  # type: ignore[attr-defined]
    elif action.metavar in ("REF", "OLD", "NEW"):
        action.completer = _snapshots  # type: ignore[attr-defined]
    elif action.metavar == "ID":
        action.completer = _runs  # type: ignore[attr-defined]
    elif action.metavar in ("D", "DIR"):
        action.completer = DirectoriesCompleter()  # type: ignore[attr-defined]


def _clusters(parsed_args: argparse.Namespace, **_: object) -> list[str]:
    from recovery.inventory.load import load_inventory
    from recovery.inventory.search import find_inventory

    named = getattr(parsed_args, "inventory", None)
    with suppress(RescueError):
        inventory = load_inventory(find_inventory(Path(named) if named else None, os.environ))
        return [cluster.name for cluster in inventory.clusters]
    return []


def _snapshots(prefix: str, **_: object) -> list[str]:
    from recovery.backups.known_verdicts import KnownVerdicts
    from recovery.places import cache_directory

    files = FilesCompleter()(prefix)
    return ["latest", *KnownVerdicts(cache_directory(os.environ)).names(), *files]


def _runs(**_: object) -> list[str]:
    from recovery.places import runs_directory
    from recovery.restore.past_runs import list_runs

    with suppress(RescueError, OSError):
        return [run.id for run in list_runs(runs_directory(os.environ))]
    return []
