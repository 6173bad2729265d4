"""Turns for output that comes faster than it can be taken in: keys and timers have theirs, too.

Whoever prints faster than that is held up by SSH, whose window is full until the output is read.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from time import monotonic
from weakref import WeakKeyDictionary

_PIECE = 2048
"""Bytes taken in between two looks at the clock: about a thousand lines at most."""
_TURN = 0.004
"""Seconds of taking in, of all nodes together, after which the loop is left to others."""
_LONGEST_REST = 0.02
_LOOK_AGAIN = 0.01
_STANDING_BACK = 0.15
"""Seconds, at most, for which a key has the loop to itself until its answer is drawn."""


class Turns:
    """Of one event loop: half of its time, at most, goes into taking output in."""

    def __init__(self) -> None:
        self._turn = asyncio.Lock()
        self._worked = 0.0
        self._stand_back_until = 0.0

    def stand_back(self) -> None:
        """Something more urgent came. One turn at least is taken before the next such."""
        if not self._stand_back_until:
            self._stand_back_until = monotonic() + _STANDING_BACK

    def go_on(self) -> None:
        """It is done."""
        self._stand_back_until = min(self._stand_back_until, monotonic())

    @property
    def stands_back(self) -> bool:
        """Whether something more urgent is being done."""
        return monotonic() < self._stand_back_until

    async def take(self, content: bytes, feed: Callable[[bytes], None]) -> None:
        """Feed the content, in pieces and in order. Those who wait come one after the other.

        Whoever is cancelled meanwhile feeds the rest at once: it is here, and often says why.
        """
        start = 0
        try:
            while start < len(content):
                async with self._turn:
                    await self._until_it_may()
                    begun = monotonic()
                    while start < len(content) and self._worked < _TURN:
                        feed(content[start : start + _PIECE])
                        start += _PIECE
                        now = monotonic()
                        self._worked += now - begun
                        begun = now
                    await self._rest()
        except asyncio.CancelledError:
            if start < len(content):
                feed(content[start:])
            raise

    async def _until_it_may(self) -> None:
        while self.stands_back:  # noqa: ASYNC110 - time alone ends it as well
            await asyncio.sleep(_LOOK_AGAIN)
        self._stand_back_until = 0.0

    async def _rest(self) -> None:
        if self._worked >= _TURN:
            rest, self._worked = min(self._worked, _LONGEST_REST), 0.0
            await asyncio.sleep(rest)


_OF_LOOPS: WeakKeyDictionary[asyncio.AbstractEventLoop, Turns] = WeakKeyDictionary()


def turns() -> Turns:
    """Those of the running loop."""
    return _OF_LOOPS.setdefault(asyncio.get_running_loop(), Turns())
