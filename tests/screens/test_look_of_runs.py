"""What runs, and the questions about them, look like at the two sizes that are promised."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from textual.pilot import Pilot

from tests.screens.canned import Answers
from tests.screens.canned_past import HOLDER, past_run
from tests.screens.canned_plan import canned_plan
from tests.screens.canned_run import Script
from tests.screens.looking import settled, shows, text_on_screen
from tests.screens.opening import at_home, canned_app, past_danger, to_plan

Compare = Callable[..., bool]
SIZES = [pytest.param((80, 24), id="80x24"), pytest.param((160, 48), id="160x48")]

pytestmark = pytest.mark.parametrize("size", SIZES)


def answers(last: str = "set-aside", ended: str | None = None) -> Answers:
    run = past_run(canned_plan("snapshot.tar", "prod-a"), last, ended=ended)
    return Answers(past_runs=(run,))


def test_an_interrupted_run_is_offered(snap_compare: Compare, size: tuple[int, int]) -> None:
    async def walk(pilot: Pilot[Any]) -> None:
        await at_home(pilot)
        await shows(pilot, "is not finished")

    assert snap_compare(canned_app(answers()), terminal_size=size, run_before=walk)


def test_the_runs_of_a_cluster(snap_compare: Compare, size: tuple[int, int]) -> None:
    async def walk(pilot: Pilot[Any]) -> None:
        await at_home(pilot)
        await shows(pilot, "is not finished")
        await pilot.press("l")
        await shows(pilot, "holds now")

    assert snap_compare(canned_app(answers()), terminal_size=size, run_before=walk)


def test_the_question_before_the_way_back(snap_compare: Compare, size: tuple[int, int]) -> None:
    async def walk(pilot: Pilot[Any]) -> None:
        await at_home(pilot)
        await shows(pilot, "is not finished")
        await pilot.press("R")
        await shows(pilot, "Type the cluster's name")
        pilot.app.screen.query_one("Input").cursor_blink = False  # type: ignore[attr-defined]

    assert snap_compare(canned_app(answers()), terminal_size=size, run_before=walk)


def test_a_lock_that_somebody_holds(snap_compare: Compare, size: tuple[int, int]) -> None:
    async def walk(pilot: Pilot[Any]) -> None:
        await to_plan(pilot)
        await pilot.press("enter")
        await shows(pilot, "Somebody else works")
        await settled(pilot, lambda: "Nothing was written." in text_on_screen(pilot.app))
        await pilot.pause()

    app = canned_app(Answers(script=Script(locked_by=HOLDER)))
    assert snap_compare(app, terminal_size=size, run_before=walk)


def test_a_failure_that_the_others_can_do_without(
    snap_compare: Compare, size: tuple[int, int]
) -> None:
    async def walk(pilot: Pilot[Any]) -> None:
        await past_danger(pilot)
        await shows(pilot, "w: without")

    app = canned_app(Answers(script=Script(fail_at="set-data-aside", can_go_on_without=True)))
    assert snap_compare(app, terminal_size=size, run_before=walk)
