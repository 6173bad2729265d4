"""The plan of a past run, and what it must bring back, from its record on this machine."""

from __future__ import annotations

import json
from pathlib import Path

from recovery.errors import RescueError
from recovery.health.expected import Expected
from recovery.restore.past_runs import PastRun
from recovery.restore.plan import Plan
from recovery.restore.plan_loading import load_plan
from recovery.restore.run_record import EXPECTED_NAME, PLAN_NAME


def plan_of(run: PastRun) -> Plan:
    """What it executes, or executed. Raises RescueError where the record is not whole."""
    path = run.directory / PLAN_NAME
    return load_plan(_read(path), str(path))


def expected_of(run: PastRun) -> Expected:
    """What the cluster must hold in the end. Raises RescueError where the record is not whole."""
    path = run.directory / EXPECTED_NAME
    try:
        return Expected(**json.loads(_read(path)))
    except (ValueError, TypeError) as error:
        raise RescueError(
            "nobody can tell what the run must bring back",
            where=str(path),
            remedy="use the version of etcd-rescue that began the run",
            detail=str(error),
        ) from error


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise RescueError(
            f"the record of this run is not whole: {error}",
            where=str(path),
            remedy="move its directory away and try again: the nodes have a copy of it; or go on "
            "by hand with way-back.md beside it",
        ) from error
