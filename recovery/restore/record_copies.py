"""The second copy of a run's record, on the nodes: a run can be taken up from another machine."""

from __future__ import annotations

import asyncio
import posixpath
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from time import monotonic

from recovery.errors import NodeError
from recovery.restore.journal import NOTES_NAME
from recovery.restore.plan import NodePlace
from recovery.restore.process_identity import operator_name
from recovery.restore.record_facts import BEFORE_NAME, HEALTH_NAME, LEFTOVERS_NAME
from recovery.ssh.fleet import Fleet
from recovery.ssh.session import NodeSession

COPIED = ("plan.json", "expected.json", "way-back.md", "journal.jsonl")
"""What is copied, in this order: a journal without its plan would be of no use."""

ALSO_COPIED = ("runbook.md", BEFORE_NAME, HEALTH_NAME, LEFTOVERS_NAME, NOTES_NAME)
"""For people, and for the report; a run can be taken up again without them."""

RECORD_NAME = "record"
MOST_OF_A_LOG = 128 << 10
"""Bytes of what one node has said that are copied; the rest stays on the machine of the run."""
MOST_OF_ALL_LOGS = 2 << 20
_LOGS_SECONDS = 20.0
"""Between two copies of the logs, which grow with every line."""
_RETRY_SECONDS = 5.0
_PAUSE_SECONDS = 1.0
"""Between two copies: a step writes dozens of lines, and a node has better things to do. A copy
that lacks the last ones is good enough, since whoever takes a run up asks the nodes anyway."""
_LAST_COPY_SECONDS = 15.0


class RecordCopies:
    """Keeps the copies up to date, beside the run and never in its way."""

    def __init__(self, fleet: Fleet, places: Iterable[NodePlace], directory: Path) -> None:
        self._fleet = fleet
        self._places = tuple(places)
        self._directory = directory
        self._changed = {place.node: asyncio.Event() for place in self._places}
        self._copied: dict[str, dict[str, bytes]] = {place.node: {} for place in self._places}
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Begin to copy."""
        if not self._tasks:
            self._tasks = [asyncio.create_task(self._follow(place)) for place in self._places]

    def changed(self) -> None:
        """Something was written; it is copied soon."""
        for event in self._changed.values():
            event.set()

    def give_up(self) -> None:
        """Copy nothing any more."""
        for task in self._tasks:
            task.cancel()
        self._tasks = []

    async def stop(self) -> None:
        """Copy a last time, as far as the nodes answer, and end."""
        if not self._tasks:
            return
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = []
        with suppress(TimeoutError):
            async with asyncio.timeout(_LAST_COPY_SECONDS):
                await asyncio.gather(*(self._last(place) for place in self._places))

    async def _follow(self, place: NodePlace) -> None:
        event, logs_due = self._changed[place.node], monotonic() + _LOGS_SECONDS
        while True:
            event.clear()
            try:
                await self._copy(place)
                if monotonic() > logs_due:
                    await self._copy_logs(place)
                    logs_due = monotonic() + _LOGS_SECONDS
            except (NodeError, OSError):
                # A node that is gone has no copy; the others and this machine have theirs.
                await asyncio.sleep(_RETRY_SECONDS)
                continue
            await asyncio.sleep(_PAUSE_SECONDS)
            await event.wait()

    async def _last(self, place: NodePlace) -> None:
        with suppress(NodeError, OSError):
            await self._copy(place)
            await self._copy_logs(place)

    async def _copy(self, place: NodePlace) -> None:
        session = self._fleet.session(place.node)
        for name in (*ALSO_COPIED, *COPIED):
            await self._copy_file(session, place, name)

    async def _copy_logs(self, place: NodePlace) -> None:
        """What the nodes have said, so that another machine can show it: the end of each log."""
        session, room = self._fleet.session(place.node), MOST_OF_ALL_LOGS
        for path in sorted(self._directory.glob("*.log")):
            content = await asyncio.to_thread(_end_of, path)
            room -= len(content)
            if room < 0:
                return
            await self._put(session, place, path.name, content)

    async def _copy_file(self, session: NodeSession, place: NodePlace, name: str) -> None:
        path = self._directory / name
        if path.is_file():
            await self._put(session, place, name, await asyncio.to_thread(path.read_bytes))

    async def _put(self, session: NodeSession, place: NodePlace, name: str, content: bytes) -> None:
        known = self._copied[place.node]
        if known.get(name) == content:
            return
        target = posixpath.join(place.run_dir, RECORD_NAME, name)
        if not known:
            await session.check(_make_directory(target), timeout=30)
        await session.write_file(target, content)
        known[name] = content


def _end_of(path: Path) -> bytes:
    """A log, or as much of its end as is copied, from the beginning of a line."""
    with path.open("rb") as log:
        log.seek(max(0, path.stat().st_size - MOST_OF_A_LOG))
        cut = log.tell() > 0
        content = log.read(MOST_OF_A_LOG)
    if not cut:
        return content
    told = f"The beginning is only in {path} on {operator_name().rpartition('@')[2]}.\n"
    return told.encode() + content[content.find(b"\n") + 1 :]


def _make_directory(target: str) -> str:
    from recovery.restore.script import node_script

    return node_script('umask 077\nmkdir -p "$RECORD"', record=posixpath.dirname(target))
