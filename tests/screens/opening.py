"""Opening the app on canned incidents, and walking to the screen that a test is about."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from textual.pilot import Pilot
from textual.widgets import Input

from recovery.backups.best_first import best_first
from recovery.backups.same_backup import by_backup
from screens.case import Case
from tests.screens.canned import Answers, CannedIncident
from tests.screens.canned_cluster import canned_clock
from tests.screens.looking import settled, shows
from tui.app import RescueApp

Walk = Callable[[Pilot[Any]], Awaitable[None]]


def canned_app(
    answers: Answers | None = None,
    *,
    exports: Path | None = None,
    names: tuple[str, ...] = ("prod-a",),
    ascii_only: bool = False,
    pace: float = 0.0,
) -> RescueApp:
    """The app with a clock that stands still; `pace` as `CannedIncident` has it."""
    cases = [
        Case(
            CannedIncident(answers, name=name, pace=pace),
            clock=canned_clock,
            seconds=lambda: 0.0,
            exports=exports or Path("nowhere"),
            tick=0.1,
            health_pause=0.01,
        )
        for name in names
    ]
    return RescueApp([case.incident for case in cases], cases=cases, ascii_only=ascii_only)


@asynccontextmanager
async def opened(
    answers: Answers | None = None,
    *,
    size: tuple[int, int] = (80, 24),
    exports: Path | None = None,
    ascii_only: bool = False,
    pace: float = 0.0,
) -> AsyncIterator[Pilot[Any]]:
    """The app at home, everything listed and verified; or, at a slow pace, about to be."""
    app = canned_app(answers, exports=exports, ascii_only=ascii_only, pace=pace)
    async with app.run_test(size=size, notifications=True) as pilot:
        if not pace:
            await at_home(pilot)
        yield pilot


def case_of(pilot: Pilot[Any]) -> Case:
    """The only case."""
    app = pilot.app
    assert isinstance(app, RescueApp)
    return app.cases[0]


async def at_home(pilot: Pilot[Any]) -> None:
    """Wait until the newest few are verified and nothing moves."""
    case = case_of(pilot)

    def quiet() -> bool:
        catalog = case.incident.catalog
        if catalog is None or case.moving or case.incident.facts is None:
            return False
        assert isinstance(case.incident, CannedIncident)
        listed = case.incident.answers.snapshots
        usable = (one for one in best_first(listed) if one.usable)
        wanted = [files[0] for files in by_backup(usable)][:3]
        return all(item.name in case.judged or item.name in case.failures for item in wanted)

    await settled(pilot, quiet)
    await pilot.pause()


async def to_preflight(pilot: Pilot[Any]) -> None:
    """From home; all checks have come."""
    await at_home(pilot)
    await pilot.press("r")
    await shows(pilot, "PREFLIGHT")
    await settled(pilot, lambda: getattr(pilot.app.screen, "complete", False))
    await pilot.pause()


async def to_plan(pilot: Pilot[Any]) -> None:
    """Through the preflight."""
    await to_preflight(pilot)
    await pilot.press("w", "enter")
    await shows(pilot, "nothing changed yet")


async def to_first_question(pilot: Pilot[Any]) -> None:
    """Into the run, up to the question before anything is written."""
    await to_plan(pilot)
    await pilot.press("enter")
    await shows(pilot, "Write to the nodes")


async def to_danger(pilot: Pilot[Any]) -> None:
    """Up to the question before the API goes down."""
    await to_first_question(pilot)
    await pilot.press("y")
    await shows(pilot, "Type the cluster's name")
    pilot.app.screen.query_one(Input).cursor_blink = False


async def past_danger(pilot: Pilot[Any]) -> None:
    """The cluster's name has been typed."""
    await to_danger(pilot)
    await typed(pilot, "prod-a")


async def to_recovered(pilot: Pilot[Any]) -> None:
    """The whole way."""
    await past_danger(pilot)
    await shows(pilot, "Restart kubelet")
    await pilot.press("y")
    await shows(pilot, "RECOVERED 3/3")
    await settled(pilot, lambda: case_of(pilot).incident.diagnosis.answering == 3)
    await settled(pilot, lambda: "QUORUM" not in case_of(pilot).label()[1])
    await settled(pilot, lambda: getattr(pilot.app.screen, "leftovers", None) is not None)
    await pilot.pause()


async def typed(pilot: Pilot[Any], text: str) -> None:
    """Type the text and press Enter."""
    names = {"-": "minus", " ": "space"}
    await pilot.press(*(names.get(character, character) for character in text), "enter")
