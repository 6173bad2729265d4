"""`health`: the final checks."""

from __future__ import annotations

import argparse
import json
import sys

from recovery.health.health_json import health_document
from recovery.health.leftovers import Leftover, Leftovers
from recovery.health.model import CheckStatus, HealthReport
from tui.commands.common_arguments import seconds
from tui.commands.opening import open_incident
from tui.commands.tables import table

_SHAPES = {
    CheckStatus.OK: "● ok",
    CheckStatus.WARNING: "▲ warning",
    CheckStatus.FAILED: "✖ failed",
    CheckStatus.SKIPPED: "– skipped",
}


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> argparse.ArgumentParser:
    """Declare the command."""
    parser = commands.add_parser(
        "health",
        help="prove that the cluster is healthy",
        description="Ask every member and every API server, compare the members at one revision, "
        "and write through etcd.",
    )
    parser.add_argument("-o", "--output", choices=("text", "json"), default="text")
    parser.add_argument(
        "--wait",
        metavar="SECONDS",
        type=seconds,
        default=0,
        help="repeat until healthy, at most so long",
    )
    parser.set_defaults(run=run)
    return parser


async def run(arguments: argparse.Namespace) -> int:
    """Print the report; 0 where the cluster is healthy."""
    async with open_incident(arguments) as incident:
        report = await incident.wait_for_health(seconds=arguments.wait, on_wait=_waiting)
        leftovers = await incident.leftovers() if report.healthy else None
    if arguments.output == "json":
        document = health_document(report)
        if leftovers is not None:
            document["leftovers"] = [_entry(found) for found in leftovers.found]
        print(json.dumps(document, indent=2))
    else:
        print(_text(report))
        if leftovers is not None:
            print(_advice(leftovers), end="")
    return 0 if report.healthy else 1


def _waiting(words: str) -> None:
    sys.stderr.write(f"waiting: {words}\n")


def _entry(found: Leftover) -> dict[str, object]:
    return {
        "kind": found.kind.value,
        "message": found.what,
        "meaning": found.meaning,
        "commands": list(found.commands),
    }


def _advice(leftovers: Leftovers) -> str:
    """What a person should look at; it does not make the cluster unhealthy."""
    lines = []
    for found in leftovers.found:
        lines += ["", f"to look at: {found.what}", f"  {found.meaning}"]
        lines += [f"  $ {command}" for command in found.commands]
    lines += [f"\nnot looked at: {words}" for words in leftovers.not_seen]
    return "".join(f"{line}\n" for line in lines)


def _text(report: HealthReport) -> str:
    rows = [
        (_SHAPES[check.status], check.scope, check.name, check.message) for check in report.checks
    ]
    verdict = "HEALTHY" if report.healthy else "NOT HEALTHY"
    return table(("STATUS", "WHERE", "CHECK", "SEEN"), rows) + f"\n\n{report.cluster}: {verdict}"
