"""Whatever is hammered, wherever: no fault, nothing grave by accident, and esc leads home."""

from __future__ import annotations

import os

import pytest

from screens.clusters import ClustersScreen
from screens.dialogs.help import HelpDialog
from screens.dialogs.question import QuestionDialog
from screens.dialogs.reading import ReadingDialog
from screens.plan import PlanScreen
from screens.restore import RestoreScreen
from screens.snapshots import SnapshotsScreen
from tests.screens.canned import Answers
from tests.screens.canned_run import Script
from tests.screens.hammered_places import PLACES
from tests.screens.hammering import hammered
from tests.screens.looking import settled, shows
from tests.screens.opening import canned_app, opened, past_danger, to_first_question

ACTS = int(os.environ.get("ETCD_RESCUE_HAMMER_ACTS", "15"))
SEEDS = int(os.environ.get("ETCD_RESCUE_HAMMER_SEEDS", "1"))


@pytest.mark.parametrize("seed", range(SEEDS))
@pytest.mark.parametrize("place", PLACES)
async def test_random_keys_clicks_pastes_and_sizes_break_nothing(place: str, seed: int) -> None:
    hammer = await hammered(place, seed, ACTS)
    assert not hammer.problems, f"{hammer.problems}\nafter {hammer.done}"


async def test_enter_twice_on_a_question_leaves_the_question_alone() -> None:
    async with opened() as pilot:
        await to_first_question(pilot)
        await pilot.press("enter", "enter", "enter")
        await shows(pilot, "Nothing was written")
        assert isinstance(pilot.app.screen, RestoreScreen)
        assert any(isinstance(screen, PlanScreen) for screen in pilot.app.screen_stack)


async def test_leaving_twice_at_once_leaves_one_screen() -> None:
    async with opened() as pilot:
        pilot.app.push_screen(dialog := QuestionDialog("Sure?", "Really?", yes="yes"))
        await pilot.pause()
        dialog.dismiss(True)
        dialog.dismiss(True)
        await pilot.pause()
        assert isinstance(pilot.app.screen, SnapshotsScreen)


async def test_what_ends_by_itself_takes_what_lies_above_it_along_and_nothing_else() -> None:
    async with opened() as pilot:
        answers: list[bool | None] = []
        pilot.app.push_screen(
            dialog := QuestionDialog("Sure?", "Really?", yes="yes"), answers.append
        )
        pilot.app.push_screen(ReadingDialog("Words", "words"))
        await pilot.pause()
        dialog.dismiss(False)
        await settled(pilot, lambda: answers == [False])
        assert isinstance(pilot.app.screen, SnapshotsScreen)


async def test_a_run_is_not_left_by_keys_that_came_too_often() -> None:
    script = Script(hold_at="stop-etcd")
    async with opened(Answers(script=script)) as pilot:
        await past_danger(pilot)
        await shows(pilot, "waiting for port 2380")
        for _ in range(3):
            await pilot.press("x", "escape", "escape", "enter", "enter", "question_mark", "escape")
        await pilot.pause()
        assert isinstance(pilot.app.screen, RestoreScreen)
        assert pilot.app.screen.view.under_way


async def test_help_that_is_read_while_the_program_opens_does_not_stay_beneath() -> None:
    app = canned_app(names=("prod-a", "prod-b"))
    async with app.run_test() as pilot:
        await shows(pilot, "prod-b")
        await pilot.press("question_mark")
        assert isinstance(app.screen, HelpDialog)
        await pilot.press("escape", "escape")
        await pilot.pause()
        assert isinstance(app.screen, ClustersScreen)
