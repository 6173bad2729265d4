"""A second event loop in a thread, so that heavy work does not keep a screen from its keys."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from typing import Any, TypeVar

T = TypeVar("T")

_END_SECONDS = 15.0
"""How long work that was cancelled may take to clean up; more than ending a script takes."""


class OwnLoop:
    """The loop runs while somebody's work does, and its thread ends with the last of it."""

    def __init__(self) -> None:
        self._users = 0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None
        self._thread: threading.Thread | None = None

    async def run(self, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Do the work over there and wait for its result here.

        Cancelling this cancels the work, and waits until it has cleaned up.
        """
        loop = self._begin()
        try:
            result: Future[T] = Future()
            task: Future[asyncio.Task[None]] = Future()

            async def report() -> None:
                try:
                    result.set_result(await work())
                except BaseException as error:
                    result.set_exception(_carried(error))
                    if not isinstance(error, Exception):
                        raise

            loop.call_soon_threadsafe(lambda: task.set_result(loop.create_task(report())))
            waiting = asyncio.wrap_future(result)
            try:
                return await asyncio.shield(waiting)
            except asyncio.CancelledError:
                loop.call_soon_threadsafe(lambda: task.result().cancel())
                await asyncio.wait([waiting], timeout=_END_SECONDS)
                if waiting.done() and not waiting.cancelled():
                    waiting.exception()
                raise
        finally:
            await self._end()

    def _begin(self) -> asyncio.AbstractEventLoop:
        self._users += 1
        if self._loop is None:
            started: Future[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = Future()
            self._thread = threading.Thread(
                target=lambda: asyncio.run(_serve(started)), name="transfers", daemon=True
            )
            self._thread.start()
            self._loop, self._stop = started.result()
        return self._loop

    async def _end(self) -> None:
        self._users -= 1
        if self._users or self._loop is None or self._stop is None or self._thread is None:
            return
        thread = self._thread
        self._loop.call_soon_threadsafe(self._stop.set)
        self._loop = self._stop = self._thread = None
        await asyncio.shield(asyncio.to_thread(thread.join, _END_SECONDS))


async def _serve(started: Future[tuple[asyncio.AbstractEventLoop, asyncio.Event]]) -> None:
    stop = asyncio.Event()
    started.set_result((asyncio.get_running_loop(), stop))
    await stop.wait()


def _carried(error: BaseException) -> BaseException:
    """A cancellation is told as an exception of its own: a future would take it for its own."""
    return RuntimeError("cancelled") if isinstance(error, asyncio.CancelledError) else error
