"""On every screen help explains every key and every mark, and the palette offers every act."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.screen import Screen

from screens.backup import BackupScreen
from screens.clusters import ClustersScreen
from screens.comparison import ComparisonScreen
from screens.dialogs.help import HelpDialog, bindings_of
from screens.first_run import FirstRunScreen
from screens.health import HealthScreen
from screens.other_run import OtherRunScreen
from screens.plan import PlanScreen
from screens.preflight import PreflightScreen
from screens.restore import RestoreScreen
from screens.runs import RunsScreen
from screens.snapshot import SnapshotScreen
from screens.snapshot_keys import SnapshotKeysScreen
from screens.snapshots import SnapshotsScreen
from screens.trial import TrialScreen
from tests.screens.canned import Answers
from tests.screens.canned_comparison import comparing
from tests.screens.canned_discovery import canned_search
from tests.screens.canned_past import HOLDER
from tests.screens.canned_run import Script
from tests.screens.canned_trial import trying
from tests.screens.looking import settled, shows, text_on_screen
from tests.screens.opening import (
    Walk,
    at_home,
    canned_app,
    case_of,
    opened,
    past_danger,
    to_plan,
    to_preflight,
    to_recovered,
    typed,
)
from tests.screens.test_first_run import first_run
from tui.command_palette import ScreenActions

SIZE = (100, 200)
"""High enough for the whole of every help."""

Opened = Callable[[], AbstractAsyncContextManager[Pilot[Any]]]


def at(*keys: str, shown: str) -> Walk:
    """From home by these keys, until the words are there."""

    async def walk(pilot: Pilot[Any]) -> None:
        await at_home(pilot)
        await pilot.press(*keys)
        await shows(pilot, shown)

    return walk


async def to_restore(pilot: Pilot[Any]) -> None:
    await past_danger(pilot)
    await shows(pilot, "waiting for port 2380")


async def to_watching(pilot: Pilot[Any]) -> None:
    await at_home(pilot)
    await pilot.app.push_screen(OtherRunScreen(case_of(pilot), HOLDER))


async def to_nodes(pilot: Pilot[Any]) -> None:
    await typed(pilot, "etcd-1")
    await shows(pilot, "Press t")


async def nowhere(pilot: Pilot[Any]) -> None:
    await pilot.pause()


async def shows_screen(pilot: Pilot[Any], kind: type[Screen[None]]) -> None:
    await settled(pilot, lambda: isinstance(pilot.app.screen, kind))


def home(answers: Answers | None = None) -> Opened:
    return lambda: opened(answers, size=SIZE)


EVERY: list[tuple[type[Screen[None]], Opened, Walk]] = [
    (SnapshotsScreen, home(), at_home),
    (SnapshotScreen, home(), at("enter", shown="NAMESPACES")),
    (SnapshotKeysScreen, home(), at("enter", "slash", shown="Last changed")),
    (PreflightScreen, home(), to_preflight),
    (PlanScreen, home(), to_plan),
    (
        RestoreScreen,
        lambda: opened(Answers(script=Script(hold_at="stop-etcd")), size=SIZE),
        to_restore,
    ),
    (HealthScreen, home(), to_recovered),
    (RunsScreen, home(), at("u", shown="Nobody has restored")),
    (BackupScreen, home(), at("b", shown="RECORDS AND FILES")),
    (OtherRunScreen, home(), to_watching),
    (TrialScreen, lambda: trying(size=SIZE), nowhere),
    (ComparisonScreen, lambda: comparing(size=SIZE), nowhere),
    (
        ClustersScreen,
        lambda: canned_app(names=("prod-a", "prod-b")).run_test(size=SIZE),
        nowhere,
    ),
    (FirstRunScreen, lambda: first_run(search=canned_search).run_test(size=SIZE), to_nodes),
]
every_screen = pytest.mark.parametrize(
    ("kind", "opening", "walk"), EVERY, ids=[kind.__name__ for kind, _, _ in EVERY]
)


def one_line(text: str) -> str:
    """Without frames, and without breaks between words."""
    return " ".join(text.replace("│", " ").split())


@every_screen
async def test_help_explains_the_screen_its_marks_and_every_key(
    kind: type[Screen[None]], opening: Opened, walk: Walk
) -> None:
    async with opening() as pilot:
        await walk(pilot)
        screen = pilot.app.screen
        assert isinstance(screen, kind)
        await pilot.press("f1")
        await settled(pilot, lambda: isinstance(pilot.app.screen, HelpDialog))
        await shows(pilot, "ctrl+q")
        text = one_line(text_on_screen(pilot.app))
        bindings = bindings_of(screen)
        assert bindings
        for binding in bindings:
            assert binding.tooltip, binding.action
            assert one_line(binding.tooltip) in text, binding.action
        explained = kind.EXPLAINED  # type: ignore[attr-defined]
        assert one_line(explained.text) in text
        for _, words, meaning in explained.marks:
            assert one_line(words) in text
            assert one_line(meaning) in text
        await pilot.press("escape")
        await settled(pilot, lambda: pilot.app.screen is screen)


@every_screen
async def test_the_palette_offers_every_act_of_the_screen(
    kind: type[Screen[None]], opening: Opened, walk: Walk
) -> None:
    async with opening() as pilot:
        await walk(pilot)
        screen = pilot.app.screen
        assert isinstance(screen, kind)
        offered = [act.title for act in ScreenActions(screen).acts()]
        absent = {"roll_back", "resume", "health", "write", "view", "name", "sudo", "trust"}
        for binding in bindings_of(screen):
            there = screen.check_action(binding.action.partition("(")[0], ()) is not False
            assert there or binding.action in absent, binding.action
            if there:
                assert binding.tooltip in offered
        assert len(offered) == len(set(offered))


async def test_what_cannot_be_done_now_says_why_in_the_palette() -> None:
    async with opened(size=SIZE) as pilot:
        await to_preflight(pilot)
        acts = {act.title: act for act in ScreenActions(pilot.app.screen).acts()}
        plan = acts["Make the plan; it touches nothing"]
        assert "not now: 1 warning: read, then press w" in plan.help.replace("\u00a0", " ")
        plan.do()
        await shows(pilot, "read, then press w")


async def test_every_screen_is_reached_from_every_other_one_by_the_palette() -> None:
    kinds = (HealthScreen, BackupScreen, RunsScreen, SnapshotScreen, PreflightScreen)
    async with opened(size=(160, 48)) as pilot:
        await at_home(pilot)
        depth = len(pilot.app.screen_stack)
        for kind in (*kinds, SnapshotsScreen, *reversed(kinds), SnapshotsScreen):
            ways = {act.title: act for act in ScreenActions(pilot.app.screen).acts()}
            ways[f"Go to {kind.title_words}"].do()
            await shows_screen(pilot, kind)
        assert len(pilot.app.screen_stack) == depth


async def test_a_run_under_way_is_not_left_by_the_palette() -> None:
    async with opened(Answers(script=Script(hold_at="stop-etcd"))) as pilot:
        await to_restore(pilot)
        titles = [act.title for act in ScreenActions(pilot.app.screen).acts()]
        assert not [title for title in titles if title.startswith("Go to")]


async def test_the_palette_opens_on_the_screen_at_hand_and_goes() -> None:
    async with opened(size=(100, 40)) as pilot:
        await pilot.press("ctrl+p")
        await pilot.press(*"backup", "space", *"conf")
        await shows(pilot, "Go to Backup configuration")
        await pilot.press("down", "enter")
        await settled(pilot, lambda: isinstance(pilot.app.screen, BackupScreen))
