"""`backup now`: a backup on demand, by the platform where it is there, otherwise directly."""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from recovery.backups.backup_result import result_document
from recovery.backups.clearing_right import clearing_right
from recovery.backups.expiring import cleared_document
from recovery.backups.own_backups import BackupDone
from recovery.backups.platform_backup import platform_document
from recovery.backups.seen_configuration import SeenConfiguration, Source
from recovery.incident import Incident
from tui.commands.opening import open_incident
from tui.commands.progress import ProgressLine
from tui.commands.tables import size


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> argparse.ArgumentParser:
    """Declare the command."""
    parser = commands.add_parser(
        "now",
        help="take a backup now",
        description="Have the platform take a backup, where the cluster has it. Without it: "
        "stream one from a healthy member, a follower if there is one, verify it here, and write "
        "it to the backup directory of every control-plane node and to S3, as the inventory's "
        "`backup` block says; then delete what is older than its ttl, each file named before, "
        "never the newest verified one nor the last. Exit status 1 where a place did not get it.",
    )
    parser.add_argument(
        "--directly",
        action="store_true",
        help="take it from a member even where the platform could",
    )
    parser.add_argument("-o", "--output", choices=("text", "json"), default="text")
    parser.set_defaults(run=run)
    return parser


async def run(arguments: argparse.Namespace) -> int:
    """Take it; 0 where every place has it."""
    async with open_incident(arguments) as incident:
        seen = await incident.backups.configuration()
        by_platform = seen.source is Source.CLUSTER
        with _sigterm_interrupts():
            if by_platform and not arguments.directly:
                return await _by_platform(incident, seen, arguments.output)
            return await _directly(incident, arguments.output, seen)


async def _by_platform(incident: Incident, seen: SeenConfiguration, output: str) -> int:
    done = await incident.backups.back_up_by_platform(seen, _say)
    if output == "json":
        print(json.dumps(platform_document(incident.cluster.name, done), indent=2))
    else:
        for word, text in done.in_words():
            print(f"{word:<10}{text}")
    return 0 if done.succeeded else 1


async def _directly(incident: Incident, output: str, seen: SeenConfiguration) -> int:
    right = clearing_right(incident.cluster.backup, seen)
    with ProgressLine() as progress:
        done = await incident.own_backups.take(_say, progress.moved, right.ttl_seconds)
    if right.why_not:
        _say(right.why_not)
    if output == "json":
        document = result_document(incident.cluster.name, done.result)
        whole = {**document, "by": "etcd-rescue", **cleared_document(done.cleared)}
        print(json.dumps(whole, indent=2))
    else:
        _tell(done)
    return 0 if done.result.everywhere and not done.cleared.failures else 1


def _tell(done: BackupDone) -> None:
    result = done.result
    print(
        f"{result.name}: verified, revision {result.revision}, {result.live_keys} keys, "
        f"{size(result.size)}, from {result.member}"
    )
    for copy in result.copies:
        print(f"  written     {copy.location}")
    for failure in result.failures:
        print(f"  not written {failure.location}: {failure.message}")
        if failure.remedy:
            print(f"              → {failure.remedy}")
    for note in (*result.notes, *done.cleared.kept):
        print(f"  note        {note}")
    for copy in done.cleared.deleted:
        print(f"  deleted     {copy.location}")
    for failure in done.cleared.failures:
        print(f"  not deleted {failure.location}: {failure.message}")


def _say(line: str) -> None:
    sys.stderr.write(f"etcd-rescue: {line}\n")


@contextmanager
def _sigterm_interrupts() -> Iterator[None]:
    """SIGTERM ends the work as Ctrl-C does, so that nothing half-written stays."""
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    assert task is not None
    loop.add_signal_handler(signal.SIGTERM, task.cancel)
    try:
        yield
    finally:
        loop.remove_signal_handler(signal.SIGTERM)
