"""`runs`: earlier runs, what they did, and taking them up again."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
from collections.abc import Awaitable, Callable
from contextlib import suppress

from recovery.errors import InventoryError, RefusedError, RescueError, UsageError
from recovery.incident import Incident
from recovery.places import runs_directory
from recovery.restore.past_runs import PastRun, find_run, list_runs
from tui.commands.executing import (
    ConfirmedOperator,
    add_consent,
    execute,
    exit_of,
    require_consent,
    require_unlocked,
)
from tui.commands.opening import chosen_cluster, open_incident
from tui.commands.run_events import EventPrinter
from tui.commands.run_story import run_entry, run_story
from tui.commands.tables import size, table

_CHANGING = ("resume", "rollback", "clean")
_ASKING_SECONDS = 10.0
"""For what the nodes know of runs; this machine's records are shown in any case."""

_DESCRIPTION = """\
Restores that were begun, on this machine or on another one, as far as the nodes know.

  list      all of them, newest first; so also without a word
  show      one: how far it came, what holds now, what can be done
  report    its story, for those who ask
  resume    go on with one that was interrupted, from where it stood
  rollback  rename the old data back, on every node
  clean     delete what it has kept on the nodes, once the cluster is healthy"""


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> argparse.ArgumentParser:
    """Declare the command."""
    parser = commands.add_parser(
        "runs",
        help="earlier and interrupted runs: look, resume, roll back, clean up",
        description=_DESCRIPTION,
    )
    parser.add_argument(
        "what",
        metavar="WHAT",
        choices=("list", "show", "report", *_CHANGING),
        nargs="?",
        default="list",
        help="list, show, report, resume, rollback or clean",
    )
    parser.add_argument("id", metavar="ID", nargs="?", help="a run's id; the newest without it")
    parser.add_argument(
        "-o",
        "--output",
        choices=("text", "json", "markdown", "html"),
        help="list and show: text (the default) or json; report: markdown (the default) or html",
    )
    parser.add_argument(
        "--reason", metavar="TEXT", default="", help="why you resume or roll back, for the report"
    )
    add_consent(parser)
    parser.set_defaults(run=run)
    return parser


async def run(arguments: argparse.Namespace) -> int:
    """Do what is asked."""
    if arguments.what in _CHANGING:
        return await _change(arguments)
    if arguments.what == "report":
        return await _report(arguments)
    _require_output(arguments, "text", "json")
    if arguments.what == "show":
        return await _show(arguments)
    if arguments.id:
        raise UsageError("`runs list` takes no id", remedy=f"etcd-rescue runs show {arguments.id}")
    known = await _known_runs(arguments)
    if arguments.output == "json":
        print(json.dumps({"runs": [run_entry(one) for one in known]}, indent=2))
    elif not known:
        print("no runs")
    else:
        rows = [
            (one.id, one.cluster, one.state.value, one.step or "–", one.started_at, one.snapshot)
            for one in known
        ]
        print(table(("ID", "CLUSTER", "STATE", "STEP", "STARTED", "SNAPSHOT"), rows))
    return 0


async def _known_runs(arguments: argparse.Namespace) -> tuple[PastRun, ...]:
    """Those with a record here; those of the cluster as its nodes know them, if they answer."""
    here = list_runs(runs_directory(os.environ))
    try:
        cluster = chosen_cluster(arguments)
    except (InventoryError, UsageError):
        if arguments.inventory or arguments.cluster:
            raise  # what was named is wrong
        return here
    others = [run for run in here if run.cluster != cluster.name]
    try:
        async with open_incident(arguments) as incident, asyncio.timeout(_ASKING_SECONDS):
            found = await incident.look_for_runs()
    except TimeoutError:
        sys.stderr.write(
            f"etcd-rescue: the nodes of {cluster.name} do not answer in time, so this is only what "
            "this machine knows\n"
        )
        return here
    return tuple(sorted((*others, *found), key=lambda run: run.id, reverse=True))


async def _bring_newest(arguments: argparse.Namespace) -> PastRun:
    """The run that is meant, as this machine then knows it.

    Another machine may have taken it up since: its record comes here, if nodes answer.
    """
    _choose_cluster(arguments)
    meant: str | None = arguments.id
    with suppress(RescueError, TimeoutError):
        async with open_incident(arguments) as incident, asyncio.timeout(_ASKING_SECONDS):
            meant = (await incident.standing(meant)).run.id
    return find_run(runs_directory(os.environ), meant)


