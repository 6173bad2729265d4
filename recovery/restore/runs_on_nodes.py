"""Runs that were started from another machine, from the copies of their records on the nodes."""

from __future__ import annotations

import asyncio
import posixpath
import re
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from recovery.errors import NodeError, RescueError
from recovery.places import make_private
from recovery.restore.journal import JOURNAL_NAME, NOTES_NAME, JournalEntry, parse_journal
from recovery.restore.newer_record import Newer, generation, newer_record
from recovery.restore.past_runs import PastRun, RunState, run_of
from recovery.restore.record_copies import ALSO_COPIED, COPIED, RECORD_NAME
from recovery.restore.script import node_script
from recovery.ssh.fleet import Fleet
from recovery.ssh.session import NodeSession

_LIST = """
for JOURNAL in "$WORK"/*/record/journal.jsonl; do
  [ -f "$JOURNAL" ] || continue
  # Its first job here was taken when it began.
  BEGUN=$(stat -c %Y "${JOURNAL%/record/*}/jobs/@FIRST@.1/taken" 2> /dev/null || true)
  printf '%s %s\\n' "${BEGUN:--}" "$JOURNAL"
done
"""
_LIST_LOGS = """
for LOG in "$RECORD"/*.log; do
  if [ -f "$LOG" ]; then printf '%s\\n' "$LOG"; fi
done
"""
FIRST_WRITE = "make-directories"
"""The action that a run begins with on a node."""
_MOST_RUNS = 20
_SECONDS = 8.0
"""For a node to say which runs it knows: silent ones hold nobody up."""
_MOST_LOGS = 200
_LOG_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*\.log")
_RUN_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")


async def look_for_runs(
    fleet: Fleet, works: Mapping[str, str], cluster: str, unheard: set[str] | None = None
) -> list[PastRun]:
    """The runs of this cluster whose records lie on nodes, newest first.

    Nodes that do not answer are passed over; `unheard` gets their names.
    """
    journals: dict[str, dict[str, bytes]] = {}
    begun: dict[str, list[tuple[str, int]]] = {}
    listed = await fleet.each(works, lambda session: _listed(session, works[session.node.name]))
    for node, told in listed.items():
        if isinstance(told, NodeError):
            if unheard is not None:
                unheard.add(node)
            continue
        lines = (line.partition(" ") for line in told.splitlines())
        for path, at in sorted(((path, at) for at, _, path in lines), reverse=True)[:_MOST_RUNS]:
            run_id = posixpath.basename(posixpath.dirname(posixpath.dirname(path)))
            if not _RUN_ID.fullmatch(run_id):
                continue  # It becomes a directory's name on this machine.
            try:
                content = await fleet.session(node).read_file(path)
            except NodeError:
                continue
            journals.setdefault(run_id, {})[node] = content
            if at.isdecimal():
                begun.setdefault(run_id, []).append((node, int(at)))
    found = []
    for run_id in sorted(journals, reverse=True):
        run = _newest_copy(journals[run_id], run_id)
        if run is not None and run.cluster == cluster and run.id == run_id:
            found.append(replace(run, begun_on=tuple(begun.get(run_id, ()))))
    return found


async def _listed(session: NodeSession, work: str) -> str:
    """The paths of the journals below `work`; NodeError where the node takes its time."""
    try:
        async with asyncio.timeout(_SECONDS):
            return await session.check(
                node_script(_LIST.replace("@FIRST@", FIRST_WRITE), work=work), timeout=_SECONDS
            )
    except TimeoutError:
        raise NodeError(
            f"it does not answer within {_SECONDS:.0f} s",
            where=session.node.name,
            remedy="look again once it does",
        ) from None


def merged(here: Iterable[PastRun], there: Iterable[PastRun]) -> tuple[PastRun, ...]:
    """The runs of this machine and of the nodes, newest first; of one run the record that tells
    more. One that runs here is left to this machine."""
    runs = {run.id: run for run in there}
    for run in here:
        other = runs.get(run.id)
        if other is None:
            runs[run.id] = run
            continue
        running = run.state is RunState.RUNNING
        stale = not running and newer_record(run.entries, other.entries) is Newer.SECOND
        runs[run.id] = (
            replace(other, directory=run.directory)
            if stale
            else replace(run, begun_on=other.begun_on)
        )
    return tuple(sorted(runs.values(), key=lambda run: run.id, reverse=True))


