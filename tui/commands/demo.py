"""`demo`: a broken cluster on this machine, and the interface on it."""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import sys
from pathlib import Path

from recovery.rehearsal.breaking import Breakage
from recovery.rehearsal.launcher import launched_rehearsal
from tui.commands import interface


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> argparse.ArgumentParser:
    """Declare the command."""
    parser = commands.add_parser(
        "demo",
        help="a broken cluster on this machine, to try everything on",
        description="Start three etcd members, an SSH server for each node and an S3 server on "
        "this machine, with backups in both places; break the cluster; open the interface on it. "
        "Everything is gone when it ends. It needs etcd's programs, which "
        "`pip install '.[demo]'` brings.",
    )
    parser.add_argument("--dir", metavar="D", help="keep the cluster's files there meanwhile")
    parser.add_argument(
        "--headless",
        action="store_true",
        help="no interface: print the path of the inventory, stay until interrupted",
    )
    parser.add_argument(
        "--broken",
        metavar="WAY",
        choices=[way.value for way in Breakage],
        default=Breakage.QUORUM_LOST.value,
        help="in which way it is broken (default: %(default)s): "
        + ", ".join(way.value for way in Breakage),
    )
    parser.add_argument(
        "--etcd-dir", metavar="D", help="where etcd, etcdctl and etcdutl are (default: found)"
    )
    parser.set_defaults(run=run)
    return parser


async def run(arguments: argparse.Namespace) -> int:
    """Start the rehearsal cluster, and open the interface or wait."""
    if not arguments.headless:
        interface.require_terminal("etcd-rescue demo --headless makes the cluster without it")
    async with launched_rehearsal(
        Path(arguments.dir) if arguments.dir else None,
        broken=Breakage(arguments.broken),
        etcd_dir=Path(arguments.etcd_dir) if arguments.etcd_dir else None,
        on_phase=_say,
    ) as rehearsal:
        if arguments.headless:
            print(rehearsal.inventory_path, flush=True)
            await _interrupted()
            return 0
        # What the demo writes goes away with it.
        os.environ["XDG_STATE_HOME"] = str(rehearsal.directory / "state")
        os.environ["XDG_CACHE_HOME"] = str(rehearsal.directory / "cache")
        arguments.inventory = str(rehearsal.inventory_path)
        return await interface.run(arguments)


def _say(phase: str) -> None:
    sys.stderr.write(f"{phase} …\n")


async def _interrupted() -> None:
    """Wait for SIGINT, SIGTERM or SIGHUP."""
    loop = asyncio.get_running_loop()
    asked_to_stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, asked_to_stop.set)
    try:
        await asked_to_stop.wait()
    finally:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.remove_signal_handler(number)
