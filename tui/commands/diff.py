"""`diff`: what one snapshot has that another lacks, and the other way round."""

from __future__ import annotations

import argparse
import json

from recovery.errors import SnapshotError
from recovery.snapshots.comparison import (
    Change,
    ChangeCount,
    Comparison,
    compare_databases,
    diff_document,
)
from recovery.snapshots.model import FetchedSnapshot
from tui.commands.common_arguments import REFERENCE
from tui.commands.opening import fetch_reference, open_incident
from tui.commands.progress import ProgressLine
from tui.commands.tables import table

_SIGNS = {Change.ADDED: "+", Change.REMOVED: "-", Change.CHANGED: "~"}


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> argparse.ArgumentParser:
    """Declare the command."""
    parser = commands.add_parser(
        "diff",
        help="what changed between two snapshots",
        description="Compare two snapshots by key, revision and value: what NEW has that OLD "
        "lacks, and the other way round.",
    )
    parser.add_argument("old", metavar="OLD", help=REFERENCE)
    parser.add_argument("new", metavar="NEW", help="likewise")
    parser.add_argument("-o", "--output", choices=("text", "json"), default="text")
    parser.set_defaults(run=run)
    return parser


async def run(arguments: argparse.Namespace) -> int:
    """Print the difference."""
    async with open_incident(arguments) as incident:
        old = _readable(await fetch_reference(incident, arguments.old))
        new = _readable(await fetch_reference(incident, arguments.new))
        with ProgressLine() as progress:
            comparison = await compare_databases(
                old.database,
                new.database,
                lambda done, total: progress.moved("comparing", done, total),
            )
    if arguments.output == "json":
        document = diff_document(incident.cluster.name, old.name, new.name, comparison)
        print(json.dumps(document, indent=2))
    else:
        print(_text(comparison))
    return 0


def _readable(fetched: FetchedSnapshot) -> FetchedSnapshot:
    if fetched.verdict.contents is None:
        raise SnapshotError(
            f"this snapshot cannot be read: {fetched.verdict.reason}",
            where=fetched.location,
            remedy="choose another one; `etcd-rescue verify --all` tells which are good",
        )
    return fetched


def _text(comparison: Comparison) -> str:
    counts = ", ".join(f"{comparison.count(change)} {change.value}" for change in Change)
    if not comparison.keys:
        return "no key differs"
    lines = [f"{_SIGNS[one.change]} {one.key}" for one in comparison.keys]
    return "\n".join(
        [
            *lines,
            "",
            _counted("RESOURCE", comparison.by_resource()),
            "",
            _counted("NAMESPACE", comparison.by_namespace()),
            "",
            counts,
        ]
    )


def _counted(title: str, counts: tuple[ChangeCount, ...]) -> str:
    rows = [(one.name or "–", str(one.added), str(one.removed), str(one.changed)) for one in counts]
    return table((title, "ADDED", "REMOVED", "CHANGED"), rows)
