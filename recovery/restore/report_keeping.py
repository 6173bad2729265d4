"""Has the report written anew while a run goes on, beside the run and never in its way."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress

from recovery.errors import RescueError

_AT_ONCE_SECONDS = 2.0
"""For a run that is broken off, within the loop that draws the screen and must answer."""
_LAST_SECONDS = 60.0
"""For the report at the end of a run, whose logs may be long."""


class ReportKeeper:
    """`write` writes the report as far as the record goes; `trouble` hears why it cannot be."""

    def __init__(self, write: Callable[[], None], trouble: Callable[[str], None]) -> None:
        self._write = write
        self._trouble = trouble
        self._wanted = False
        self._said = False
        self._task: asyncio.Task[None] | None = None

    def soon(self) -> None:
        """Something has changed. Nobody waits: the API may be down meanwhile."""
        self._wanted = True
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._keep())

    async def finish(self) -> None:
        """Write it a last time, and wait for it in bounded time."""
        self.soon()
        if self._task is None:
            return
        try:
            async with asyncio.timeout(_LAST_SECONDS):
                await self._task
        except TimeoutError:
            self._trouble(f"the report was not written within {_LAST_SECONDS:.0f} s")

    def at_once(self) -> None:
        """Write it now, on the way out: nobody is left to be told of trouble.

        In a thread, waited for a few seconds at most: the screen is frozen meanwhile, and the
        journal has it all.
        """
        self.stop()
        writing = threading.Thread(target=self._write_quietly, name="last report", daemon=True)
        writing.start()
        writing.join(_AT_ONCE_SECONDS)

    def _write_quietly(self) -> None:
        with suppress(RescueError, OSError):
            self._write()

    def stop(self) -> None:
        """Begin no other one."""
        self._wanted = False
        if self._task is not None:
            self._task.cancel()

    async def _keep(self) -> None:
        while self._wanted:
            self._wanted = False
            try:
                await asyncio.to_thread(self._write)
            except Exception as error:  # noqa: BLE001 — whatever it is, the run goes on
                # A report is not worth stopping a restore for, nor saying this at every step.
                if not self._said:
                    why = str(error) if isinstance(error, (RescueError, OSError)) else repr(error)
                    self._trouble(f"the report cannot be written: {why}")
                self._said = True
