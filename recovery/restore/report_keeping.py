"""Has the report written anew while a run goes on, beside the run and never in its way."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress

from recovery.errors import RescueError


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
        """Write it a last time, and wait for it."""
        self.soon()
        if self._task is not None:
            await self._task

    def at_once(self) -> None:
        """Write it now, on the way out: nobody is left to be told of trouble."""
        self.stop()
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
            except (RescueError, OSError) as error:
                # A report is not worth stopping a restore for, nor saying this at every step.
                if not self._said:
                    self._trouble(f"the report cannot be written: {error}")
                self._said = True
