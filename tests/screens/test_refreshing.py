"""Health is looked at again and again while somebody sees it, and not while it is held."""

from __future__ import annotations

import asyncio

from screens.health import HealthScreen
from screens.refreshing import Refreshing
from tests.screens.canned import Answers
from tests.screens.canned_checks import canned_health
from tests.screens.looking import settled, shows
from tests.screens.opening import case_of, opened


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


async def test_the_next_look_comes_when_it_is_due() -> None:
    refreshing = Refreshing(0.01, asyncio.get_running_loop().time)
    async with asyncio.timeout(5):
        await refreshing.wait()
    assert refreshing.words == ""


async def test_it_says_when_it_is_due_and_that_it_is_held() -> None:
    clock = Clock()
    refreshing = Refreshing(30, clock)
    waiting = asyncio.create_task(refreshing.wait())
    await asyncio.sleep(0)
    clock.now = 3
    assert refreshing.words == "again in 27\u00a0s"
    refreshing.hold(True)
    assert refreshing.words == "paused, p goes on"
    clock.now = 31
    await asyncio.sleep(0)
    assert not waiting.done()
    refreshing.hold(False)
    async with asyncio.timeout(5):
        await waiting


async def test_nothing_is_looked_at_that_nobody_sees() -> None:
    clock = Clock()
    refreshing = Refreshing(30, clock, away=True)
    waiting = asyncio.create_task(refreshing.wait())
    await asyncio.sleep(0)
    clock.now = 31
    await asyncio.sleep(0)
    assert not waiting.done()
    refreshing.be_away(False)
    async with asyncio.timeout(5):
        await waiting


async def test_health_outside_a_run_is_checked_until_it_is_well_again_and_can_be_held() -> None:
    reports = [canned_health(starting=True), canned_health(starting=True), canned_health()]
    async with opened(Answers(reports=reports)) as pilot:
        case_of(pilot).health_refresh = -1.0
        await pilot.press("h")
        await shows(pilot, "HEALTHY 3/3")
        await pilot.press("p")
        await shows(pilot, "paused, p goes on")
        screen = pilot.app.screen
        assert isinstance(screen, HealthScreen)
        before = screen.report
        await pilot.press("a")
        await settled(pilot, lambda: screen.report is not before or not screen.checking)
