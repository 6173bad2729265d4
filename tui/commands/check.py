"""`check`: what is wrong with the cluster, and whether a restore could go well."""

from __future__ import annotations

import argparse
import json
import shutil
import textwrap
from collections.abc import Iterator

from recovery.cluster.diagnosis_text import diagnosis_lines, folded
from recovery.health.examination import Examination, examine
from recovery.health.examination_json import examination_document
from recovery.health.model import Check, CheckStatus
from recovery.incident import Incident
from tui.commands.common_arguments import add_allow_node_count
from tui.commands.opening import chosen_cluster
from tui.commands.tables import fitted_rows

_SHAPES = {
    CheckStatus.WARNING: "▲ warning",
    CheckStatus.FAILED: "✖ failed",
    CheckStatus.SKIPPED: "– skipped",
}


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> argparse.ArgumentParser:
    """Declare the command."""
    parser = commands.add_parser(
        "check",
        help="what is wrong, and what to do; changes nothing",
        description="Ask every control-plane node, member and API server at once, and say in one "
        "sentence what is wrong, what to do about it, and what that rests on; then whether a "
        "restore could go well.",
    )
    parser.add_argument("-o", "--output", choices=("text", "json"), default="text")
    add_allow_node_count(parser)
    parser.set_defaults(run=run)
    return parser


async def run(arguments: argparse.Namespace) -> int:
    """Print the diagnosis and the preflight; 0 where there is nothing to do."""
    # Nobody is asked for S3 keys here: the answer is wanted now, and hardly depends on them.
    allowed = arguments.allow_node_count
    async with Incident(chosen_cluster(arguments), allow_node_count=allowed) as incident:
        examination = await examine(incident)
    if arguments.output == "json":
        print(json.dumps(examination_document(examination), indent=2))
    else:
        print("\n".join(_text(examination, shutil.get_terminal_size((100, 24)).columns)))
    return 0 if examination.good else 1


def _text(examination: Examination, width: int) -> Iterator[str]:
    yield from diagnosis_lines(examination.facts, examination.diagnosis, width)
    yield from ("", *_preflight(examination.checks, width))


def _preflight(checks: tuple[Check, ...], width: int) -> Iterator[str]:
    good = [check for check in checks if check.status is CheckStatus.OK]
    bad = [check for check in checks if check.status is not CheckStatus.OK]
    yield f"PREFLIGHT  {len(good)} of {len(checks)} checks pass; a restore makes them all again"
    if not bad:
        return
    rows = [(_SHAPES[check.status], check.scope, check.name, check.message) for check in bad]
    _, *told = fitted_rows(("", "WHERE", "CHECK", "SEEN"), rows, width - 2)
    for row, check in zip(told, bad, strict=True):
        yield textwrap.indent(row, "  ")
        if check.remedy:
            yield from folded(check.remedy, width, "      → ")
