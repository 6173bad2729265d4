"""The rehearsal of a snapshot: what it shows, what it proves, and how it is ended."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from recovery.backups.model import Integrity
from recovery.errors import RehearsalError
from recovery.rehearsal.trial.kept_trials import KeptTrial
from screens import trial
from screens.case import Moving
from screens.snapshot import SnapshotScreen
from screens.trial import TrialScreen
from tests.screens.canned import Answers
from tests.screens.canned_cluster import NOW, canned_snapshots
from tests.screens.canned_comparison import OneScreenApp, canned_case, only_file
from tests.screens.canned_trial import (
    Tried,
    TriedIncident,
    canned_trial,
    never_served,
    trial_app,
    trying,
)
from tests.screens.looking import settled, shows, text_on_screen
from tests.screens.opening import Walk

SIZES = [pytest.param((80, 24), id="80x24"), pytest.param((160, 48), id="160x48")]
at_both_sizes = pytest.mark.parametrize("size", SIZES)

MISSING = RehearsalError(
    "there is no etcd on this machine",
    where="PATH",
    remedy="install the package etcd-server, or let a node lend its own",
)


def gone(pilot: Pilot[Any]) -> bool:
    return not isinstance(pilot.app.screen, TrialScreen)


async def test_the_stages_fill_in_and_the_verdict_names_what_was_proven() -> None:
    tried = Tried(hold=asyncio.Event())
    async with trying(tried) as pilot:
        await shows(pilot, "◐ read every key of the snapshot")
        await shows(pilot, "62 %")
        drawn = text_on_screen(pilot.app)
        assert "No node is touched;" in " ".join(drawn.split())
        assert "● find etcd" in drawn
        assert "○ start them" in drawn
        assert tried.hold is not None
        tried.hold.set()
        await shows(pilot, "It serves: 3 members")
        await shows(pilot, "8a4177e0")
        await shows(pilot, "read back from every member")


async def test_stages_and_checks_are_a_key_apart_where_it_is_narrow() -> None:
    async with trying() as pilot:
        await shows(pilot, "number of keys")
        await pilot.press("tab")
        await shows(pilot, "● compare them with the snapshot")
        assert "number of keys" not in text_on_screen(pilot.app)
        await pilot.press("tab")
        await shows(pilot, "number of keys")


async def test_a_member_that_holds_something_else_is_named_first() -> None:
    async with trying(Tried(canned_trial(other=True))) as pilot:
        await shows(pilot, "✖ it serves, but differs")
        await shows(pilot, "✖ HashKV on scratch-3: 51c009ff")
        await pilot.press("l")
        await shows(pilot, "could not get its hash")


async def test_a_snapshot_that_etcd_does_not_start_from_does_not_serve() -> None:
    async with trying(Tried(never_served())) as pilot:
        await shows(pilot, "✖ it does not serve")
        await pilot.press("tab")
        await shows(pilot, "– compare them with the snapshot   skipped")


async def test_each_check_says_what_it_proves() -> None:
    async with trying() as pilot:
        await shows(pilot, "number of keys")
        await pilot.press("end")
        await shows(pilot, "Written through one member and read from each.")


async def test_escape_ends_the_trial_and_leaves_once_it_has_cleaned_up() -> None:
    tried = Tried(hold=asyncio.Event(), cleaning=asyncio.Event())
    async with trying(tried) as pilot:
        await shows(pilot, "62 %")
        await pilot.press("escape")
        await shows(pilot, "◐ cleaning up")
        assert not gone(pilot)
        assert tried.cleaning is not None
        tried.cleaning.set()
        await settled(pilot, lambda: gone(pilot))
        assert tried.cleaned


async def test_leaving_before_it_is_clean_does_not_cut_the_cleaning_short() -> None:
    tried = Tried(hold=asyncio.Event(), cleaning=asyncio.Event())
    async with trying(tried) as pilot:
        await shows(pilot, "62 %")
        await pilot.press("escape")
        await shows(pilot, "◐ cleaning up")
        await pilot.press("escape")
        await settled(pilot, lambda: gone(pilot))
        assert not tried.cleaned
        assert tried.cleaning is not None
        tried.cleaning.set()
        await settled(pilot, lambda: tried.cleaned)


async def test_cleaning_up_holds_nobody_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trial, "PATIENCE", 0.05)
    tried = Tried(hold=asyncio.Event(), cleaning=asyncio.Event())
    async with trying(tried) as pilot:
        await shows(pilot, "62 %")
        await pilot.press("escape")
        await settled(pilot, lambda: gone(pilot))
        assert tried.cleaning is not None
        tried.cleaning.set()
        await settled(pilot, lambda: tried.cleaned)


async def test_where_etcd_is_missing_the_remedy_is_said_and_it_can_be_tried_again() -> None:
    tried = Tried(error=MISSING)
    async with trying(tried) as pilot:
        await shows(pilot, "Install the package etcd-server")
        await pilot.press("enter")
        await shows(pilot, "✖ not rehearsed")
        tried.error = None
        await pilot.press("a")
        await shows(pilot, "It serves: 3 members")
        assert tried.times == 2


async def test_a_corrupt_snapshot_is_not_tried() -> None:
    tried = Tried()
    answers = Answers(corrupt=frozenset({canned_snapshots()[0].name}))
    async with trying(tried, answers) as pilot:
        await shows(pilot, "This snapshot is corrupt")
        await pilot.press("enter")
        await shows(pilot, "✖ fetch and verify it")
        assert not tried.times


async def test_the_verdict_is_copied_and_the_report_exported(tmp_path: Path) -> None:
    async with trying(Tried(canned_trial(other=True)), exports=tmp_path) as pilot:
        await shows(pilot, "It serves, but not what the snapshot holds")
        await pilot.press("y")
        await settled(pilot, lambda: "one check failed" in pilot.app.clipboard)
        await pilot.press("e")
        await shows(pilot, "Written to")
    text = only_file(tmp_path)
    assert "| HashKV | ok: 8a4177e0 | ok: 8a4177e0 | failed: 51c009ff" in text
    assert "| start them | done | 4.2 s | all answer after 4.2 s |" in text


async def test_before_the_verdict_there_is_nothing_to_take_along() -> None:
    async with trying(Tried(hold=asyncio.Event())) as pilot:
        await shows(pilot, "62 %")
        await pilot.press("e")
        await shows(pilot, "There is no verdict yet.")


async def test_what_a_rehearsal_has_shown_stands_with_the_snapshot_afterwards() -> None:
    app = trial_app(Tried())
    async with app.run_test(size=(100, 40), notifications=True) as pilot:
        await shows(pilot, "number of keys")
        case = app.cases[0]
        await app.push_screen(SnapshotScreen(case, canned_snapshots()[0]))
        await shows(pilot, "rehearsed")
        await shows(pilot, "it serves")
        tried = len(case.trials)
        await app.push_screen(TrialScreen(case, canned_snapshots()[0]))
        await shows(pilot, "number of keys")
        screen = app.screen
        assert isinstance(screen, TrialScreen)
        assert not screen.under_way
        assert len(case.trials) == tried


@pytest.mark.parametrize(
    ("passed", "words"), [(True, "it serves"), (False, "it serves, but differs")]
)
async def test_a_rehearsal_of_an_earlier_session_is_told_with_its_age(
    passed: bool, words: str
) -> None:
    newest = canned_snapshots()[0]
    earlier = KeptTrial(NOW - timedelta(days=9), passed, 4.2, 8.1, "3.5.16")
    case = canned_case(TriedIncident(Answers(earlier_trials={newest.name: earlier})))
    app = OneScreenApp(case, SnapshotScreen(case, newest))
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await shows(pilot, f"rehearsed {words}  ")
        await shows(pilot, "9 d ago, with etcd 3.5.16")


async def test_a_good_snapshot_can_be_tried_while_it_is_fetched_once_more() -> None:
    newest = replace(canned_snapshots()[0], integrity=Integrity.VERIFIED)
    case = canned_case(TriedIncident())
    app = OneScreenApp(case, SnapshotScreen(case, newest))
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await shows(pilot, "23 104")
        case.moving[newest.name] = Moving("fetching from etcd-1", 1, 2)
        await shows(pilot, "fetching from etcd-1")
        await pilot.press("t")
        await shows(pilot, "REHEARSAL")
        await pilot.press("escape")
        case.moving.clear()
        await settled(pilot, lambda: "fetching from etcd-1" not in text_on_screen(pilot.app))


def looks(
    snap_compare: Callable[..., bool], size: tuple[int, int], walk: Walk, tried: Tried
) -> bool:
    return snap_compare(trial_app(tried), terminal_size=size, run_before=walk)


@at_both_sizes
def test_a_trial_under_way(snap_compare: Callable[..., bool], size: tuple[int, int]) -> None:
    async def walk(pilot: Pilot[Any]) -> None:
        await shows(pilot, "62 %")

    assert looks(snap_compare, size, walk, Tried(hold=asyncio.Event()))


@at_both_sizes
def test_a_snapshot_that_serves(snap_compare: Callable[..., bool], size: tuple[int, int]) -> None:
    async def walk(pilot: Pilot[Any]) -> None:
        await shows(pilot, "number of keys")

    assert looks(snap_compare, size, walk, Tried())


@at_both_sizes
def test_a_snapshot_that_serves_something_else(
    snap_compare: Callable[..., bool], size: tuple[int, int]
) -> None:
    async def walk(pilot: Pilot[Any]) -> None:
        await shows(pilot, "HashKV on scratch-3")

    assert looks(snap_compare, size, walk, Tried(canned_trial(other=True)))


@at_both_sizes
def test_a_trial_that_cannot_be_made(
    snap_compare: Callable[..., bool], size: tuple[int, int]
) -> None:
    async def walk(pilot: Pilot[Any]) -> None:
        await shows(pilot, "Install the package etcd-server")

    assert looks(snap_compare, size, walk, Tried(error=MISSING))
