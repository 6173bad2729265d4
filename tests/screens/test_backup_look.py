"""What the backup screen looks like at the two sizes that the interface promises."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from textual.pilot import Pilot

from recovery.backups.seen_configuration import Source
from tests.screens.canned_backups import BackupAnswers, canned_seen
from tests.screens.looking import shows
from tests.screens.opening import Walk, canned_app
from tests.screens.test_backup import answers, change_schedule, to_backup, to_keys, type_over

Compare = Callable[..., bool]
SIZES = [pytest.param((80, 24), id="80x24"), pytest.param((160, 48), id="160x48")]

pytestmark = pytest.mark.parametrize("size", SIZES)


def looks(
    snap_compare: Compare,
    size: tuple[int, int],
    walk: Walk,
    backups: BackupAnswers | None = None,
) -> bool:
    app = canned_app(answers(backups))
    return snap_compare(app, terminal_size=size, run_before=walk)


def test_the_configuration(snap_compare: Compare, size: tuple[int, int]) -> None:
    assert looks(snap_compare, size, to_backup)


def test_the_configuration_as_last_seen(snap_compare: Compare, size: tuple[int, int]) -> None:
    seen = canned_seen(Source.LAST_SEEN, paused=True)
    assert looks(snap_compare, size, to_backup, BackupAnswers(seen))


def test_a_field_is_refused(snap_compare: Compare, size: tuple[int, int]) -> None:
    async def walk(pilot: Pilot[Any]) -> None:
        await to_backup(pilot)
        await pilot.press("enter")
        await shows(pilot, "Change schedule")
        await type_over(pilot, "every night")
        await shows(pilot, "is no schedule")

    assert looks(snap_compare, size, walk)


def test_the_difference_before_it_is_written(snap_compare: Compare, size: tuple[int, int]) -> None:
    async def walk(pilot: Pilot[Any]) -> None:
        await to_backup(pilot)
        await change_schedule(pilot, "0 */6 * * *")
        await pilot.press("w")
        await shows(pilot, "+schedule")

    assert looks(snap_compare, size, walk)


def test_a_bucket_that_may_not_be_written(snap_compare: Compare, size: tuple[int, int]) -> None:
    async def walk(pilot: Pilot[Any]) -> None:
        await to_backup(pilot)
        await pilot.press("t")
        await shows(pilot, "Enter: back")

    assert looks(snap_compare, size, walk, BackupAnswers(may_write=False))


def test_keys_are_asked_without_echo(snap_compare: Compare, size: tuple[int, int]) -> None:
    async def walk(pilot: Pilot[Any]) -> None:
        await to_backup(pilot)
        await to_keys(pilot)
        await type_over(pilot, "AKIA")
        await pilot.press("enter")
        await type_over(pilot, "very secret")

    assert looks(snap_compare, size, walk)


def test_a_self_signed_certificate_is_shown(snap_compare: Compare, size: tuple[int, int]) -> None:
    async def walk(pilot: Pilot[Any]) -> None:
        await to_backup(pilot)
        await to_keys(pilot)
        await pilot.press("enter", "enter")
        await shows(pilot, "Enter: back")
        await pilot.press("enter")
        await shows(pilot, "skipTLSVerify is set")

    assert looks(snap_compare, size, walk, BackupAnswers(self_signed=True))
