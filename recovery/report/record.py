"""Reads a run's record from its directory; what is missing or damaged is said, not raised."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from recovery.errors import RescueError
from recovery.health.leftovers import Leftovers
from recovery.restore.circumstances import Circumstances
from recovery.restore.past_runs import PastRun, read_run
from recovery.restore.plan import Plan
from recovery.restore.plan_loading import load_plan
from recovery.restore.record_facts import (
    BEFORE_NAME,
    HEALTH_NAME,
    LEFTOVERS_NAME,
    FinalChecks,
    read_facts,
)
from recovery.restore.redaction import without_secrets
from recovery.restore.run_record import PLAN_NAME

T = TypeVar("T")

MOST_LOG_BYTES = 16 * 2**20
"""Of one node's log; beyond that its end is left in the file."""


@dataclass(frozen=True, slots=True)
class Record:
    """A run's record, read."""

    run: PastRun
    plan: Plan | None = None
    before: Circumstances | None = None
    final: FinalChecks | None = None
    leftovers: Leftovers | None = None
    logs: dict[str, str] = field(default_factory=dict)
    """Each node's whole output, by node."""
    unread: tuple[str, ...] = ()


def read_record(directory: Path) -> Record:
    """The record in this directory. Raises RescueError only where there is no readable journal."""
    run = read_run(directory)
    unread: list[str] = []
    plan = None
    try:
        path = directory / PLAN_NAME
        plan = load_plan(path.read_text(encoding="utf-8"), str(path))
    except (OSError, UnicodeDecodeError, RescueError) as error:
        unread.append(f"{PLAN_NAME}: {error}")
    logs = {}
    for path in sorted(directory.glob("*.log")):
        try:
            # Written without secrets; a log of an older version may have been written otherwise.
            logs[path.stem] = without_secrets(_text(path))
        except OSError as error:
            unread.append(f"{path.name}: {error.strerror or error}")
    return Record(
        run=run,
        plan=plan,
        before=_facts(directory / BEFORE_NAME, Circumstances, unread),
        final=_facts(directory / HEALTH_NAME, FinalChecks, unread),
        leftovers=_facts(directory / LEFTOVERS_NAME, Leftovers, unread),
        logs=logs,
        unread=tuple(unread),
    )


def _facts(path: Path, kind: type[T], unread: list[str]) -> T | None:
    try:
        return read_facts(path, kind)
    except RescueError as error:
        unread.append(f"{path.name}: {error.what}")
        return None


def _text(path: Path) -> str:
    with path.open("rb") as file:
        content = file.read(MOST_LOG_BYTES + 1)
    text = content[:MOST_LOG_BYTES].decode("utf-8", "replace")
    if len(content) > MOST_LOG_BYTES:
        text += f"\n… the rest is in {path}\n"
    return text
