"""`plan`: what a restore would do. Touches nothing."""

from __future__ import annotations

import argparse
import json

from recovery.restore.plan_json import plan_document
from recovery.restore.runbook import runbook_markdown, runbook_shell
from tui.commands.common_arguments import REFERENCE, add_allow_node_count
from tui.commands.opening import FRESH_SECONDS, open_incident, ready_reference


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> argparse.ArgumentParser:
    """Declare the command."""
    parser = commands.add_parser(
        "plan",
        help="what a restore would do; touches nothing",
        description="Print the plan of a restore, with the exact script for every node. As "
        "Markdown it is a runbook that works without this program.",
    )
    parser.add_argument("reference", metavar="REF", help=REFERENCE)
    parser.add_argument("-o", "--output", choices=("markdown", "json", "shell"), default="markdown")
    add_allow_node_count(parser)
    parser.set_defaults(run=run)
    return parser


async def run(arguments: argparse.Namespace) -> int:
    """Print the plan."""
    async with open_incident(arguments) as incident:
        judged = await ready_reference(incident, arguments.reference)
        await incident.look_unless_seen(seconds_old=FRESH_SECONDS)
        plan = incident.plan(judged)
    if arguments.output == "json":
        print(json.dumps(plan_document(plan), indent=2))
    elif arguments.output == "shell":
        print(runbook_shell(plan), end="")
    else:
        print(runbook_markdown(plan))
    return 0
