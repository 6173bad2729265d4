"""Output that comes faster than it can be taken in leaves room for everything else."""

from __future__ import annotations

import asyncio
import itertools
import time

from recovery.ssh.output import OutputStream, StreamReceiver
from recovery.ssh.turns import turns

LINES = b"".join(b"%d copied\n" % number for number in range(5000))
WORDS = LINES.decode().splitlines()


async def test_no_line_is_lost_and_none_is_out_of_order() -> None:
    heard: list[str] = []
    receiver = StreamReceiver(OutputStream.OUT, lambda _, lines: heard.extend(lines))
    await receiver.take(LINES)
    await receiver.take(b"the last one, without a newline")
    receiver.finish()
    assert heard == [*WORDS, "the last one, without a newline"]


async def test_other_work_comes_in_between_the_pieces_of_a_flood() -> None:
    moments: list[int] = []
    taken: list[bytes] = []

    def slow(piece: bytes) -> None:
        taken.append(piece)
        time.sleep(0.001)

    async def other() -> None:
        while True:
            moments.append(len(taken))
            await asyncio.sleep(0)

    working = asyncio.create_task(other())
    await turns().take(LINES, slow)
    working.cancel()
    assert b"".join(taken) == LINES
    in_one_go = max(after - before for before, after in itertools.pairwise(moments))
    assert in_one_go <= 5
    assert in_one_go < len(taken)


async def test_nodes_take_turns() -> None:
    order: list[str] = []

    async def node(name: str) -> None:
        def feed(_: bytes) -> None:
            order.append(name)
            time.sleep(0.005)

        await turns().take(LINES[: 2048 * 4], feed)

    await asyncio.gather(node("a"), node("b"), node("c"))
    assert order == ["a", "b", "c"] * 4


async def test_a_flood_stands_back_for_a_key_but_is_not_held_up_by_many() -> None:
    taken: list[float] = []

    async def keys() -> None:
        while True:
            turns().stand_back()
            await asyncio.sleep(0.001)

    pressing = asyncio.create_task(keys())
    await asyncio.sleep(0)
    begun = time.monotonic()
    async with asyncio.timeout(10):
        for _ in range(5):
            await turns().take(b"a line\n", lambda _: taken.append(time.monotonic() - begun))
    pressing.cancel()
    assert len(taken) == 5
    assert taken[0] >= 0.05


async def test_once_the_key_is_answered_the_flood_goes_on() -> None:
    turns().stand_back()
    assert turns().stands_back
    turns().go_on()
    assert not turns().stands_back
    taken: list[bytes] = []
    await turns().take(b"a line\n", taken.append)
    assert taken == [b"a line\n"]
    turns().stand_back()
    assert turns().stands_back


async def test_a_flood_that_is_given_up_keeps_nobody_else_waiting() -> None:
    def slow(_: bytes) -> None:
        time.sleep(0.005)

    flood = asyncio.create_task(turns().take(LINES, slow))
    await asyncio.sleep(0.02)
    flood.cancel()
    await asyncio.gather(flood, return_exceptions=True)
    taken: list[bytes] = []
    async with asyncio.timeout(10):
        await turns().take(b"a line\n", taken.append)
    assert taken == [b"a line\n"]


async def test_what_has_come_is_taken_in_though_whoever_waits_is_given_up() -> None:
    taken: list[bytes] = []
    begun = asyncio.Event()

    def slow(piece: bytes) -> None:
        taken.append(piece)
        begun.set()
        time.sleep(0.005)

    flood = asyncio.create_task(turns().take(LINES, slow))
    await begun.wait()
    flood.cancel()
    await asyncio.gather(flood, return_exceptions=True)
    assert flood.cancelled()
    assert b"".join(taken) == LINES
