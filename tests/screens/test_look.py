"""What every screen looks like at the two sizes that the interface promises."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from textual.pilot import Pilot

from tests.screens.canned import Answers
from tests.screens.canned_checks import (
    canned_health,
    canned_leftovers,
    canned_living_quorum,
    canned_preflight,
)
from tests.screens.canned_cluster import canned_stopped
from tests.screens.canned_run import Script
from tests.screens.looking import shows
from tests.screens.opening import (
    Walk,
    at_home,
    canned_app,
    past_danger,
    to_danger,
    to_first_question,
    to_plan,
    to_preflight,
    to_recovered,
)

Compare = Callable[..., bool]
SIZES = [pytest.param((80, 24), id="80x24"), pytest.param((160, 48), id="160x48")]

pytestmark = pytest.mark.parametrize("size", SIZES)


def looks(
    snap_compare: Compare, size: tuple[int, int], walk: Walk, answers: Answers | None = None
) -> bool:
    return snap_compare(canned_app(answers), terminal_size=size, run_before=walk)


def test_home_shows_the_catalog(snap_compare: Compare, size: tuple[int, int]) -> None:
    assert looks(snap_compare, size, at_home)


def test_an_empty_catalog_says_where_it_looked(
    snap_compare: Compare, size: tuple[int, int]
) -> None:
    assert looks(snap_compare, size, at_home, Answers(snapshots=()))


def test_where_a_restore_is_not_the_first_thing_the_advice_says_so(
    snap_compare: Compare, size: tuple[int, int]
) -> None:
    assert looks(snap_compare, size, at_home, Answers(diagnosis=canned_stopped()))


def test_the_diagnosis_is_shown_with_facts_and_commands(
    snap_compare: Compare, size: tuple[int, int]
) -> None:
    async def walk(pilot: Pilot[Any]) -> None:
        await at_home(pilot)
        await pilot.press("i")
        await shows(pilot, "BECAUSE")

    assert looks(snap_compare, size, walk, Answers(diagnosis=canned_stopped()))


def test_a_snapshot_shows_what_it_holds(snap_compare: Compare, size: tuple[int, int]) -> None:
    async def walk(pilot: Pilot[Any]) -> None:
        await at_home(pilot)
        await pilot.press("enter")
        await shows(pilot, "NAMESPACES")

    assert looks(snap_compare, size, walk)


def test_a_preflight_with_a_failure(snap_compare: Compare, size: tuple[int, int]) -> None:
    answers = Answers(checks=canned_preflight(failed=True))
    assert looks(snap_compare, size, to_preflight, answers)


def test_the_second_question_before_a_living_cluster_is_rolled_back(
    snap_compare: Compare, size: tuple[int, int]
) -> None:
    async def walk(pilot: Pilot[Any]) -> None:
        await to_preflight(pilot)
        await pilot.press("w", "enter")
        await shows(pilot, "The cluster is not lost")

    answers = Answers(checks=(*canned_preflight(), canned_living_quorum()))
    assert looks(snap_compare, size, walk, answers)


def test_a_plan_opened_to_its_nodes(snap_compare: Compare, size: tuple[int, int]) -> None:
    async def walk(pilot: Pilot[Any]) -> None:
        await to_plan(pilot)
        await pilot.press("down", "down", "down", "right", "down", "right", "down")
        await shows(pilot, "run systemctl stop kubelet")

    assert looks(snap_compare, size, walk)


def test_the_question_before_a_change(snap_compare: Compare, size: tuple[int, int]) -> None:
    assert looks(snap_compare, size, to_first_question)


def test_the_question_before_danger(snap_compare: Compare, size: tuple[int, int]) -> None:
    assert looks(snap_compare, size, to_danger)


def test_a_restore_under_way(snap_compare: Compare, size: tuple[int, int]) -> None:
    async def walk(pilot: Pilot[Any]) -> None:
        await past_danger(pilot)
        await shows(pilot, "waiting for port 2380")

    assert looks(snap_compare, size, walk, Answers(script=Script(hold_at="stop-etcd")))


def test_a_transfer_under_way(snap_compare: Compare, size: tuple[int, int]) -> None:
    async def walk(pilot: Pilot[Any]) -> None:
        await to_first_question(pilot)
        await pilot.press("y")
        await shows(pilot, "62 %")

    assert looks(snap_compare, size, walk, Answers(script=Script(hold_at="deliver-snapshot")))


def test_a_failed_action(snap_compare: Compare, size: tuple[int, int]) -> None:
    async def walk(pilot: Pilot[Any]) -> None:
        await past_danger(pilot)
        await shows(pilot, "Read-only file system")
        await shows(pilot, "r: retry")

    assert looks(snap_compare, size, walk, Answers(script=Script(fail_at="set-data-aside")))


def test_recovered(snap_compare: Compare, size: tuple[int, int]) -> None:
    assert looks(snap_compare, size, to_recovered)


def test_what_is_left_over_after_a_restore(snap_compare: Compare, size: tuple[int, int]) -> None:
    async def walk(pilot: Pilot[Any]) -> None:
        await to_recovered(pilot)
        await pilot.press("l")
        await shows(pilot, "esc close")

    assert looks(snap_compare, size, walk, Answers(leftovers=canned_leftovers()))


def test_a_cluster_that_is_not_healthy(snap_compare: Compare, size: tuple[int, int]) -> None:
    async def walk(pilot: Pilot[Any]) -> None:
        await at_home(pilot)
        await pilot.press("h")
        await shows(pilot, "NOT HEALTHY")

    assert looks(snap_compare, size, walk, Answers(reports=[canned_health(starting=True)]))


def test_help_names_every_key(snap_compare: Compare, size: tuple[int, int]) -> None:
    async def walk(pilot: Pilot[Any]) -> None:
        await at_home(pilot)
        await pilot.press("question_mark")
        await shows(pilot, "esc close")

    assert looks(snap_compare, size, walk)


def test_several_clusters_are_offered_to_choose_from(
    snap_compare: Compare, size: tuple[int, int]
) -> None:
    async def walk(pilot: Pilot[Any]) -> None:
        await shows(pilot, "QUORUM LOST")
        await pilot.pause()

    app = canned_app(names=("prod-a", "prod-b", "edge-with-a-very-long-name-in-europe"))
    assert snap_compare(app, terminal_size=size, run_before=walk)
