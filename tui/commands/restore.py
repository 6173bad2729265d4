"""`restore`: the restore without the interface."""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
from contextlib import suppress

from recovery.errors import RefusedError
from recovery.health.health_json import check_entry
from recovery.health.model import Check, CheckStatus
from recovery.incident import Incident
from recovery.restore.events import Outcome
from recovery.restore.operator import ActionFailure, Choice, Decision
from recovery.restore.plan import Gate, Plan
from recovery.restore.run_control import RestoreRun
from tui.commands.opening import fetch_reference, open_incident, report_errors
from tui.commands.run_events import EventPrinter, tell_json


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> argparse.ArgumentParser:
    """Declare the command."""
    parser = commands.add_parser(
        "restore",
        help="restore the cluster from a snapshot",
        description="Restore the cluster from a snapshot. The cluster's name, given with "
        "--confirm, is the consent to every step of the plan; look at the plan first.",
    )
    parser.add_argument("reference", metavar="REF", help="a snapshot, or `latest`")
    parser.add_argument("--confirm", metavar="CLUSTER", help="the cluster's name, as consent")
    parser.add_argument(
        "--acknowledge-warnings",
        action="store_true",
        help="go on although preflight warns, for example that a quorum is alive",
    )
    parser.add_argument(
        "--events", choices=("text", "json"), default="text", help="how stderr tells what happens"
    )
    parser.set_defaults(run=run)
    return parser


class ConfirmedOperator:
    """Whoever gave the cluster's name: consents to the plan, and stops at the first failure."""

    async def consent(self, plan: Plan, gate: Gate) -> bool:
        """Yes: the name was given for this run."""
        return True

    async def decide(self, plan: Plan, failure: ActionFailure) -> Choice:
        """Leave what the restore can do without; stop at anything else."""
        if failure.action.essential:
            return Choice(Decision.ABORT)
        nodes = ", ".join(item.node for item in failure.failures)
        return Choice(Decision.SKIP, f"left for later on {nodes}")


async def run(arguments: argparse.Namespace) -> int:
    """Fetch, check, plan, restore; the exit status says how it ended."""
    async with open_incident(arguments) as incident:
        name = incident.cluster.name
        if arguments.confirm != name:
            given = f"“{arguments.confirm}” is not its name" if arguments.confirm else "none given"
            raise RefusedError(
                f"a restore of {name} needs the cluster's name as consent: {given}",
                remedy=f"etcd-rescue restore {arguments.reference} --confirm {name}",
            )
        as_json = arguments.events == "json"
        report = _tell_errors if as_json else report_errors
        fetched = await fetch_reference(incident, arguments.reference, report)
        checks = await incident.preflight(fetched)
        _tell_preflight(checks, as_json=as_json)
        _refuse_where_preflight_says_so(checks, arguments.acknowledge_warnings)
        plan = incident.plan(fetched)
        printer = EventPrinter(plan, as_json=as_json)
        run_ = incident.restore(plan, fetched, ConfirmedOperator(), printer.hear)
        outcome = await _execute(run_)
        return _exit(incident, outcome, as_json=as_json)


async def _execute(run_: RestoreRun) -> Outcome:
    """Ctrl-C and SIGTERM interrupt the run; a terminal that goes away does not."""
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    assert task is not None
    loop.add_signal_handler(signal.SIGTERM, task.cancel)
    loop.add_signal_handler(signal.SIGHUP, lambda: None)
    try:
        return await run_.execute()
    except asyncio.CancelledError:
        with suppress(OSError):
            sys.stderr.write(
                f"etcd-rescue: run {run_.run_id} was interrupted; what was done is in "
                f"{run_.log_path}/journal.jsonl, the way back in way-back.md beside it\n"
            )
        raise
    finally:
        loop.remove_signal_handler(signal.SIGTERM)
        loop.remove_signal_handler(signal.SIGHUP)


def _exit(incident: Incident, outcome: Outcome, *, as_json: bool) -> int:
    if outcome is Outcome.DONE and not as_json:
        with suppress(OSError):  # nobody may be listening any more
            sys.stderr.write(f"etcd-rescue: {incident.cluster.name} is recovered\n")
    return {Outcome.DONE: 0, Outcome.REFUSED: 3}.get(outcome, 1)


def _tell_preflight(checks: tuple[Check, ...], *, as_json: bool) -> None:
    if as_json:
        for check in checks:
            tell_json("preflight-check", **check_entry(check))
        return
    spoken = (CheckStatus.FAILED, CheckStatus.WARNING)
    for check in sorted(checks, key=lambda one: one.status is not CheckStatus.FAILED):
        if check.status in spoken:
            remedy = f" → {check.remedy}" if check.remedy else ""
            sys.stderr.write(
                f"etcd-rescue: preflight: {check.status.value}: {check.scope}: {check.name}: "
                f"{check.message}{remedy}\n"
            )


def _tell_errors(incident: Incident) -> None:
    for error in incident.catalog.errors if incident.catalog else ():
        tell_json(
            "source-error", location=error.location, message=error.message, remedy=error.remedy
        )


def _refuse_where_preflight_says_so(checks: tuple[Check, ...], acknowledged: bool) -> None:
    failed = [check for check in checks if check.status is CheckStatus.FAILED]
    warned = [check for check in checks if check.status is CheckStatus.WARNING]
    if failed:
        raise RefusedError(
            f"preflight failed: {failed[0].scope}: {failed[0].message}", remedy=failed[0].remedy
        )
    alive = [check for check in warned if check.must_be_acknowledged]
    if alive and not acknowledged:
        raise RefusedError(
            f"preflight warns: {alive[0].message}",
            remedy="read the warning; to go on all the same, add --acknowledge-warnings",
        )
