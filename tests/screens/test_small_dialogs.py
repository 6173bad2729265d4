"""No question hides its answers, however small the terminal and however long its words."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widget import Widget
from textual.widgets import Button, Input

from recovery.errors import RescueError
from recovery.restore.operator import ActionFailure, NodeFailure
from recovery.restore.plan import Plan
from recovery.restore.standings import standing_of
from screens.dialogs.box import READ_BACK, READ_ON, DialogBox, DialogText
from screens.dialogs.change import ChangeDialog
from screens.dialogs.consent import ConsentDialog
from screens.dialogs.dialog import Dialog
from screens.dialogs.failure import FailureDialog
from screens.dialogs.field import Asked, FieldsDialog
from screens.dialogs.host_key import HostKeyDialog
from screens.dialogs.interrupted import InterruptedDialog
from screens.dialogs.locked import LockedDialog
from screens.dialogs.naming import NamingDialog
from screens.dialogs.question import QuestionDialog
from screens.dialogs.trouble import TroubleDialog
from screens.dialogs.typed import TypedDialog
from screens.dialogs.writing import WritingDialog
from tests.screens.canned_cluster import canned_clock
from tests.screens.canned_discovery import unknown_key
from tests.screens.canned_past import HOLDER, past_run
from tests.screens.canned_plan import canned_plan
from tests.screens.looking import settled, text_on_screen
from tests.screens.opening import opened

LONG = " ".join(f"word-{number}" for number in range(120))
"""More than any small box has room for, each word to be told from the others."""


def _plan() -> Plan:
    return canned_plan("snapshot-etcd-2026-11-22-000000-10.0.0.11.tar", "prod-a")


def _failed() -> Dialog[Any]:
    plan = _plan()
    step = plan.steps[4]
    failure = NodeFailure("etcd-2", LONG, 1, "mv: cannot move: Read-only file system")
    failed = ActionFailure(step, step.actions[0], (failure,), 2, can_go_on_without=True)
    return FailureDialog(failed, "Step 5 is partly done.")


def _interrupted() -> Dialog[Any]:
    plan = _plan()
    standing = standing_of(past_run(plan, "stop-control-plane"), plan)
    return InterruptedDialog(standing, canned_clock())


def _fields() -> Dialog[Any]:
    asked = [Asked(key, key) for key in ("endpoint", "bucket", "access key", "secret key")]
    return FieldsDialog("S3", [one._replace(key=one.key[:6]) for one in asked], lambda _: ())


DIALOGS: dict[str, Callable[[], Dialog[Any]]] = {
    "change": lambda: ConsentDialog(_plan(), _plan().gates[0]),
    "danger": lambda: ConsentDialog(_plan(), _plan().gates[1]),
    "typed": lambda: TypedDialog("Sure", [("stops", LONG)], prompt="Type “x”: ", wanted="x"),
    "question": lambda: QuestionDialog("Sure?", LONG, yes="yes, do it", no="No, go back"),
    "failure": _failed,
    "interrupted": _interrupted,
    "locked": lambda: LockedDialog(HOLDER),
    "host key": lambda: HostKeyDialog("etcd-2", unknown_key("etcd-2")),
    "trouble": lambda: TroubleDialog(RescueError(LONG, remedy="look there", detail="raw")),
    "naming": lambda: NamingDialog("Name", LONG, "prod-a", lambda _: None),
    "writing": lambda: WritingDialog("Add a line", LONG),
    "fields": _fields,
    "backup change": lambda: ChangeDialog("prod-a", "etcd-backup", "+ a\n" * 60, ("a secret",)),
}


@pytest.mark.parametrize("size", [(60, 16), (80, 24)], ids=["60x16", "80x24"])
@pytest.mark.parametrize("name", DIALOGS)
async def test_every_answer_and_field_is_whole_in_its_box(name: str, size: tuple[int, int]) -> None:
    async with opened(size=size) as pilot:
        await _asked(pilot, DIALOGS[name]())
        box = pilot.app.screen.query_one(DialogBox)
        kinds = (Button, Input) if name != "fields" else (Input,)
        answers = [each for kind in kinds for each in box.query(kind).results(Widget)]
        shown = [each for each in answers if each.display and each.parent and each.parent.display]
        assert shown
        for each in shown:
            assert box.content_region.contains_region(each.region), each
            assert each.region.height == 1
        text = text_on_screen(pilot.app)
        for button in box.query(Button):
            assert str(button.label) in text


@pytest.mark.parametrize("name", ["typed", "question", "failure", "trouble", "writing"])
async def test_a_text_longer_than_its_box_says_so_and_is_read_to_its_end(name: str) -> None:
    async with opened(size=(60, 16)) as pilot:
        await _asked(pilot, DIALOGS[name]())
        focused = pilot.app.focused
        await settled(pilot, lambda: READ_ON in text_on_screen(pilot.app))
        seen = set(re.findall(r"word-\d+", text_on_screen(pilot.app)))
        body = pilot.app.screen.query_one(DialogText)
        while body.scroll_y < body.max_scroll_y:
            await pilot.press("down")
            seen |= set(re.findall(r"word-\d+", text_on_screen(pilot.app)))
        assert {f"word-{number}" for number in range(120)} <= seen
        assert READ_BACK in text_on_screen(pilot.app)
        assert pilot.app.focused is focused, "what is typed still goes to the field"


@pytest.mark.parametrize("width", [60, 80])
async def test_what_stands_beside_a_word_is_folded_under_itself_for_its_box(width: int) -> None:
    async with opened(size=(width, 24)) as pilot:
        await _asked(pilot, _interrupted())
        inside = [line.partition("│")[2] for line in text_on_screen(pilot.app).splitlines()]
        first = next(n for n, line in enumerate(inside) if line.startswith("   snapshot"))
        last = next(n for n, line in enumerate(inside) if line.startswith("   holds now"))
        paragraphs = [line for line in inside[first:last] if line[3] == " "]
        assert paragraphs
        assert all(line[:15].isspace() and line[15] != " " for line in paragraphs)
        longest = max(len(line.partition("│")[0].rstrip()) for line in inside[first:last])
        assert longest > min(width, 80) - 14


async def test_a_short_text_has_no_remark_on_its_edge() -> None:
    async with opened() as pilot:
        await _asked(pilot, QuestionDialog("Sure?", "Really?", yes="yes"))
        assert READ_ON not in text_on_screen(pilot.app)


async def _asked(pilot: Pilot[Any], dialog: Dialog[Any]) -> None:
    pilot.app.push_screen(dialog)
    await settled(pilot, lambda: pilot.app.screen is dialog and bool(dialog.query(DialogBox)))
    await pilot.pause()