async def _show(arguments: argparse.Namespace) -> int:
    found = await _bring_newest(arguments)
    entry = json.dumps(run_entry(found), indent=2)
    print(entry if arguments.output == "json" else run_story(found))
    return 0


def _require_output(arguments: argparse.Namespace, *known: str) -> None:
    """What can be printed depends on what is asked for."""
    if arguments.output not in (None, *known):
        raise UsageError(
            f"`runs {arguments.what}` does not print {arguments.output}",
            remedy=f"choose {' or '.join(known)} with -o",
        )


async def _report(arguments: argparse.Namespace) -> int:
    from recovery.report.html import report_html
    from recovery.report.markdown import report_markdown
    from recovery.report.writing import read_report

    _require_output(arguments, "markdown", "html")
    found = await _bring_newest(arguments)
    report = read_report(found.directory)
    print(report_html(report) if arguments.output == "html" else report_markdown(report))
    return 0


async def _change(arguments: argparse.Namespace) -> int:
    _choose_cluster(arguments)
    acts: dict[str, Callable[[Incident, argparse.Namespace], Awaitable[int]]] = {
        "resume": _resume,
        "rollback": _roll_back,
        "clean": _clean,
    }
    async with open_incident(arguments) as incident:
        if arguments.confirm is not None:
            await require_unlocked(incident, arguments)
        return await acts[arguments.what](incident, arguments)


def _choose_cluster(arguments: argparse.Namespace) -> None:
    """Where the inventory has several clusters, the run says which one is meant."""
    if arguments.cluster:
        return
    for known in list_runs(runs_directory(os.environ)):
        if arguments.id in (None, known.id):
            arguments.cluster = known.cluster
            return


async def _resume(incident: Incident, arguments: argparse.Namespace) -> int:
    standing = await incident.standing(arguments.id)
    _require_possible("resumed", standing.run, standing.resume_refused)
    require_consent(incident, arguments.confirm, f"runs resume {standing.run.id}")
    as_json = arguments.events == "json"
    printer = EventPrinter(standing.plan, as_json=as_json)
    operator = ConfirmedOperator(arguments.without)
    run_ = await incident.resume(standing.run.id, operator, printer.hear, arguments.reason)
    printer.show(run_.plan)
    words = f"{incident.cluster.name} is recovered"
    return exit_of(await execute(run_, as_json=as_json), words, as_json=as_json)


async def _roll_back(incident: Incident, arguments: argparse.Namespace) -> int:
    standing = await incident.standing(arguments.id)
    _require_possible("rolled back", standing.run, standing.roll_back_refused)
    require_consent(incident, arguments.confirm, f"runs rollback {standing.run.id}")
    as_json = arguments.events == "json"
    printer = EventPrinter(standing.plan, as_json=as_json)
    operator = ConfirmedOperator(arguments.without)
    run_ = await incident.roll_back(standing.run.id, operator, printer.hear, arguments.reason)
    printer.show(run_.plan)
    words = f"{incident.cluster.name} is as it was before run {standing.run.id}"
    return exit_of(await execute(run_, as_json=as_json), words, as_json=as_json)


async def _clean(incident: Incident, arguments: argparse.Namespace) -> int:
    # A cluster that is not well keeps a person waiting for the whole of it.
    sys.stderr.write("etcd-rescue: the cluster's health is proven first, for a minute at most\n")
    weighed = await incident.weigh_clean_up(arguments.id)
    for node in weighed.nodes:
        paths = ", ".join(node.paths) or "nothing"
        print(f"{node.node}: deletes {paths} ({size(node.size)})")
    print(f"{size(weighed.size)} come free; after that run {weighed.run_id} cannot be rolled back")
    require_consent(incident, arguments.confirm, f"runs clean {weighed.run_id}")
    await incident.clean_up(weighed, _tell)
    return 0


def _tell(node: str, words: str) -> None:
    for line in words.splitlines():
        sys.stderr.write(f"{node}  {line}\n")


def _require_possible(what: str, run: PastRun, refused: str) -> None:
    if refused:
        raise RefusedError(
            f"run {run.id} cannot be {what}: {refused}",
            where=run.cluster,
            remedy=f"etcd-rescue runs show {run.id} tells all that it did",
        )
