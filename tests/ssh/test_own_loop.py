"""Heavy work has an event loop and a thread of its own, for as long as there is work."""

from __future__ import annotations

import asyncio
import threading
import time

import pytest

from recovery.ssh.own_loop import OwnLoop
from tests.ssh.waiting import until


def threads() -> list[str]:
    """The threads of such loops."""
    return [thread.name for thread in threading.enumerate() if thread.name == "transfers"]


async def test_results_and_errors_come_back_and_the_thread_ends_with_the_work() -> None:
    own = OwnLoop()
    here = threading.get_ident()

    async def where() -> int:
        assert threads()
        return threading.get_ident()

    async def fail() -> None:
        raise OSError("no such file")

    for _ in range(2):
        first, second, third = await asyncio.gather(
            own.run(where), own.run(where), own.run(fail), return_exceptions=True
        )
        assert first == second != here
        assert isinstance(third, OSError)
        assert not threads()


async def test_work_that_keeps_its_loop_busy_does_not_keep_this_one() -> None:
    own = OwnLoop()

    async def work() -> None:
        for _ in range(20):
            time.sleep(0.02)  # noqa: ASYNC251 - what a loop must not do
            await asyncio.sleep(0)

    working = asyncio.ensure_future(own.run(work))
    rounds = 0
    while not working.done():
        await asyncio.sleep(0)
        rounds += 1
    assert rounds > 100


async def test_work_that_is_cancelled_cleans_up_first() -> None:
    own = OwnLoop()
    events: list[str] = []

    async def work() -> None:
        events.append("begun")
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0.05)
            events.append("cleaned up")

    working = asyncio.ensure_future(own.run(work))
    await until(lambda: bool(events))
    working.cancel()
    with pytest.raises(asyncio.CancelledError):
        await working
    assert events == ["begun", "cleaned up"]
    assert not threads()
