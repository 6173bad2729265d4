"""`runs`: earlier runs, and what they did."""

from __future__ import annotations

import argparse
import json
import os

from recovery.errors import UsageError
from recovery.places import runs_directory
from recovery.restore.past_runs import PastRun, find_run, list_runs
from tui.commands.tables import table


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> argparse.ArgumentParser:
    """Declare the command."""
    parser = commands.add_parser(
        "runs",
        help="earlier runs, and what they did",
        description="List the restores made from this machine, or show one: every step, action "
        "and answer of its journal, and where the way back is written down.",
    )
    parser.add_argument("what", choices=("list", "show"), nargs="?", default="list")
    parser.add_argument("id", metavar="ID", nargs="?", help="a run's id; the newest without it")
    parser.add_argument("-o", "--output", choices=("text", "json"), default="text")
    parser.set_defaults(run=run)
    return parser


async def run(arguments: argparse.Namespace) -> int:
    """Print them."""
    runs = runs_directory(os.environ)
    if arguments.what == "show":
        found = find_run(runs, arguments.id)
        print(json.dumps(_entry(found), indent=2) if arguments.output == "json" else _story(found))
        return 0
    if arguments.id:
        raise UsageError("`runs list` takes no id", remedy=f"etcd-rescue runs show {arguments.id}")
    known = list_runs(runs)
    if arguments.output == "json":
        print(json.dumps({"runs": [_entry(one) for one in known]}, indent=2))
    elif not known:
        print("no runs")
    else:
        rows = [
            (one.id, one.cluster, one.state.value, one.step or "–", one.started_at, one.snapshot)
            for one in known
        ]
        print(table(("ID", "CLUSTER", "STATE", "STEP", "STARTED", "SNAPSHOT"), rows))
    return 0


def _entry(run: PastRun) -> dict[str, object]:
    return {
        "id": run.id,
        "cluster": run.cluster,
        "snapshot": run.snapshot,
        "startedAt": run.started_at,
        "endedAt": run.ended_at,
        "state": run.state.value,
        "step": run.step,
        "operator": run.operator,
        "directory": str(run.directory),
    }


def _story(run: PastRun) -> str:
    lines = [
        f"run        {run.id}, {run.state.value}",
        f"cluster    {run.cluster}",
        f"snapshot   {run.snapshot}",
        f"by         {run.operator}",
        f"kept in    {run.directory}",
        f"way back   {run.directory / 'way-back.md'}",
        "",
    ]
    for entry in run.entries:
        what = [entry.step or entry.gate, entry.action, entry.node, entry.outcome, entry.message]
        words = "  ".join(word for word in what if word)
        lines.append(f"{entry.at[11:19]}Z  {entry.event.value:<15} {words}")
    return "\n".join(lines)
