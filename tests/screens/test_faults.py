"""Faults that nobody foresaw, injected: said calmly, kept in the log, and nothing else ends."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from textual.events import Key
from textual.message_pump import MessagePump
from textual.pilot import Pilot

from recovery.restore.events import Outcome
from screens.dialogs.help import HelpDialog
from screens.glance import SnapshotSummary
from screens.health import HealthScreen
from screens.snapshots import SnapshotsScreen
from screens.widgets.line_pane import LinePane
from screens.widgets.node_pane import NodePane
from screens.widgets.row_list import RowList
from tests.screens.canned import Answers
from tests.screens.canned_run import Script
from tests.screens.looking import settled, shows, text_on_screen
from tests.screens.opening import at_home, canned_app, case_of, past_danger, to_danger, typed
from tui import containing
from tui.app import RescueApp
from tui.containing import Faults, contain_faults


class FaultError(Exception):
    """Nobody foresaw it."""


def broken(*_: object, **__: object) -> Any:
    raise FaultError("of this test")


@asynccontextmanager
async def logged(
    tmp_path: Path, answers: Answers | None = None
) -> AsyncIterator[tuple[RescueApp, Pilot[Any], Path]]:
    app = canned_app(answers)
    app.log_path = tmp_path / "etcd-rescue.log"
    met: list[Exception] = []
    vars(app)["_note"] = met.append
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await at_home(pilot)
        yield app, pilot, app.log_path
    assert met
    assert {type(error) for error in met} == {FaultError}, met


async def said(pilot: Pilot[Any]) -> None:
    await shows(pilot, "met an error that it")
    await shows(pilot, "etcd-rescue.log")
    assert "Traceback" not in text_on_screen(pilot.app)


async def test_a_part_that_cannot_be_drawn_says_so_and_the_rest_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with logged(tmp_path) as (app, pilot, log):
        monkeypatch.setattr(SnapshotSummary, "render", broken)
        await pilot.press("down")
        await shows(pilot, containing.CANNOT_BE_DRAWN[:12])
        await said(pilot)
        assert "SNAPSHOTS" in text_on_screen(app)
        assert "FaultError: of this test" in log.read_text()
        monkeypatch.undo()
        await pilot.press("up", "question_mark")
        await settled(pilot, lambda: isinstance(app.screen, HelpDialog))


async def test_lines_that_cannot_be_drawn_say_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with logged(tmp_path) as (app, pilot, _):
        monkeypatch.setattr(RowList, "render_line", broken)
        await pilot.press("down")
        await shows(pilot, containing.CANNOT_BE_DRAWN[:12])
        assert "QUORUM LOST" in text_on_screen(app)


async def test_a_key_that_meets_a_fault_is_lost_and_the_next_one_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with logged(tmp_path) as (app, pilot, _):
        monkeypatch.setattr(SnapshotsScreen, "action_sort", broken)
        monkeypatch.setattr(RowList, "action_cursor", broken)
        await pilot.press("s")
        await said(pilot)
        await pilot.press("down")
        await pilot.pause()
        await pilot.press("h")
        await settled(pilot, lambda: isinstance(app.screen, HealthScreen))


async def test_a_screen_that_cannot_be_opened_is_left_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with logged(tmp_path) as (app, pilot, _):
        monkeypatch.setattr(HealthScreen, "compose_body", broken)
        await pilot.press("h")
        await said(pilot)
        await settled(pilot, lambda: not any(isinstance(s, HealthScreen) for s in app.screen_stack))
        await pilot.press("escape")
        await settled(pilot, lambda: isinstance(app.screen, SnapshotsScreen))


async def test_a_run_goes_to_its_end_though_nothing_of_it_can_be_drawn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = Script(hold_at="stop-etcd")
    async with logged(tmp_path, Answers(script=script)) as (_, pilot, _):
        await past_danger(pilot)
        await shows(pilot, "waiting for port 2380")
        monkeypatch.setattr(NodePane, "draw", broken)
        monkeypatch.setattr(LinePane, "render_line", broken)
        monkeypatch.setattr(containing, "TOO_MANY", 3)
        script.release.set()
        run = case_of(pilot).run
        assert run is not None
        await settled(pilot, lambda: run.gate is not None)
        await pilot.pause()
        await pilot.press("y")
        await settled(pilot, lambda: run.outcome is Outcome.DONE)
        monkeypatch.undo()
        await shows(pilot, "RECOVERED")


async def test_a_question_of_a_run_is_asked_though_the_run_cannot_be_drawn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with logged(tmp_path, Answers()) as (_, pilot, _):
        await to_danger(pilot)
        monkeypatch.setattr(NodePane, "draw", broken)
        await typed(pilot, "prod-a")
        await shows(pilot, "Restart kubelet")
        monkeypatch.undo()


async def test_faults_without_end_and_without_a_run_lead_out_with_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with logged(tmp_path) as (app, pilot, log):
        monkeypatch.setattr(SnapshotsScreen, "action_sort", broken)
        for _ in range(containing.TOO_MANY):
            app.post_message(Key("s", "s"))
        await settled(pilot, lambda: not app.is_running)
    assert app.return_code == 1
    assert log.read_text().count("Traceback") == 3


def test_the_same_fault_is_logged_a_few_times_and_said_now_and_then() -> None:
    now = 0.0
    faults = Faults(lambda: now)
    new = []
    for _ in range(10):
        try:
            broken()
        except FaultError as error:
            new.append(faults.is_new(error))
    assert new.count(True) == 3
    assert faults.may_say()
    assert not faults.may_say()
    now = 6.0
    assert faults.may_say()


def test_containing_twice_contains_once() -> None:
    contain_faults()
    before = MessagePump._dispatch_message
    contain_faults()
    assert MessagePump._dispatch_message is before
