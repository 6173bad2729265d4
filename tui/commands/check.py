"""`check`: what is wrong with the cluster, and whether a restore could go well."""

from __future__ import annotations

import argparse
import json
import shutil
import textwrap
from collections.abc import Iterable, Iterator

from recovery.cluster.facts import ClusterState, Diagnosis, NodeCommand
from recovery.health.examination import Examination, examine
from recovery.health.examination_json import examination_document
from recovery.health.model import Check, CheckStatus
from recovery.incident import Incident
from tui.commands.opening import chosen_cluster
from tui.commands.tables import table

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
        "restore could go well. Changes nothing. Exit status 1 unless the cluster is healthy and "
        "no check fails.",
    )
    parser.add_argument("-o", "--output", choices=("text", "json"), default="text")
    parser.set_defaults(run=run)
    return parser


async def run(arguments: argparse.Namespace) -> int:
    """Print the diagnosis and the preflight; 0 where there is nothing to do."""
    # Nobody is asked for S3 keys here: the answer is wanted now, and hardly depends on them.
    async with Incident(chosen_cluster(arguments)) as incident:
        examination = await examine(incident)
    if arguments.output == "json":
        print(json.dumps(examination_document(examination), indent=2))
    else:
        print("\n".join(_text(examination, shutil.get_terminal_size((100, 24)).columns)))
    return 0 if examination.good else 1


def _text(examination: Examination, width: int) -> Iterator[str]:
    facts, diagnosis = examination.facts, examination.diagnosis
    yield f"{facts.cluster.name}: {diagnosis.label}   {facts.gathered_at:%Y-%m-%d %H:%M:%S}Z"
    yield ""
    yield from _folded(diagnosis.sentence, width)
    yield from _folded(diagnosis.advice, width, "→ ")
    yield from _listed("BECAUSE", diagnosis.because, width)
    yield from _listed("ALSO", diagnosis.remarks, width)
    if diagnosis.commands:
        yield from ("", f"BY HAND  nothing of this was run{_caution(diagnosis)}")
        yield from _commands(diagnosis.commands)
    yield from ("", *_preflight(examination.checks, width))


def _caution(diagnosis: Diagnosis) -> str:
    careful = diagnosis.state in (ClusterState.DEGRADED, ClusterState.DIVERGED)
    return "; one line after the other, and only if each succeeds" if careful else ""


def _commands(commands: Iterable[NodeCommand]) -> Iterator[str]:
    for command in commands:
        yield f"  # {command.node}: {command.why}"
        # Never folded: it is meant to be copied.
        yield from (f"  {line}" for line in command.text.splitlines())


def _preflight(checks: tuple[Check, ...], width: int) -> Iterator[str]:
    # What the diagnosis has said already is not said again.
    checks = tuple(check for check in checks if check.name != "quorum")
    good = [check for check in checks if check.status is CheckStatus.OK]
    bad = [check for check in checks if check.status is not CheckStatus.OK]
    yield f"PREFLIGHT  {len(good)} of {len(checks)} checks pass; a restore makes them all again"
    if not bad:
        return
    rows = [(_SHAPES[check.status], check.scope, check.name, check.message) for check in bad]
    for row, check in zip(
        table(("", "WHERE", "CHECK", "SEEN"), rows).splitlines()[1:], bad, strict=True
    ):
        yield f"  {row}"
        if check.remedy:
            yield from _folded(check.remedy, width, "      → ")


def _listed(heading: str, lines: Iterable[str], width: int) -> Iterator[str]:
    told = list(lines)
    if told:
        yield from ("", heading)
    for line in told:
        yield from _folded(line, width, "  ", "      ")


def _folded(text: str, width: int, first: str = "", later: str | None = None) -> list[str]:
    indent = later if later is not None else " " * len(first)
    return textwrap.wrap(
        text,
        max(width, 40),
        initial_indent=first,
        subsequent_indent=indent,
        break_on_hyphens=False,
        break_long_words=False,
    )
