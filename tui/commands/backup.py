"""`backup`: the configuration, changing it, and backups on demand and on schedule."""

from __future__ import annotations

import argparse
from importlib import import_module

from tui.commands.common_arguments import add_common
from tui.examples import epilogue

_SUBCOMMANDS = ("show", "set", "now", "run", "unit")
"""Each in a module of its own, `backup_NAME`, whose `add` declares it."""


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> argparse.ArgumentParser:
    """Declare the command and what stands under it."""
    parser = commands.add_parser(
        "backup",
        help="the backup configuration: look, change, set S3 up, back up",
        description="The cluster's EtcdBackupConfiguration with everything that its records and "
        "files say, and changing it; or, without the platform, what the inventory says.",
    )
    below = parser.add_subparsers(title="what to do", metavar="WHAT", required=True)
    for name in _SUBCOMMANDS:
        command: argparse.ArgumentParser = import_module(f"tui.commands.backup_{name}").add(below)
        command.epilog = command.epilog or epilogue(f"backup {name}")
        command.set_defaults(called=command.prog)
        add_common(command, default=argparse.SUPPRESS)
    return parser
