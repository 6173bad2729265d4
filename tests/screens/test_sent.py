"""What is sent to the terminal: all that changes, and nothing twice."""

from __future__ import annotations

import re
from typing import Any

from rich.cells import cell_len
from textual._compositor import CompositorUpdate
from textual.pilot import Pilot

from screens.widgets.top_line import TopLine
from tests.screens.canned import Answers
from tests.screens.canned_run import Script
from tests.screens.looking import settled, text_on_screen
from tests.screens.opening import at_home, canned_app, past_danger
from tui.app import RescueApp
from tui.sent import Sent

_MOVE = re.compile(r"\x1b\[(\d+);(\d+)H")
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


class Terminal:
    """Shows what it is sent, as a terminal does."""

    def __init__(self, app: RescueApp) -> None:
        self.app = app
        self.sent = Sent()
        self.rows = [[" "] * 200 for _ in range(60)]
        self.screen: object = None
        self.bytes = 0
        self.drawings = 0
        vars(app)["_display"] = self.display

    def display(self, screen: object, drawing: object) -> None:
        """In place of the app's own, which sends nothing without a terminal."""
        if not isinstance(drawing, CompositorUpdate) or self.app._batch_count:
            return
        if screen is not self.screen:
            self.sent.forget()
            self.screen = screen
        self.drawings += 1
        difference = self.sent.difference(drawing, self.app.console)
        if difference is not None:
            self._take(difference.render_segments(self.app.console))

    def _take(self, text: str) -> None:
        self.bytes += len(text)
        parts = _MOVE.split(_COLOUR.sub("", text))
        assert not parts[0]
        for row, column, words in zip(parts[1::3], parts[2::3], parts[3::3], strict=True):
            assert words
            x = int(column) - 1
            for character in words:
                cells = cell_len(character)
                self.rows[int(row) - 1][x : x + cells] = [character, *[""] * (cells - 1)]
                x += cells

    @property
    def text(self) -> str:
        """What it shows."""
        width, height = self.app.size
        rows = ("".join(row[:width]).rstrip() for row in self.rows[:height])
        return "\n".join(rows).replace("\u00a0", " ")


async def _agree(pilot: Pilot[Any], terminal: Terminal, *keys: str) -> None:
    for key in ("", *keys):
        if key:
            await pilot.press(key)
        await pilot.pause(0.1)
        assert terminal.text == text_on_screen(pilot.app), key


async def test_what_was_sent_adds_up_to_what_is_drawn() -> None:
    app = canned_app(Answers(script=Script(hold_at="stop-etcd")))
    terminal = Terminal(app)
    async with app.run_test(size=(130, 40), notifications=True) as pilot:
        await at_home(pilot)
        await _agree(pilot, terminal, "down", "s", "slash", "2", "escape", "enter", "escape")
        await _agree(pilot, terminal, "question_mark", "pagedown", "escape", "u", "escape")
        await past_danger(pilot)
        await _agree(pilot, terminal, "tab", "p", "x", "escape", "p", "question_mark", "escape")


async def test_what_is_drawn_anew_without_a_change_is_not_sent() -> None:
    app = canned_app()
    terminal = Terminal(app)
    async with app.run_test(size=(130, 40)) as pilot:
        await at_home(pilot)
        await _agree(pilot, terminal, "down")
        app.screen.refresh(layout=True)
        await pilot.pause(0.1)
        before, drawings = terminal.bytes, terminal.drawings
        for widget in app.screen.query("*"):
            widget.refresh()
        await pilot.pause(0.1)
        assert terminal.drawings > drawings
        assert terminal.bytes == before


async def test_what_an_opaque_screen_covers_is_not_drawn_and_comes_back_as_it_is_then() -> None:
    app = canned_app()
    terminal = Terminal(app)
    async with app.run_test(size=(130, 40)) as pilot:
        await at_home(pilot)
        home = app.screen
        await _agree(pilot, terminal, "u")
        await settled(pilot, lambda: not getattr(app.screen, "looking", True))
        await pilot.pause(0.3)
        drawings = terminal.drawings
        home.query_one(TopLine).display = False
        await pilot.pause(0.3)
        assert terminal.drawings == drawings
        await _agree(pilot, terminal, "escape")
        assert "prod-a" not in terminal.text.splitlines()[0]


async def test_after_a_change_of_size_all_is_sent() -> None:
    app = canned_app()
    async with app.run_test(size=(130, 40)) as pilot:
        await at_home(pilot)
        app._sent._rows[0] = {0: (1, "x")}
        await pilot.resize_terminal(100, 30)
        assert not app._sent._rows
