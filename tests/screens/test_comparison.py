"""Two snapshots beside each other: what restoring the older one would lose, and every key."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from recovery.errors import SnapshotError
from recovery.snapshots.comparison import Change, Comparison
from screens.comparison import ComparisonScreen
from screens.comparison_keys import Narrowing, narrowed
from screens.comparison_text import label_of, older_first
from tests.screens.canned_cluster import canned_snapshots
from tests.screens.canned_comparison import (
    Compared,
    canned_comparison,
    comparing,
    comparing_app,
    many_changes,
    only_file,
)
from tests.screens.looking import settled, shows, text_on_screen
from tests.screens.opening import Walk, case_of

SIZES = [pytest.param((80, 24), id="80x24"), pytest.param((160, 48), id="160x48")]
at_both_sizes = pytest.mark.parametrize("size", SIZES)


def on(pilot: Pilot[Any]) -> ComparisonScreen:
    """The screen, which is still there."""
    screen = pilot.app.screen
    assert isinstance(screen, ComparisonScreen)
    return screen


def gone(pilot: Pilot[Any]) -> bool:
    return not isinstance(pilot.app.screen, ComparisonScreen)


async def test_the_head_says_what_restoring_the_older_one_loses() -> None:
    async with comparing() as pilot:
        await shows(pilot, "36 keys differ")
        words = " ".join(text_on_screen(pilot.app).split())
        assert "Restoring 2026-11-21 00:00 loses what 2026-11-22 00:00 has beyond it" in words
        assert "24 h, 1 204 revisions." in words
        assert "+ 4 created: lost" in words
        assert "~ 30 changed: as before" in words
        assert "- 2 deleted: there again" in words


async def test_the_two_are_put_in_the_order_of_time() -> None:
    async with comparing(old=0, new=1) as pilot:
        await shows(pilot, "2026-11-21 00:00  →  2026-11-22 00:00")
        older, newer = canned_snapshots()[1], canned_snapshots()[0]
        await shows(pilot, "36 keys differ")
        assert list(case_of(pilot).comparisons) == [(older.name, newer.name)]


def test_two_without_a_time_are_put_in_the_order_of_their_revisions() -> None:
    first, second = (replace(item, taken_at=None) for item in canned_snapshots()[:2])
    high, low = replace(first, revision=9), replace(second, revision=8)
    assert older_first(high, low) == (low, high)
    assert older_first(first, second) == (first, second)


def test_a_members_own_data_is_called_so() -> None:
    snapshot = replace(canned_snapshots()[0], member="etcd-3", taken_at=None)
    assert label_of(snapshot) == "etcd-3's own data"


async def test_a_comparison_that_was_made_is_not_made_again() -> None:
    compared = Compared()
    async with comparing(compared) as pilot:
        await shows(pilot, "36 keys differ")
        case = case_of(pilot)
        await pilot.press("escape")
        await settled(pilot, lambda: gone(pilot))
        await pilot.app.push_screen(ComparisonScreen(case, *canned_snapshots()[1::-1]))
        await shows(pilot, "36 keys differ")
        assert len(compared.asked) == 1


async def test_progress_is_shown_while_both_are_read_and_compared() -> None:
    compared = Compared(hold=asyncio.Event(), hold_reading=asyncio.Event())
    async with comparing(compared) as pilot:
        await shows(pilot, "131 MiB of 211 MiB")
        assert "2026-11-22 00:00 not yet" in " ".join(text_on_screen(pilot.app).split())
        assert compared.hold_reading is not None
        compared.hold_reading.set()
        await shows(pilot, "131 MiB of 423 MiB")
        assert compared.hold is not None
        compared.hold.set()
        await shows(pilot, "36 keys differ")


@pytest.mark.parametrize("reading", [True, False])
async def test_escape_while_it_works_ends_the_work_and_goes_back(reading: bool) -> None:
    never = asyncio.Event()
    compared = Compared(hold_reading=never) if reading else Compared(hold=never)
    async with comparing(compared) as pilot:
        await shows(pilot, "131 MiB of")
        await pilot.press("escape")
        await settled(pilot, lambda: gone(pilot))
        await settled(pilot, lambda: compared.cancelled)
        assert not case_of(pilot).moving


async def test_enter_on_a_resource_shows_its_keys_alone_and_escape_all_of_them() -> None:
    async with comparing() as pilot:
        await shows(pilot, "RESOURCES 10")
        await pilot.press("down", "enter")
        await shows(pilot, "KEYS 4 of 36  of pods")
        assert "web-7d9f6c5b4-x2x9q" in text_on_screen(pilot.app)
        assert "worker-1" not in text_on_screen(pilot.app)
        await pilot.press("escape")
        await shows(pilot, "RESOURCES 10")
        await pilot.press("3")
        await shows(pilot, "KEYS 36")
        await pilot.press("escape")
        await settled(pilot, lambda: gone(pilot))


async def test_enter_on_a_namespace_shows_its_keys_alone() -> None:
    async with comparing() as pilot:
        await shows(pilot, "RESOURCES 10")
        await pilot.press("2", "down", "enter")
        await shows(pilot, "KEYS 7 of 36  in shop")


async def test_what_is_not_kubernetes_and_what_is_in_no_namespace_can_be_chosen() -> None:
    async with comparing() as pilot:
        await shows(pilot, "RESOURCES 10")
        await pilot.press("end", "enter")
        await shows(pilot, "KEYS 1 of 36  not Kubernetes'")
        await shows(pilot, "/calico/ipam/v2/host/worker-1/ipv4")
        await pilot.press("escape", "2", "end", "enter")
        await shows(pilot, "KEYS 2 of 36  in no namespace")


async def test_f_goes_round_the_kinds_of_change() -> None:
    async with comparing() as pilot:
        await shows(pilot, "RESOURCES 10")
        for words in ("4 of 36  added only", "2 of 36  removed only", "30 of 36  changed only"):
            await pilot.press("f")
            await shows(pilot, f"KEYS {words}")
        await pilot.press("f")
        await settled(pilot, lambda: "only" not in text_on_screen(pilot.app))


async def test_finding_narrows_the_keys_and_escape_widens_them_again() -> None:
    async with comparing() as pilot:
        await shows(pilot, "RESOURCES 10")
        await pilot.press("slash", *"WEB")
        await shows(pilot, "KEYS 5 of 36  with “WEB”")
        await pilot.press("enter", "down")
        assert not isinstance(pilot.app.focused, Input)
        await pilot.press("escape")
        await shows(pilot, "KEYS 36")


async def test_the_cursor_stays_on_its_key_while_others_come_and_go() -> None:
    async with comparing() as pilot:
        await shows(pilot, "RESOURCES 10")
        await pilot.press("3", "end", "up")
        chosen = on(pilot).copy_text()
        await pilot.press("slash", *"widgets", "escape")
        await shows(pilot, "KEYS 36")
        await pilot.press("slash", *"secret")
        await shows(pilot, "KEYS 1 of 36")
        await pilot.press("escape")
        await shows(pilot, "KEYS 36")
        assert on(pilot).copy_text().startswith("/registry/secrets/")
        assert chosen.startswith("/registry/services/")


async def test_the_whole_key_is_shown_below_with_what_becomes_of_it_and_is_copied() -> None:
    async with comparing() as pilot:
        await shows(pilot, "RESOURCES 10")
        await pilot.press("f")
        key = "/registry/pods/shop/web-7d9f6c5b4-x2x9q"
        await shows(pilot, key)
        await shows(pilot, "Created since: restoring 2026-11-21 00:00 loses it.")
        await pilot.press("y")
        await settled(pilot, lambda: pilot.app.clipboard == key)


async def test_usual_namespaces_are_whole_beside_the_keys_at_120_columns() -> None:
    async with comparing(size=(120, 36)) as pilot:
        await shows(pilot, "kube-node-lease            ")
        await shows(pilot, "in no namespace")


async def test_no_difference_is_said_plainly() -> None:
    async with comparing(Compared(Comparison((), in_full=True))) as pilot:
        await shows(pilot, "no key differs")
        await shows(pilot, "Both hold the same objects")
        await pilot.press("f")
        await shows(pilot, "No key differs.")


async def test_a_snapshot_is_not_compared_with_itself() -> None:
    compared = Compared()
    async with comparing(compared, old=0, new=0) as pilot:
        await shows(pilot, "This is one snapshot: there is nothing to compare.")
        await pilot.press("3", "y", "e")
        assert not compared.asked


async def test_what_cannot_be_compared_is_said_and_can_be_tried_again() -> None:
    error = SnapshotError("it could not be read", where="snapshot.db", remedy="look at the disk")
    compared = Compared(error=error)
    async with comparing(compared) as pilot:
        await shows(pilot, "Look at the disk.")
        await pilot.press("enter")
        await shows(pilot, "✖ not compared")
        compared.error = None
        await pilot.press("a")
        await shows(pilot, "36 keys differ")


async def test_counts_and_keys_are_exported(tmp_path: Path) -> None:
    async with comparing(exports=tmp_path) as pilot:
        await shows(pilot, "36 keys differ")
        await pilot.press("e")
        await shows(pilot, "Written to")
    text = only_file(tmp_path)
    assert "| pods | 2 | 1 | 1 |" in text
    assert "+ /registry/secrets/shop/checkout-payment-provider" in text
    assert "- `+` 4 created since: lost" in text.replace("\u00a0", " ")


async def test_outside_text_is_never_markup() -> None:
    wicked = replace(
        canned_comparison(0).keys[0],
        key="/registry/pods/[red]/[/foo] [bold]",
        resource="pods",
        namespace="[red]",
    )
    async with comparing(Compared(Comparison((wicked,), in_full=True))) as pilot:
        await shows(pilot, "1 key differs")
        await pilot.press("2", "enter")
        await shows(pilot, "[red]")
        await shows(pilot, "[/foo] [bold]")


async def test_a_hundred_thousand_keys_are_filtered_without_a_pause() -> None:
    keys = many_changes(100_000).keys
    turns = 0

    async def others() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    other = asyncio.create_task(others())
    places = await narrowed(keys, Narrowing(text="event-0099", change=Change.ADDED))
    other.cancel()
    assert len(places) == 334
    assert turns >= 25


async def test_a_hundred_thousand_keys_are_walked_like_twenty() -> None:
    async with comparing(Compared(many_changes(100_000))) as pilot:
        await shows(pilot, "100 000 keys differ")
        await pilot.press("3", "end")
        await shows(pilot, "event-0099999")
        await pilot.press("up")
        assert on(pilot).copy_text().endswith("event-0099998")
        await pilot.press("slash", *"00777")
        await shows(pilot, "KEYS 111 of 100 000")


def looks(
    snap_compare: Callable[..., bool],
    size: tuple[int, int],
    walk: Walk,
    compared: Compared | None = None,
) -> bool:
    return snap_compare(comparing_app(compared), terminal_size=size, run_before=walk)


@at_both_sizes
def test_a_comparison_by_resource(snap_compare: Callable[..., bool], size: tuple[int, int]) -> None:
    async def walk(pilot: Pilot[Any]) -> None:
        await shows(pilot, "RESOURCES 10")
        await pilot.press("down")

    assert looks(snap_compare, size, walk)


@at_both_sizes
def test_the_keys_of_a_comparison(snap_compare: Callable[..., bool], size: tuple[int, int]) -> None:
    async def walk(pilot: Pilot[Any]) -> None:
        await shows(pilot, "RESOURCES 10")
        await pilot.press("2", "down", "enter")
        await shows(pilot, "in shop")
        await pilot.press("down")

    assert looks(snap_compare, size, walk)


@at_both_sizes
def test_a_comparison_under_way(snap_compare: Callable[..., bool], size: tuple[int, int]) -> None:
    async def walk(pilot: Pilot[Any]) -> None:
        await shows(pilot, "131 MiB of 423 MiB")

    assert looks(snap_compare, size, walk, Compared(hold=asyncio.Event()))


@at_both_sizes
def test_a_comparison_of_what_is_the_same(
    snap_compare: Callable[..., bool], size: tuple[int, int]
) -> None:
    async def walk(pilot: Pilot[Any]) -> None:
        await shows(pilot, "no key differs")

    assert looks(snap_compare, size, walk, Compared(Comparison((), in_full=True)))
