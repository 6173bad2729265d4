"""The screen of a run: what it shows, what it asks, and that it never stands in the way."""

from __future__ import annotations

import asyncio
import os
import signal

from recovery.errors import NodeUnreachableError
from recovery.restore.events import Outcome
from screens.dialogs.failure import FailureDialog
from screens.restore import RestoreScreen
from screens.widgets.node_pane import NodePane
from tests.screens.canned import Answers
from tests.screens.canned_run import Script
from tests.screens.looking import settled, shows, text_on_screen
from tests.screens.opening import (
    case_of,
    opened,
    past_danger,
    to_danger,
    to_first_question,
    typed,
)


async def test_a_failed_action_can_be_retried() -> None:
    async with opened(Answers(script=Script(fail_at="set-data-aside"))) as pilot:
        await past_danger(pilot)
        await shows(pilot, "Read-only file system")
        await pilot.press("r")
        await shows(pilot, "Restart kubelet")


async def test_stopping_at_a_failure_says_that_the_step_is_partly_done() -> None:
    async with opened(Answers(script=Script(fail_at="set-data-aside"))) as pilot:
        await past_danger(pilot)
        await shows(pilot, "r: retry")
        await pilot.press("a")
        await shows(pilot, "stopped at a failure")
        await shows(pilot, "Step 5 is partly done.")
        await shows(pilot, "way-back.md")


async def test_skipping_needs_a_reason() -> None:
    async with opened(Answers(script=Script(fail_at="restart-kubelet"))) as pilot:
        await past_danger(pilot)
        await shows(pilot, "Restart kubelet")
        await pilot.press("y")
        await shows(pilot, "r: retry")
        await pilot.press("s", "enter")
        await shows(pilot, "Say why")
        assert isinstance(pilot.app.screen, FailureDialog)
        await typed(pilot, "done by hand")
        await shows(pilot, "RECOVERED")


async def test_escape_does_not_answer_a_failure() -> None:
    async with opened(Answers(script=Script(fail_at="set-data-aside"))) as pilot:
        await past_danger(pilot)
        await shows(pilot, "r: retry")
        await pilot.press("escape")
        await pilot.pause()
        assert isinstance(pilot.app.screen, FailureDialog)


async def test_pause_holds_and_goes_on() -> None:
    script = Script(hold_at="stop-etcd")
    async with opened(Answers(script=script)) as pilot:
        await past_danger(pilot)
        await shows(pilot, "waiting for port 2380")
        await pilot.press("p")
        await shows(pilot, "Paused")
        script.release.set()
        await pilot.pause()
        assert "Paused" in text_on_screen(pilot.app)
        await pilot.press("p")
        await shows(pilot, "Restart kubelet")


async def test_stopping_asks_first_and_rests_on_no() -> None:
    script = Script(hold_at="stop-etcd")
    async with opened(Answers(script=script)) as pilot:
        await past_danger(pilot)
        await shows(pilot, "waiting for port 2380")
        await pilot.press("x")
        await shows(pilot, "Stop the restore here?")
        await pilot.press("enter", "x")
        await shows(pilot, "Stop the restore here?")
        await pilot.press("y")
        await shows(pilot, "Stopping")
        script.release.set()
        await shows(pilot, "The restore was stopped")


async def test_escape_does_not_leave_a_run_under_way() -> None:
    script = Script(hold_at="stop-etcd")
    async with opened(Answers(script=script)) as pilot:
        await past_danger(pilot)
        await shows(pilot, "waiting for port 2380")
        await pilot.press("escape")
        await shows(pilot, "The run goes on")
        assert isinstance(pilot.app.screen, RestoreScreen)


async def test_leaving_during_a_run_asks_and_exits_with_interrupted() -> None:
    script = Script(hold_at="stop-etcd")
    async with opened(Answers(script=script)) as pilot:
        await past_danger(pilot)
        await shows(pilot, "waiting for port 2380")
        await pilot.press("ctrl+q")
        await shows(pilot, "Leave while the restore goes on?")
        await pilot.press("escape", "q")
        await shows(pilot, "Leave while the restore goes on?")
        await pilot.press("y")
        await settled(pilot, lambda: pilot.app.return_value is not None)
        assert pilot.app.return_value == 4
        assert pilot.app.return_code == 4


async def test_a_signal_during_a_run_ends_the_session_as_interrupted() -> None:
    async with opened(Answers(script=Script(hold_at="stop-etcd"))) as pilot:
        await past_danger(pilot)
        await shows(pilot, "waiting for port 2380")
        os.kill(os.getpid(), signal.SIGTERM)
        await settled(pilot, lambda: pilot.app.return_code == 4)


async def test_ctrl_q_does_not_slip_past_a_question_of_the_run() -> None:
    async with opened() as pilot:
        await to_first_question(pilot)
        await pilot.press("ctrl+q")
        await shows(pilot, "Leave while the restore goes on?")
        assert pilot.app.return_value is None


async def test_an_error_of_the_run_is_told_in_words() -> None:
    crash = NodeUnreachableError(
        "the node does not answer", where="etcd-2", remedy="look after it", detail="raw bytes"
    )
    async with opened(Answers(script=Script(crash=crash))) as pilot:
        await to_first_question(pilot)
        await pilot.press("y")
        await shows(pilot, "This did not work")
        await shows(pilot, "etcd-2")
        await shows(pilot, "Look after it.")
        await pilot.press("d")
        await shows(pilot, "raw bytes")
        run = case_of(pilot).run
        assert run is not None
        assert run.outcome is Outcome.FAILED


async def test_narrow_screens_show_one_node_and_tab_goes_to_the_next() -> None:
    async with opened(Answers(script=Script(hold_at="stop-etcd"))) as pilot:
        await past_danger(pilot)
        await shows(pilot, "waiting for port 2380")
        assert "no such container" not in text_on_screen(pilot.app)
        await pilot.press("shift+tab", "shift+tab")
        await shows(pilot, "! crictl: no such container")


async def test_wide_screens_show_the_nodes_side_by_side() -> None:
    answers = Answers(script=Script(hold_at="stop-etcd"))
    async with opened(answers, size=(160, 48)) as pilot:
        await past_danger(pilot)
        await shows(pilot, "waiting for port 2380")
        await shows(pilot, "! crictl: no such container")


async def test_nothing_is_drawn_while_nothing_happens() -> None:
    async with opened() as pilot:
        await to_danger(pilot)
        await pilot.pause(0.3)
        drawn: list[object] = []
        vars(pilot.app)["_display"] = lambda _screen, renderable: drawn.append(renderable)
        await asyncio.sleep(0.5)
        assert not [one for one in drawn if one is not None]


async def test_at_120_columns_every_node_is_seen_at_once() -> None:
    answers = Answers(script=Script(hold_at="stop-etcd"))
    async with opened(answers, size=(120, 36)) as pilot:
        await past_danger(pilot)
        await shows(pilot, "waiting for port 2380")
        await shows(pilot, "! crictl: no such container")
        panes = [pane for pane in pilot.app.screen.query(NodePane) if pane.display]
        assert [pane.view.name for pane in panes] == ["etcd-1", "etcd-2", "etcd-3"]
