"""When something that is looked at again and again is looked at next, and whether that is held."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

from screens.wording import span


@dataclass
class Refreshing:
    """Waits between two looks. `seconds` is the clock; `pause` the time between two looks."""

    pause: float
    seconds: Callable[[], float]
    held: bool = False
    away: bool = False
    """Whether nobody sees what would be looked at."""
    due: float | None = None
    """When the next look comes, while it is waited for."""
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    async def wait(self) -> None:
        """Until the next look is due; for as long as it is held."""
        self.due = self.seconds() + self.pause
        try:
            while self.held or self.away or self.due > self.seconds():
                still = self.held or self.away
                self._changed.clear()
                with suppress(TimeoutError):
                    async with asyncio.timeout(None if still else self.due - self.seconds()):
                        await self._changed.wait()
        finally:
            self.due = None

    def hold(self, held: bool) -> None:
        """Hold, or go on."""
        self.held = held
        self._changed.set()

    def be_away(self, away: bool) -> None:
        """Stop meanwhile, or go on."""
        self.away = away
        self._changed.set()

    @property
    def words(self) -> str:
        """`again in 27 s`; empty while something is looked at."""
        if self.held:
            return "paused, p goes on"
        return "" if self.due is None else f"again in {span(self.due - self.seconds())}"
