"""`restore`: the restore without the interface."""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Mapping

from recovery.errors import RefusedError
from recovery.health.health_json import check_entry
from recovery.health.model import Check, CheckStatus
from recovery.health.preflight_nodes import REACHABLE
from recovery.incident import Incident
from recovery.restore.circumstances import Told
from tui.commands.common_arguments import REFERENCE, add_allow_node_count
from tui.commands.executing import (
    ConfirmedOperator,
    add_consent,
    execute,
    exit_of,
    require_consent,
    require_unlocked,
)
from tui.commands.opening import (
    FRESH_SECONDS,
    open_incident,
    ready_reference,
    report_errors,
)
from tui.commands.run_events import EventPrinter, tell_json

_OWN_YES = {
    "--quorum-is-alive": "go on although the cluster is not lost, and roll back all that it has "
    "written since the snapshot",
    "--snapshot-is-ours": "go on although the snapshot seems to be another cluster's: you know "
    "that its CA, or its addresses, were this cluster's",
    "--encryption-key-is-lost": "go on although values of the snapshot were encrypted with a key "
    "that the API servers do not have: they stay unreadable",
}
"""What a general yes to warnings does not cover."""


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> argparse.ArgumentParser:
    """Declare the command."""
    parser = commands.add_parser(
        "restore",
        help="restore the cluster from a snapshot",
        description="Restore the cluster from a snapshot. The cluster's name, given with "
        "--confirm, is the consent to every step of the plan; look at the plan first.",
    )
    parser.add_argument("reference", metavar="REF", help=REFERENCE)
    add_consent(parser)
    parser.add_argument(
        "--acknowledge-warnings",
        action="store_true",
        help="go on although preflight warns of something grave",
    )
    for flag, help_text in _OWN_YES.items():
        words = f"{help_text}; beside --acknowledge-warnings, which is not enough for this"
        parser.add_argument(flag, dest="known", action="append_const", const=flag, help=words)
    parser.add_argument(
        "--reason", metavar="TEXT", default="", help="why you restore, for the run's report"
    )
    add_allow_node_count(parser)
    parser.set_defaults(run=run)
    return parser


async def run(arguments: argparse.Namespace) -> int:
    """Verify, check, plan, restore; the exit status says how it ended."""
    async with open_incident(arguments) as incident:
        command = f"restore {arguments.reference}"
        require_consent(incident, arguments.confirm, command)
        await require_unlocked(incident, arguments)
        as_json = arguments.events == "json"
        report = _tell_errors if as_json else report_errors
        # The nodes are asked while the snapshot is read.
        looking = asyncio.ensure_future(incident.look())
        try:
            judged = await ready_reference(incident, arguments.reference, report)
            await looking
        finally:
            looking.cancel()
            await asyncio.gather(looking, return_exceptions=True)
        checks = await incident.preflight(judged, seconds_old=FRESH_SECONDS)
        _tell_preflight(checks, as_json=as_json)
        without = frozenset(arguments.without)
        _refuse_where_preflight_says_so(checks, arguments.acknowledge_warnings, without)
        _refuse_unknown(checks, frozenset(arguments.known or ()))
        plan = incident.plan(judged)
        _refuse_unnamed(dict.fromkeys(plan.absent, "it was there a moment ago"), without)
        told = Told(arguments.reason, arguments.acknowledge_warnings)
        printer = EventPrinter(plan, as_json=as_json)
        operator = ConfirmedOperator(arguments.without)
        run_ = incident.restore(plan, judged, operator, printer.hear, told)
        words = f"{incident.cluster.name} is recovered"
        return exit_of(await execute(run_, as_json=as_json), words, as_json=as_json)


def _tell_preflight(checks: tuple[Check, ...], *, as_json: bool) -> None:
    if as_json:
        for check in checks:
            tell_json("preflight-check", **check_entry(check))
        return
    # What is not known is said as well: it is not the same as well.
    spoken = (CheckStatus.FAILED, CheckStatus.WARNING, CheckStatus.SKIPPED)
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


def _refuse_where_preflight_says_so(
    checks: tuple[Check, ...], acknowledged: bool, without: frozenset[str]
) -> None:
    failed = [check for check in checks if check.status is CheckStatus.FAILED]
    warned = [check for check in checks if check.status is CheckStatus.WARNING]
    if failed:
        raise RefusedError(
            f"preflight failed: {failed[0].scope}: {failed[0].message}", remedy=failed[0].remedy
        )
    away = {check.scope: check.message for check in warned if check.name == REACHABLE}
    _refuse_unnamed(away, without)
    grave = [check for check in warned if check.must_be_acknowledged and check.name != REACHABLE]
    if grave and not acknowledged:
        own = dict.fromkeys(check.own_yes.flag for check in grave if check.own_yes is not None)
        flags = " ".join(("--acknowledge-warnings", *own))
        raise RefusedError(
            f"preflight warns: {'; '.join(check.message for check in grave)}",
            remedy=f"read the warning; to go on all the same, add {flags}",
            detail="\n".join(check.meaning for check in grave),
        )


def _refuse_unknown(checks: tuple[Check, ...], known: frozenset[str]) -> None:
    """Some things want a yes of their own: the cluster's end may lie behind them."""
    for check in checks:
        if check.own_yes is not None and check.own_yes.flag not in known:
            raise RefusedError(
                check.message,
                remedy=f"{check.remedy}; to go on all the same, add {check.own_yes.flag}",
                detail=check.meaning,
            )


def _refuse_unnamed(away: Mapping[str, str], without: frozenset[str]) -> None:
    """A node that is away for a moment must not be left out because of a general yes."""
    unnamed = [name for name in away if name not in without]
    if unnamed:
        flags = " ".join(f"--without {name}" for name in unnamed)
        why = "; ".join(f"{name}: {away[name]}" for name in unnamed)
        raise RefusedError(
            f"{', '.join(unnamed)} cannot be reached ({why})",
            remedy=f"bring it back; to restore the others now and it later, add {flags}",
        )
