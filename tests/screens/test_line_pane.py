"""Live output: bounded, plain, followed, and never in the way of a key."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime

from textual import events
from textual.app import App, ComposeResult

from recovery.restore.events import Output, Stream
from screens.restore import RestoreScreen
from screens.widgets.line_pane import LinePane
from tests.screens.canned import Answers, CannedIncident
from tests.screens.canned_run import Script
from tests.screens.looking import shows, text_on_screen
from tests.screens.opening import case_of, opened, to_plan


class PaneApp(App[None]):
    def __init__(self, keep: int = 100) -> None:
        super().__init__()
        self.pane = LinePane(keep=keep, follow=True)

    def compose(self) -> ComposeResult:
        yield self.pane


def out(*texts: str, stream: Stream = Stream.OUT) -> list[tuple[Stream, tuple[str, ...]]]:
    return [(stream, texts)]


async def test_no_more_lines_are_kept_than_asked_for() -> None:
    app = PaneApp(keep=100)
    async with app.run_test(size=(40, 10)) as pilot:
        for start in range(0, 1000, 70):
            app.pane.add(out(*(f"line {n}" for n in range(start, start + 70))))
        await pilot.pause()
        assert app.pane.line_count == 100
        assert app.pane.dropped == 15 * 70 - 100
        assert app.pane.text.endswith(f"line {15 * 70 - 1}")
        assert "line 1049" in text_on_screen(app)


async def test_the_line_that_is_one_too_many_for_the_pane_is_seen_though_nothing_follows() -> None:
    app = PaneApp()
    async with app.run_test(size=(40, 10)) as pilot:
        for number in range(11):
            app.pane.add(out(f"line {number}"))
            await shows(pilot, f"line {number}")


async def test_the_bar_covers_no_letter_of_what_was_there_before_it() -> None:
    app = PaneApp()
    async with app.run_test(size=(40, 10)) as pilot:
        app.pane.add(out("0123456789" * 4))
        await shows(pilot, "0123456789")
        app.pane.add(out(*(f"line {number}" for number in range(10))))
        await shows(pilot, "line 9")
        app.pane.focus()
        await pilot.press("home")
        await shows(pilot, "line 0")
        first, second, *_ = text_on_screen(app).splitlines()
        assert first.rstrip("▁▂▃▄▅▆▇█ ") + second.rstrip("▁▂▃▄▅▆▇█ ")[2:] == "0123456789" * 4


async def test_the_end_is_followed_until_a_person_scrolls_up() -> None:
    app = PaneApp(keep=1000)
    async with app.run_test(size=(40, 10)) as pilot:
        app.pane.add(out(*(f"line {n}" for n in range(50))))
        await shows(pilot, "line 49")
        app.pane.focus()
        await pilot.press("pageup")
        await shows(pilot, "line 35")
        app.pane.add(out("newest"))
        await pilot.pause()
        assert "newest" not in text_on_screen(app)
        await pilot.press("end")
        await shows(pilot, "newest")
        app.pane.add(out("newer still"))
        await shows(pilot, "newer still")


async def test_what_a_person_reads_stays_in_place_while_old_lines_go() -> None:
    app = PaneApp(keep=60)
    async with app.run_test(size=(40, 10)) as pilot:
        app.pane.add(out(*(f"line {n}" for n in range(60))))
        await shows(pilot, "line 59")
        app.pane.focus()
        await pilot.press("pageup", "pageup")
        await pilot.pause()
        before = text_on_screen(app).splitlines()[0]
        app.pane.add(out(*(f"later {n}" for n in range(10))))
        await pilot.pause()
        assert text_on_screen(app).splitlines()[0].split() == before.split()


async def test_control_characters_and_markup_are_shown_as_plain_text() -> None:
    app = PaneApp()
    async with app.run_test(size=(60, 10)) as pilot:
        app.pane.add(out("[/foo] \x1b]52;c;aGk=\x07 \u202egnp.exe", "tab\there"))
        await shows(pilot, "[/foo] ·]52;c;aGk=· ·gnp.exe")
        assert "tab here" in text_on_screen(app)


async def test_long_and_wide_lines_are_wrapped_whole() -> None:
    app = PaneApp()
    async with app.run_test(size=(30, 12)) as pilot:
        app.pane.add(out("x" * 70, "漢字" * 20, "words that are wrapped between words"))
        await shows(pilot, "words that are wrapped")
        drawn = "".join(text_on_screen(app).split())
        assert "x" * 70 in drawn
        assert "漢字" * 20 in drawn


async def test_error_output_differs_by_more_than_colour() -> None:
    app = PaneApp()
    async with app.run_test(size=(40, 10)) as pilot:
        app.pane.add(out("broken", stream=Stream.ERR))
        app.pane.add(out("a remark", stream=Stream.NOTE))
        await shows(pilot, "! broken")
        await shows(pilot, "· a remark")


async def test_a_key_is_answered_while_three_nodes_pour_out_lines() -> None:
    answers = Answers(script=Script(hold_at="recheck"))
    async with opened(answers, size=(160, 48)) as pilot:
        await to_plan(pilot)
        await pilot.press("enter")
        await shows(pilot, "waiting for port 2380")
        incident = case_of(pilot).incident
        assert isinstance(incident, CannedIncident)
        waits = await _waits_under_load(pilot.app, incident)
        # Typically 15 ms of the program's own time: what other processes take does not count.
        assert sorted(waits)[len(waits) // 2] < 0.1


async def _waits_under_load(app: App[object], incident: CannedIncident) -> list[float]:
    listen = incident.runs[0].listen
    lines = tuple(f"line {n} of a chatty command, about /var/lib/etcd" for n in range(250))
    now = datetime.now(UTC)
    pouring = True

    async def pour() -> None:
        started, sent = time.thread_time(), 0
        while pouring:
            while sent < (time.thread_time() - started) * 100_000:
                listen(Output(now, f"etcd-{sent // 250 % 3 + 1}", Stream.OUT, lines))
                sent += len(lines)
            await asyncio.sleep(0.002)

    task = asyncio.create_task(pour())
    screen = app.screen
    assert isinstance(screen, RestoreScreen)
    waits = []
    for _ in range(20):
        chosen, asked = screen.panes.chosen, time.thread_time()
        app.post_message(events.Key("tab", None))
        while screen.panes.chosen == chosen:  # noqa: ASYNC110 - the wait itself is measured
            await asyncio.sleep(0)
        waits.append(time.thread_time() - asked)
        await asyncio.sleep(0.02)
    pouring = False
    await task
    return waits
