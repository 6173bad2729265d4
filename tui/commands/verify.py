"""`verify`: whether snapshots can be trusted."""

from __future__ import annotations

import argparse
import json
import sys

from recovery.backups.model import Copy, Integrity, Snapshot
from recovery.errors import DiskError, RescueError, SnapshotError, UsageError
from recovery.incident import Incident
from tui.commands.common_arguments import REFERENCE
from tui.commands.opening import (
    LATEST,
    find_reference,
    inspect_reference,
    open_incident,
    report_errors,
)
from tui.commands.progress import ProgressLine
from tui.commands.tables import table


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> argparse.ArgumentParser:
    """Declare the command."""
    parser = commands.add_parser(
        "verify",
        help="whether snapshots can be trusted",
        description="Compare each snapshot's trailing sha256 and read its structure. A node with "
        "python3 reads its own copy where it lies; any other copy is fetched and unpacked.",
    )
    parser.add_argument("references", metavar="REF", nargs="*", help=REFERENCE)
    parser.add_argument("--all", action="store_true", help="every backup of the catalog")
    parser.add_argument("-o", "--output", choices=("text", "json"), default="text")
    parser.set_defaults(run=run)
    return parser


async def run(arguments: argparse.Namespace) -> int:
    """Verify each; 0 where all are good."""
    if arguments.all == bool(arguments.references):
        raise UsageError(
            "verify takes snapshots or --all", remedy="etcd-rescue verify latest, for example"
        )
    async with open_incident(arguments) as incident:
        rows = [await _verdict(incident, chosen) for chosen in await _chosen(incident, arguments)]
        if arguments.output == "json":
            entries = [
                {
                    "name": name,
                    "location": location,
                    "integrity": integrity,
                    "reason": reason or None,
                }
                for name, location, integrity, reason in rows
            ]
            document = {"cluster": incident.cluster.name, "snapshots": entries}
            print(json.dumps(document, indent=2))
        else:
            shown = [(name, integrity, reason, place) for name, place, integrity, reason in rows]
            print(table(("NAME", "INTEGRITY", "REASON", "FROM"), shown))
    good = {Integrity.VERIFIED.value, Integrity.NO_HASH.value}
    return 0 if rows and all(row[2] in good for row in rows) else 1


async def _chosen(incident: Incident, arguments: argparse.Namespace) -> list[Snapshot | Copy | str]:
    if arguments.all:
        catalog = await incident.list_snapshots(records=False)
        report_errors(incident)
        return [one for one in catalog.snapshots if one.copies and one.member is None]
    return [
        reference if reference == LATEST else await find_reference(incident, reference)
        for reference in arguments.references
    ]


async def _verdict(incident: Incident, chosen: Snapshot | Copy | str) -> tuple[str, str, str, str]:
    try:
        if isinstance(chosen, str):
            judged = await inspect_reference(incident, chosen)
        else:
            with ProgressLine() as progress:
                judged = await incident.judge(chosen, progress.moved)
    except (UsageError, DiskError):
        raise
    except RescueError as error:
        # Only who has seen it may call it corrupt.
        seen = isinstance(error, SnapshotError) and not isinstance(chosen, str)
        integrity = Integrity.CORRUPT if seen else Integrity.UNVERIFIED
        name = chosen if isinstance(chosen, str) else _name(chosen)
        if error.remedy and not seen:
            sys.stderr.write(f"etcd-rescue: {name}: {error.what} → {error.remedy}\n")
        return (name, error.where or "–", integrity.value, error.what)
    return (
        judged.name,
        judged.location,
        judged.verdict.integrity.value,
        judged.verdict.reason or "",
    )


def _name(chosen: Snapshot | Copy) -> str:
    return chosen.name if isinstance(chosen, Snapshot) else chosen.location
