"""One of several: chosen by arrows and Enter, found by a part of its name, left by esc."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.screen import Screen

from screens.dialogs.choosing import Candidate, ChoosingDialog
from tests.screens.canned_comparison import ComparedIncident, OneScreenApp, canned_case
from tests.screens.looking import settled, shows, text_on_screen

SIZES = [pytest.param((80, 24), id="80x24"), pytest.param((160, 48), id="160x48")]

FEW = (
    Candidate("own", "etcd-3's own data", "newest · 1 204 revisions beyond the newest backup"),
    Candidate("second", "2026-11-21 00:00", "211 MiB · ● verified · 24 h older"),
    Candidate("third", "2026-11-20 00:00", "209 MiB · ○ not verified · 48 h older"),
)
MANY = tuple(Candidate(f"key-{n}", f"2026-10-{n % 30 + 1:02} 00:00", str(n)) for n in range(300))


class Asking:
    """The dialog, and its answer."""

    def __init__(self, pilot: Pilot[Any]) -> None:
        self.pilot = pilot
        self.answers: list[str | None] = []

    async def ask(self, candidates: tuple[Candidate, ...]) -> None:
        dialog = ChoosingDialog("Compare with …", candidates)
        await self.pilot.app.push_screen(dialog, self.answers.append)
        await shows(self.pilot, "Compare with")

    async def answered(self, answer: str | None) -> None:
        await settled(self.pilot, lambda: self.answers == [answer])


@asynccontextmanager
async def asking(candidates: tuple[Candidate, ...]) -> AsyncIterator[Asking]:
    app = OneScreenApp(canned_case(ComparedIncident()), Screen())
    async with app.run_test(size=(80, 24)) as pilot:
        asked = Asking(pilot)
        await asked.ask(candidates)
        yield asked


async def test_the_first_one_is_chosen_already() -> None:
    async with asking(FEW) as asked:
        await asked.pilot.press("enter")
        await asked.answered("own")


async def test_arrows_go_to_another() -> None:
    async with asking(FEW) as asked:
        await asked.pilot.press("down", "down", "up", "enter")
        await asked.answered("second")


async def test_escape_chooses_none() -> None:
    async with asking(FEW) as asked:
        await asked.pilot.press("down", "escape")
        await asked.answered(None)


async def test_one_of_hundreds_is_found_by_a_part_of_its_name() -> None:
    async with asking(MANY) as asked:
        await shows(asked.pilot, "/ find")
        await asked.pilot.press("slash", *"10", "minus", *"17", "down")
        await shows(asked.pilot, "2026-10-17 00:00")
        await settled(asked.pilot, lambda: "2026-10-16" not in text_on_screen(asked.pilot.app))
        await asked.pilot.press("enter")
        await asked.answered("key-46")


async def test_where_nothing_fits_enter_chooses_nothing_and_escape_shows_all_again() -> None:
    async with asking(MANY) as asked:
        await asked.pilot.press("slash", *"zzz")
        await shows(asked.pilot, "Nothing contains “zzz”.")
        await asked.pilot.press("enter", "escape")
        await shows(asked.pilot, "2026-10-01 00:00")
        assert not asked.answers


async def test_outside_text_is_never_markup() -> None:
    async with asking((Candidate("a", "[/foo] [red]", "[bold]"),)) as asked:
        await shows(asked.pilot, "[/foo] [red]")
        await shows(asked.pilot, "[bold]")


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("candidates", [FEW, MANY], ids=["few", "many"])
def test_a_choice(
    snap_compare: Callable[..., bool],
    size: tuple[int, int],
    candidates: tuple[Candidate, ...],
) -> None:
    async def walk(pilot: Pilot[Any]) -> None:
        await Asking(pilot).ask(candidates)

    app = OneScreenApp(canned_case(ComparedIncident()), Screen())
    assert snap_compare(app, terminal_size=size, run_before=walk)
