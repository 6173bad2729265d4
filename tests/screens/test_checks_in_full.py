"""What a check says can be read whole, however long it is and however small the terminal."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from recovery.health.model import CheckStatus
from screens.dialogs.reading import ReadingDialog
from tests.screens.canned import Answers
from tests.screens.canned_checks import canned_health, canned_preflight
from tests.screens.looking import settled, shows, text_on_screen
from tests.screens.opening import at_home, opened, to_preflight

LONG = " ".join(f"word-{number}" for number in range(90))


@pytest.mark.parametrize("size", [(60, 16), (80, 24)], ids=["60x16", "80x24"])
async def test_a_long_remedy_of_health_is_one_key_away(size: tuple[int, int]) -> None:
    report = canned_health(starting=True)
    checks = [
        replace(check, remedy=LONG) if check.status is CheckStatus.FAILED else check
        for check in report.checks
    ]
    answers = Answers(reports=[replace(report, checks=tuple(checks))])
    async with opened(answers, size=size) as pilot:
        await pilot.press("h")
        await shows(pilot, "i: read it in full")
        await pilot.press("i")
        await settled(pilot, lambda: isinstance(pilot.app.screen, ReadingDialog))
        seen: set[str] = set()
        for _ in range(12):
            await pilot.pause()
            seen |= set(re.findall(r"word-\d+", text_on_screen(pilot.app)))
            await pilot.press("down")
        assert {f"word-{number}" for number in range(90)} <= seen


async def test_words_in_a_cell_of_health_are_cut_at_their_end() -> None:
    async with opened(Answers(reports=[canned_health(starting=True)]), size=(60, 16)) as pilot:
        await at_home(pilot)
        await pilot.press("h")
        await shows(pilot, "✖ startin…")


async def test_enter_before_the_preflight_is_good_says_what_is_wanted() -> None:
    async with opened(Answers(checks=canned_preflight(failed=True))) as pilot:
        await to_preflight(pilot)
        await pilot.press("enter")
        await settled(
            pilot,
            lambda: any("check blocks" in said.message for said in pilot.app._notifications),
        )
