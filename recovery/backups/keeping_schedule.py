"""Keeps a backup schedule in the foreground: wakes, decides, takes, and says what it does.

It never overlaps itself, because it does one thing at a time, nor anybody else, because taking a
backup takes the cluster's lock. It looks at the clock every half minute, so that a machine that
slept, or whose clock was set, is noticed soon; and it reads its settings anew each time.
"""

from __future__ import annotations

import asyncio
import enum
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

from recovery.backups.schedule import parse_schedule
from recovery.backups.scheduler import Ask, SchedulerState, beginning, decide, said
from recovery.errors import RescueError
from recovery.restore.lock import LockedError

logger = logging.getLogger(__name__)

LOOK_SECONDS = 30.0
"""Between two looks at the clock and the settings."""

_ODD_SECONDS = 60.0
"""By how much a look may come late, or the clock be off, before it is worth a word."""


class Level(enum.Enum):
    """How much a line of the journal matters; the numbers are syslog's."""

    ERROR = 3
    WARNING = 4
    INFO = 6


Say = Callable[[Level, str], None]
"""Hears one line for the journal."""


class Clock(Protocol):
    """The time, and waiting for it. A test has one of its own."""

    def now(self) -> datetime:
        """The time of day, which somebody may set; with a zone."""
        ...

    def elapsed(self) -> float:
        """Seconds since some moment; nobody sets them, and they go on while the machine sleeps."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        ...


class MachineClock:
    """This machine's."""

    def now(self) -> datetime:
        """UTC."""
        return datetime.now(UTC)

    def elapsed(self) -> float:
        """By the kernel's CLOCK_BOOTTIME."""
        return time.clock_gettime(time.CLOCK_BOOTTIME)

    async def sleep(self, seconds: float) -> None:
        """By the event loop, which stands still while the machine sleeps."""
        await asyncio.sleep(seconds)


@dataclass(frozen=True, slots=True)
class Settings:
    """What the configuration says now."""

    schedule: str
    paused: bool = False


class Work(Protocol):
    """What the keeper does when it is time."""

    async def settings(self) -> Settings:
        """The settings as they are now. Raises RescueError where they cannot be used."""
        ...

    async def newest(self) -> datetime | None:
        """When the newest backup was taken that is known; None without any."""
        ...

    async def take(self, say: Say) -> None:
        """Take a backup. Raises LockedError where somebody else is at work, RescueError."""
        ...


class ScheduleKeeper:
    """Runs until it is cancelled."""

    def __init__(
        self,
        work: Work,
        say: Say,
        clock: Clock | None = None,
        *,
        look: float = LOOK_SECONDS,
    ) -> None:
        """`look`: seconds between two looks at the clock and the settings."""
        self._work = work
        self._look = look
        self._clock = clock or MachineClock()
        self._tell = say
        self._told = ""

    async def run(self) -> None:
        """Keep the schedule. Only cancelling ends it; errors are lines of the journal."""
        state = beginning(await self._newest(), self._clock.now())
        while True:
            state, until = await self._once(state.with_clock_at(self._clock.now()))
            await self._wait(until)

    async def _once(self, state: SchedulerState) -> tuple[SchedulerState, datetime | None]:
        try:
            settings = await self._work.settings()
            schedule = parse_schedule(settings.schedule)
        except RescueError as error:
            self._say_once(Level.ERROR, f"the settings cannot be used: {error}")
            return state, None
        now = self._clock.now()
        decision = decide(state, schedule, settings.paused, now)
        taking = "taking a backup: " if decision.ask is Ask.TAKE else ""
        self._say_once(Level.INFO, f"{taking}{decision.why}")
        if decision.ask is Ask.PAUSED:
            return state.while_paused(now), None
        if decision.ask is Ask.WAIT:
            return state, decision.until
        return await self._take(state, now), None

    async def _take(self, state: SchedulerState, begun: datetime) -> SchedulerState:
        try:
            await self._work.take(self._say)
        except LockedError as error:
            self._say_once(Level.WARNING, f"not now: {error.what}")
            return state.after_refusal(self._clock.now())
        except RescueError as error:
            self._say(Level.ERROR, f"no backup was taken: {error}")
        except Exception as error:
            # A fault of this program's must not end the schedule; the journal has the traceback.
            logger.exception("taking a backup failed")
            self._say(Level.ERROR, f"no backup was taken: {type(error).__name__}: {error}")
        else:
            return state.after_success(begun)
        return state.after_failure(self._clock.now())

    async def _newest(self) -> datetime | None:
        try:
            newest = await self._work.newest()
        except RescueError as error:
            self._say(Level.WARNING, f"nobody knows when the last backup was taken: {error}")
            return None
        if newest is not None:
            self._say(Level.INFO, f"the newest backup was taken at {said(newest)}")
        return newest

    async def _wait(self, until: datetime | None) -> None:
        wall, elapsed = self._clock.now(), self._clock.elapsed()
        seconds = self._look
        if until is not None:
            seconds = min(seconds, max(0.1, (until - wall).total_seconds()))
        await self._clock.sleep(seconds)
        passed = self._clock.elapsed() - elapsed
        moved = (self._clock.now() - wall).total_seconds() - passed
        if passed - seconds > _ODD_SECONDS:
            self._say(Level.INFO, f"this machine slept for {passed:.0f} s")
        if abs(moved) > _ODD_SECONDS:
            way = "forward" if moved > 0 else "back"
            self._say(Level.WARNING, f"the clock was set {way} by {abs(moved):.0f} s")

    def _say(self, level: Level, line: str) -> None:
        self._told = ""
        self._tell(level, line)

    def _say_once(self, level: Level, line: str) -> None:
        """Not again as long as it stays the same."""
        if line != self._told:
            self._tell(level, line)
            self._told = line
