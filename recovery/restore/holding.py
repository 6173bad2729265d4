"""What a run holds on the nodes while it works: the cluster's lock, and copies of its record."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Protocol

from recovery.restore.cluster_lock import ClusterLock
from recovery.restore.record_copies import RecordCopies

_GIVE_BACK_SECONDS = 10.0


class Holding(Protocol):
    """What a run holds while it works."""

    async def take(self, lost: Callable[[str], None]) -> tuple[str, ...]:
        """Take the lock; notes for a person. `lost` hears who has taken over. LockedError."""
        ...

    def may_write(self) -> None:
        """From now on the nodes may be written to."""
        ...

    def written(self) -> None:
        """The record has changed."""
        ...

    def doing(self, words: str) -> None:
        """What is under way."""
        ...

    async def give_back(self) -> None:
        """Copy the record a last time and free the lock, in bounded time."""
        ...


class Unheld:
    """Holds nothing: for runs that no other program can meet."""

    async def take(self, lost: Callable[[str], None]) -> tuple[str, ...]:
        """Nothing to take."""
        return ()

    def may_write(self) -> None:
        """Nothing is written."""

    def written(self) -> None:
        """Nothing is copied."""

    def doing(self, words: str) -> None:
        """Nobody is told."""

    async def give_back(self) -> None:
        """Nothing to give back."""


class NodeHolding:
    """Holds the lock on the nodes, and keeps copies of the record there."""

    def __init__(
        self,
        lock: ClusterLock,
        copies: RecordCopies,
        *,
        may_replace: Iterable[str] = (),
        without: Iterable[str] = (),
        writes_at_once: bool = False,
    ) -> None:
        self._lock = lock
        self._copies = copies
        self._may_replace = tuple(may_replace)
        self._without = tuple(without)
        self._writes_at_once = writes_at_once

    async def take(self, lost: Callable[[str], None]) -> tuple[str, ...]:
        """Take the lock, and keep it alive."""
        notes = await self._lock.take(self._may_replace, self._without)

        def taken_over(by: str) -> None:
            # The copies on the nodes are the other one's now.
            self._copies.give_up()
            lost(by)

        self._lock.keep(taken_over)
        if self._writes_at_once:
            self._copies.start()
        return notes

    def may_write(self) -> None:
        """The first consent was given."""
        self._copies.start()

    def written(self) -> None:
        """Copy it soon."""
        self._copies.changed()

    def doing(self, words: str) -> None:
        """Say so to whoever looks at the lock."""
        self._lock.doing(words)

    async def give_back(self) -> None:
        """In bounded time, whatever the nodes do."""
        with suppress(TimeoutError):
            async with asyncio.timeout(_GIVE_BACK_SECONDS):
                await self._copies.stop()
        with suppress(TimeoutError):
            async with asyncio.timeout(_GIVE_BACK_SECONDS):
                await self._lock.give_back()
