"""Earlier runs, from their journals on this machine."""

from __future__ import annotations

import enum
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from recovery.errors import DiskError, RescueError, UsageError
from recovery.restore.events import Outcome
from recovery.restore.journal import (
    BEGINNINGS,
    JOURNAL_NAME,
    NOTES_NAME,
    JournalEntry,
    JournalEvent,
    read_journal,
)
from recovery.restore.process_identity import ProcessIdentity

_SHOWN = 5


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
    begun_on: tuple[tuple[str, int], ...] = ()
    """Nodes, and when it began there in seconds by the node's own clock, where that was looked at.
    Its id goes by the clock of whichever machine began it."""


def list_runs(runs: Path) -> tuple[PastRun, ...]:
    """All runs, newest first; a directory without a readable journal is left out.

    Raises DiskError where there may be some that cannot be looked at: a run that was interrupted
    must not be passed over in silence.
    """
    try:
        directories = sorted(runs.iterdir(), reverse=True)
    except (FileNotFoundError, NotADirectoryError):
        return ()
    except OSError as error:
        raise DiskError(
            f"the records of runs cannot be looked at: {error.strerror}",
            where=str(runs),
            remedy="look as the user who began them, or set XDG_STATE_HOME to where they are",
        ) from error
    found = []
    for directory in directories:
        try:
            found.append(read_run(directory))
        except RescueError:
            continue
    return tuple(found)


def find_run(runs: Path, run_id: str | None) -> PastRun:
    """The run of that id, or the newest; UsageError where there is none."""
    known = list_runs(runs)
    for run in known:
        if run_id is None or run.id == run_id:
            return run
    raise no_such_run(run_id, runs, known)


def no_such_run(
    run_id: str | None,
    runs: Path,
    known: Sequence[PastRun],
    cluster: str = "",
    unheard: Collection[str] = (),
) -> RescueError:
    """The error where nothing is known of a run: which there are, and who could not be asked.

    It is a UsageError where everybody was asked.
    """
    what = f"there is no run{f' {run_id}' if run_id else ''}{f' of {cluster}' if cluster else ''}"
    if unheard:
        what += f" here, and {', '.join(sorted(unheard))} could not be asked for one"
    if known:
        shown = ", ".join(run.id for run in known[:_SHOWN])
        remedy = f"there are: {shown}{' and older ones' if len(known) > _SHOWN else ''}"
    elif unheard:
        remedy = "make a node answer that has its record, or go on by hand with way-back.md"
    elif cluster:
        remedy = "nothing was begun on it, as far as this machine and the nodes know"
    else:
        remedy = "none was begun on this machine; etcd-rescue alone finds one that the nodes know"
    kind = RescueError if unheard else UsageError
    return kind(what, where=str(runs), remedy=remedy)


def newest_of(runs: Sequence[PastRun]) -> PastRun | None:
    """The run that was begun last, of these in the order of their ids, newest first.

    Where most of the nodes that know two of them have begun the one after the other, that counts
    more than the ids: the clocks of the machines that began them may differ.
    """
    newest = None
    for run in runs:
        if newest is None or _began_after(run, newest):
            newest = run
    return newest


def _began_after(run: PastRun, other: PastRun) -> bool:
    others = dict(other.begun_on)
    both = [(at, others[node]) for node, at in run.begun_on if node in others]
    return sum(at > before for at, before in both) > sum(at < before for at, before in both)


def read_run(directory: Path) -> PastRun:
    """The run whose record is in this directory; raises RescueError where it is none."""
    entries = read_journal(directory / JOURNAL_NAME)
    notes = directory / NOTES_NAME
    return run_of((*entries, *(read_journal(notes) if notes.is_file() else ())), directory)


def run_of(
    entries: tuple[JournalEntry, ...], directory: Path, on_nodes: tuple[str, ...] = ()
) -> PastRun:
    """A run summed up from its journal; raises RescueError where nothing says what it is."""
    started = next((e for e in entries if e.event is JournalEvent.RUN_STARTED), None)
    if started is None:
        raise RescueError("the journal does not say what was started", where=str(directory))
    begun = max(i for i, entry in enumerate(entries) if entry.event in BEGINNINGS)
    # The last one: a program that was taken over may have written its own end meanwhile.
    ends = (e for e in reversed(entries[begun:]) if e.event is JournalEvent.RUN_ENDED)
    ended = next(ends, None)
    steps = [e.step for e in entries if e.event is JournalEvent.STEP_STARTED]
    return PastRun(
        id=started.run_id or directory.name,
        cluster=started.cluster or "",
        snapshot=started.snapshot or "",
        operator=entries[begun].operator or "",
        started_at=_utc(started.at),
        ended_at=_utc(ended.at) if ended else None,
        state=_state(entries[begun], ended),
        step=steps[-1] if steps else None,
        message=(ended.message if ended else None) or "",
        directory=directory,
        entries=entries,
        on_nodes=on_nodes,
        cleaned=any(e.event is JournalEvent.CLEANED for e in entries),
    )


def _state(begun: JournalEntry, ended: JournalEntry | None) -> RunState:
    if ended is None:
        return RunState.RUNNING if _may_run(begun) else RunState.INTERRUPTED
    if ended.outcome == Outcome.DONE.value:
        back = begun.event is JournalEvent.ROLLBACK_STARTED
        return RunState.ROLLED_BACK if back else RunState.SUCCEEDED
    stopped = (Outcome.ABORTED.value, Outcome.REFUSED.value, Outcome.SHORT.value)
    return RunState.INTERRUPTED if ended.outcome in stopped else RunState.FAILED


def _may_run(begun: JournalEntry) -> bool:
    """Of a program on another machine only the lock can tell; its run counts as interrupted."""
    if begun.pid is None or not begun.machine:
        return False
    process = ProcessIdentity(
        begun.machine, begun.boot or "", begun.pid, begun.process_started or ""
    )
    return process.is_here


def _utc(at: str) -> str:
    return at.replace("+00:00", "Z")
