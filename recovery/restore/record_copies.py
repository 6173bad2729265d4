"""The second copy of a run's record, on the nodes: a run can be taken up from another machine."""

from __future__ import annotations

import asyncio
import posixpath
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from recovery.errors import NodeError
from recovery.restore.plan import NodePlace
from recovery.restore.record_facts import BEFORE_NAME, HEALTH_NAME, LEFTOVERS_NAME
from recovery.ssh.fleet import Fleet
from recovery.ssh.session import NodeSession

COPIED = ("plan.json", "expected.json", "way-back.md", "journal.jsonl")
"""What is copied, in this order: a journal without its plan would be of no use."""

ALSO_COPIED = (BEFORE_NAME, HEALTH_NAME, LEFTOVERS_NAME)
"""For the report; a run can be taken up again without them."""

RECORD_NAME = "record"
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
        event = self._changed[place.node]
        while True:
            event.clear()
            try:
                await self._copy(place)
            except (NodeError, OSError):
                # A node that is gone has no copy; the others and this machine have theirs.
                await asyncio.sleep(_RETRY_SECONDS)
                continue
            await asyncio.sleep(_PAUSE_SECONDS)
            await event.wait()

    async def _last(self, place: NodePlace) -> None:
        with suppress(NodeError, OSError):
            await self._copy(place)

    async def _copy(self, place: NodePlace) -> None:
        session = self._fleet.session(place.node)
        for name in (*ALSO_COPIED, *COPIED):
            await self._copy_file(session, place, name)

    async def _copy_file(self, session: NodeSession, place: NodePlace, name: str) -> None:
        path = self._directory / name
        if not path.is_file():
            return
        content = await asyncio.to_thread(path.read_bytes)
        known = self._copied[place.node]
        if known.get(name) == content:
            return
        target = posixpath.join(place.run_dir, RECORD_NAME, name)
        if not known:
            await session.check(_make_directory(target), timeout=30)
        await session.write_file(target, content)
        known[name] = content


def _make_directory(target: str) -> str:
    from recovery.restore.script import node_script

    return node_script('umask 077\nmkdir -p "$RECORD"', record=posixpath.dirname(target))
