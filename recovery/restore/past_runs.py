"""Earlier runs, from their journals on this machine."""

from __future__ import annotations

import enum
import os
from dataclasses import dataclass
from pathlib import Path

from recovery.errors import RescueError, UsageError
from recovery.restore.events import Outcome
from recovery.restore.journal import JOURNAL_NAME, JournalEntry, JournalEvent, read_journal


class RunState(enum.Enum):
    """How a run stands."""

    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    INTERRUPTED = "interrupted"
    ROLLED_BACK = "rolled-back"


@dataclass(frozen=True, slots=True)
class PastRun:
    """One run, summed up. Times are RFC 3339 UTC."""

    id: str
    cluster: str
    snapshot: str
    operator: str
    started_at: str
    ended_at: str | None
    state: RunState
    step: str | None
    """The last step that was begun."""
    message: str
    directory: Path
    entries: tuple[JournalEntry, ...]
    on_nodes: tuple[str, ...] = ()
    """The nodes whose copy was read, where the run was started from another machine."""
    cleaned: bool = False
    """Whether what it left on the nodes was deleted."""


def list_runs(runs: Path) -> tuple[PastRun, ...]:
    """All runs, newest first; a directory without a readable journal is left out."""
    if not runs.is_dir():
        return ()
    found = []
    for directory in sorted(runs.iterdir(), reverse=True):
        try:
            found.append(_read(directory))
        except RescueError:
            continue
    return tuple(found)


def find_run(runs: Path, run_id: str | None) -> PastRun:
    """The run of that id, or the newest; UsageError where there is none."""
    known = list_runs(runs)
    for run in known:
        if run_id is None or run.id == run_id:
            return run
    raise UsageError(
        f"there is no run {run_id}" if run_id else "there is no run yet",
        where=str(runs),
        remedy="etcd-rescue runs list shows all of them",
    )


def _read(directory: Path) -> PastRun:
    entries = read_journal(directory / JOURNAL_NAME)
    started = next((e for e in entries if e.event is JournalEvent.RUN_STARTED), None)
    if started is None:
        raise RescueError("the journal does not say what was started", where=str(directory))
    ended = next((e for e in reversed(entries) if e.event is JournalEvent.RUN_ENDED), None)
    steps = [e.step for e in entries if e.event is JournalEvent.STEP_STARTED]
    return PastRun(
        id=started.run_id or directory.name,
        cluster=started.cluster or "",
        snapshot=started.snapshot or "",
        operator=started.operator or "",
        started_at=_utc(started.at),
        ended_at=_utc(ended.at) if ended else None,
        state=_state(started, ended),
        step=steps[-1] if steps else None,
        message=(ended.message if ended else None) or "",
        directory=directory,
        entries=entries,
    )


def _state(started: JournalEntry, ended: JournalEntry | None) -> RunState:
    if ended is None:
        alive = started.pid is not None and _is_alive(started.pid)
        return RunState.RUNNING if alive else RunState.INTERRUPTED
    if ended.outcome == Outcome.DONE.value:
        return RunState.SUCCEEDED
    stopped = (Outcome.ABORTED.value, Outcome.REFUSED.value)
    return RunState.INTERRUPTED if ended.outcome in stopped else RunState.FAILED


def _is_alive(pid: int) -> bool:
    """Whether that process is one of ours: ids are used again after a reboot."""
    try:
        os.kill(pid, 0)
        words = Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False
    return b"etcd-rescue" in words or b"tui.command_line" in words or b"pytest" in words


def _utc(at: str) -> str:
    return at.replace("+00:00", "Z")
