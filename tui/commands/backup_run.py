"""`backup run`: the scheduler in the foreground, for a service manager or a terminal."""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import sys

from recovery.backups.keeping_schedule import Level, Say, ScheduleKeeper
from recovery.backups.schedule import parse_schedule
from recovery.backups.scheduled_backups import ScheduledBackups
from recovery.backups.seen_configuration import Source
from recovery.errors import ConfigurationError, InventoryError, RefusedError
from recovery.incident import Incident
from recovery.inventory.model import Cluster
from tui.commands.opening import chosen_cluster

EXIT_INTERRUPTED = 4


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> argparse.ArgumentParser:
    """Declare the command."""
    parser = commands.add_parser(
        "run",
        help="take backups on schedule, in the foreground",
        description="Take a backup whenever the schedule of the inventory's `backup` block (cron, "
        "in UTC) says so, as `backup now` does, until it is stopped. One that was missed is made "
        "up for; one that fails is tried again, later each time. The inventory is read anew each "
        "time. One line for each event goes to stderr. `backup unit` prints a systemd unit. "
        "Stopped by SIGTERM or Ctrl-C it ends with 0, or with 4 in the middle of a backup, of "
        "which nothing is left then.",
    )
    parser.add_argument(
        "--directly",
        action="store_true",
        help="also where the platform takes backups on a schedule of its own",
    )
    parser.set_defaults(run=run)
    return parser


async def run(arguments: argparse.Namespace) -> int:
    """Keep the schedule until SIGTERM or SIGINT."""
    cluster = chosen_cluster(arguments)
    say = journal(cluster.name)
    work = ScheduledBackups(lambda: chosen_cluster(arguments))
    keeping = asyncio.ensure_future(_keep(cluster, work, say, directly=arguments.directly))
    loop = asyncio.get_running_loop()
    busy: list[bool] = []

    def stop() -> None:
        busy.append(work.at_work)
        keeping.cancel()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
    try:
        await keeping
    except asyncio.CancelledError:
        if not busy:
            raise
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)
    in_the_middle = any(busy)
    say(Level.INFO, f"stopped{', in the middle of a backup, which is gone' * in_the_middle}")
    return EXIT_INTERRUPTED if in_the_middle else 0


async def _keep(cluster: Cluster, work: ScheduledBackups, say: Say, *, directly: bool) -> None:
    settings = await work.settings()
    # Later on one that is wrong is told, and looked at again; here somebody is there to mend it.
    _require_schedule(cluster, settings.schedule)
    if not directly:
        await _require_no_platform(cluster)
    say(Level.INFO, f"keeping the schedule “{settings.schedule}” (UTC)")
    await ScheduleKeeper(work, say).run()


def _require_schedule(cluster: Cluster, schedule: str) -> None:
    try:
        parse_schedule(schedule)
    except ConfigurationError as error:
        raise InventoryError(
            error.what, where=f"{cluster.name}: backup.schedule", remedy=error.remedy
        ) from error


async def _require_no_platform(cluster: Cluster) -> None:
    async with Incident(cluster) as incident:
        seen = await incident.backups.configuration()
    if seen.source is Source.CLUSTER:
        raise RefusedError(
            "the platform takes this cluster's backups, on a schedule of its own",
            where=cluster.name,
            remedy="etcd-rescue backup show tells what it does; to take others besides, "
            "add --directly",
        )


def journal(cluster: str) -> Say:
    """Lines on stderr; under systemd with a priority in front (sd-daemon(3)), which it takes off.

    Some of what they say comes from nodes and servers, so each is kept to one line.
    """
    with_priority = "JOURNAL_STREAM" in os.environ

    def say(level: Level, line: str) -> None:
        priority = f"<{level.value}>" if with_priority else ""
        word = "" if level is Level.INFO else f"{level.name.lower()}: "
        sys.stderr.write(f"{priority}{cluster}: {word}{' '.join(line.split())}\n")
        sys.stderr.flush()

    return say