def _newest_copy(copies: Mapping[str, bytes], run_id: str) -> PastRun | None:
    """The copy in which the run was taken up most often, and that tells most; with the nodes that
    have one, the best first."""
    journals = {}
    for node, content in copies.items():
        with suppress(RescueError):
            journals[node] = parse_journal(content, f"{node}:{run_id}")
    nodes = sorted(journals, key=lambda node: _rank(journals[node]), reverse=True)
    for node in nodes:
        with suppress(RescueError):
            return run_of(journals[node], Path(run_id), tuple(nodes))
    return None


def _rank(entries: Sequence[JournalEntry]) -> tuple[int, int]:
    return generation(entries), len(entries)


async def bring_record(fleet: Fleet, works: Mapping[str, str], run: PastRun, runs: Path) -> Path:
    """Copy a run's record from the nodes to this machine; returns its directory.

    Raises RescueError where no node has all of it.
    """
    errors = []
    for node in run.on_nodes:
        source = posixpath.join(works[node], run.id, RECORD_NAME)
        try:
            files = {
                name: await fleet.session(node).read_file(posixpath.join(source, name))
                for name in COPIED
            }
        except NodeError as error:
            errors.append(f"{node}: {error.what}")
            continue
        directory = make_private(runs / run.id)
        for name in ALSO_COPIED:
            with suppress(NodeError):  # an older run, or one that came to no end, has none
                files[name] = await fleet.session(node).read_file(posixpath.join(source, name))
        if NOTES_NAME in files:
            files[NOTES_NAME] = _with_ours(files[NOTES_NAME], directory / NOTES_NAME)
        files |= await _logs(fleet.session(node), source, directory)
        for name, content in files.items():
            if name != JOURNAL_NAME:
                _write(directory / name, content)
        # Last: a directory with a journal counts as a run.
        _write(directory / JOURNAL_NAME, content=files[JOURNAL_NAME])
        return directory
    raise RescueError(
        f"the record of run {run.id} is not whole on any node",
        where=", ".join(run.on_nodes),
        remedy="resume it from the machine where it was started, or go on by hand with way-back.md",
        detail="\n".join(errors),
    )


def _with_ours(notes: bytes, path: Path) -> bytes:
    """The notes of the nodes, and after them those of this machine that are not among them."""
    lines = [line for line in notes.split(b"\n") if line]
    if path.is_file():
        lines += [line for line in path.read_bytes().split(b"\n") if line and line not in lines]
    return b"".join(line + b"\n" for line in lines)


async def _logs(session: NodeSession, source: str, directory: Path) -> dict[str, bytes]:
    """The nodes' logs that this machine does not have itself; none where they cannot be read."""
    logs = {}
    with suppress(NodeError):
        listed = await session.check(node_script(_LIST_LOGS, record=source), timeout=15)
        for name in map(posixpath.basename, listed.splitlines()[:_MOST_LOGS]):
            if _LOG_NAME.fullmatch(name) and not (directory / name).exists():
                logs[name] = await session.read_file(posixpath.join(source, name))
    return logs


async def entries_on_nodes(
    fleet: Fleet, works: Mapping[str, str], nodes: Iterable[str], run_id: str
) -> tuple[JournalEntry, ...]:
    """What a run of another program has written so far; empty where no node knows it."""
    best: tuple[JournalEntry, ...] = ()
    for node in nodes:
        path = posixpath.join(works[node], run_id, RECORD_NAME, JOURNAL_NAME)
        try:
            entries = parse_journal(await fleet.session(node).read_file(path), f"{node}:{path}")
        except RescueError:
            continue
        best = max(best, entries, key=_rank)
    return best


def _write(path: Path, content: bytes) -> None:
    path.touch(mode=0o600)
    path.write_bytes(content)
