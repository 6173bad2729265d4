"""The keys of one snapshot are found by a part of their names."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from recovery.errors import SnapshotError
from screens.snapshot import SnapshotScreen
from screens.snapshot_keys import SnapshotKeysScreen
from tests.screens.canned import Answers, CannedIncident
from tests.screens.canned_comparison import only_file
from tests.screens.looking import settled, shows, text_on_screen
from tests.screens.opening import at_home, canned_app, opened

SIZES = [pytest.param((80, 24), id="80x24"), pytest.param((160, 48), id="160x48")]


async def to_keys(pilot: Pilot[Any]) -> None:
    """From home; all keys are read."""
    await at_home(pilot)
    await pilot.press("enter")
    await shows(pilot, "NAMESPACES")
    await pilot.press("slash")
    await shows(pilot, "Last changed at revision")


async def test_keys_narrow_with_every_letter_and_escape_shows_all_again() -> None:
    async with opened() as pilot:
        await to_keys(pilot)
        await pilot.press(*"WEB-1")
        await shows(pilot, "10 of 45 with “WEB-1”")
        await pilot.press("enter", "down")
        await shows(pilot, "/registry/pods/shop/web-11")
        await pilot.press("escape")
        await settled(pilot, lambda: "with" not in text_on_screen(pilot.app).splitlines()[2])
        await pilot.press("escape")
        await settled(pilot, lambda: isinstance(pilot.app.screen, SnapshotScreen))


async def test_keys_are_kept_to_the_chosen_ones_resource_and_namespace() -> None:
    async with opened() as pilot:
        await to_keys(pilot)
        await pilot.press("enter", "G", "f")
        await shows(pilot, "1 of 45 of endpoints")
        await pilot.press("f")
        await shows(pilot, "/registry/")
        await pilot.press("home", "n")
        await shows(pilot, "41 of 45 in shop")


async def test_what_is_nowhere_is_said_to_be_nowhere() -> None:
    async with opened() as pilot:
        await to_keys(pilot)
        await pilot.press(*"absent")
        await shows(pilot, "No key is like that")
        await pilot.press("enter", "y")
        await shows(pilot, "No key is shown.")


async def test_the_shown_keys_are_written_to_a_file(tmp_path: Path) -> None:
    async with opened(exports=tmp_path) as pilot:
        await to_keys(pilot)
        await pilot.press(*"web-3", "enter", "e")
        await shows(pilot, "Written to")
        text = only_file(tmp_path)
        assert text.count("/registry/pods/shop/web-3") == 10
        assert "web-2" not in text


async def test_keys_that_cannot_be_read_are_tried_again_by_a_key(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    real = CannedIncident.keys_of

    async def broken(*_: object) -> None:
        raise SnapshotError("page 7 is damaged", where="snapshot.db")

    monkeypatch.setattr(CannedIncident, "keys_of", broken)
    async with opened() as pilot:
        await pilot.press("enter")
        await shows(pilot, "NAMESPACES")
        await pilot.press("slash")
        await shows(pilot, "Page 7 is damaged")
        await pilot.press("escape")
        monkeypatch.setattr(CannedIncident, "keys_of", real)
        await pilot.press("enter", "a")
        await shows(pilot, "Last changed at revision")
        assert isinstance(pilot.app.screen, SnapshotKeysScreen)


@pytest.mark.parametrize("size", SIZES)
def test_keys_that_were_found(snap_compare: Callable[..., bool], size: tuple[int, int]) -> None:
    async def walk(pilot: Pilot[Any]) -> None:
        await to_keys(pilot)
        await pilot.press(*"web-1")
        await shows(pilot, "10 of 45")
        await pilot.press("enter", "down")
        await shows(pilot, "web-11")

    assert snap_compare(canned_app(Answers()), terminal_size=size, run_before=walk)
