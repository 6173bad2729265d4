"""Blocking work in a thread that nobody waits for longer than they want to.

A thread of asyncio's own executor would hold up the end of the program until the server that it
waits for answers; a service manager does not wait that long.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

Answer = TypeVar("Answer")


async def in_thread_of_its_own(
    work: Callable[[threading.Event], Answer],
    *,
    patience: float,
    end: Callable[[], None],
    end_patience: float,
) -> Answer:
    """The work's answer. When it is cancelled, the event that `work` was given is set.

    Then it has `patience` seconds to come to an end, and after that `end` runs, in a thread of its
    own, for `end_patience` seconds. What still goes on then ends with the program.
    """
    stop = threading.Event()
    working = _started(lambda: work(stop))
    try:
        return await asyncio.shield(working)
    except asyncio.CancelledError:
        stop.set()
        if not await _over(working, patience):
            await _over(_started(end), end_patience)
        raise


def _started(work: Callable[[], Answer]) -> asyncio.Future[Answer]:
    loop = asyncio.get_running_loop()
    told: asyncio.Future[Answer] = loop.create_future()
    # Nobody may be left to hear what a work that was given up has to say.
    told.add_done_callback(lambda future: future.cancelled() or future.exception())

    def tell(answer: Answer | None, error: BaseException | None) -> None:
        if told.done():
            return
        if error is not None:
            told.set_exception(error)
        else:
            told.set_result(answer)  # type: ignore[arg-type]

    def run() -> None:
        answer, trouble = None, None
        try:
            answer = work()
        except BaseException as error:  # noqa: BLE001 - it is raised where the answer is awaited
            trouble = error
        with suppress(RuntimeError):  # the loop has ended meanwhile
            loop.call_soon_threadsafe(tell, answer, trouble)

    threading.Thread(target=run, daemon=True).start()
    return told


async def _over(working: asyncio.Future[Answer], seconds: float) -> bool:
    """Whether it came to an end, well or not, in so many seconds."""
    done, _ = await asyncio.wait([working], timeout=seconds)
    return bool(done)
