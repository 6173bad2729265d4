"""Keys, clicks, pastes and resizes at random, and what must hold whatever is hammered.

For longer than the tests: `python -m tests.screens.hammering --minutes 10`, which tells the seed of
what it finds; `--seed N --place NAME` does the same again.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import random
import string
import sys
import tempfile
import time
import traceback
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from textual import events
from textual.pilot import Pilot
from textual.widgets import Input

from screens.case import Case
from screens.clusters import ClustersScreen
from screens.dialogs import dialog
from screens.dialogs.failure import FailureDialog
from screens.first_run import FirstRunScreen
from screens.restore import RestoreScreen
from screens.snapshots import SnapshotsScreen
from tests.screens.canned_cluster import canned_clock
from tests.screens.canned_discovery import canned_search
from tests.screens.canned_trial import Tried
from tests.screens.hammered_places import PLACES, WatchedIncident, nowhere
from tests.screens.looking import text_on_screen
from tui.app import FirstRun, Opening, RescueApp

PATIENCE = 20.0
"""Seconds within which the program must have dealt with a burst."""

_PASTES = (
    "prod-a\nprod-a\n", "prod-b", "PROD-A", "\x1b[31mred\x1b[0m", "a" * 5000, "🙂é\u202e\x00\ufeff",
    "[bold]not[/] [/x]", "../../etc/passwd", "1\t2\r\n3", "", "\n", "-" * 200,
)  # fmt: skip
_NAMED = (
    "enter", "escape", "tab", "shift+tab", "up", "down", "left", "right", "pageup", "pagedown",
    "home", "end", "space", "backspace", "delete", "question_mark", "slash", "f1", "f2", "ctrl+p",
    "ctrl+home", "ctrl+end", "shift+up", "shift+down", "ctrl+s", "ctrl+c", "ctrl+q", "ctrl+z",
    "ctrl+u", "ctrl+w", "ctrl+k", "ctrl+a", "ctrl+e", "ctrl+x", "ctrl+v", "ctrl+d", "ctrl+r",
)  # fmt: skip
_CHARACTERS = {"space": " ", "enter": "\r", "question_mark": "?", "slash": "/", "tab": "\t"}


@dataclass
class Hammer:
    """One session under the hammer. `problems` is what did not hold."""

    name: str
    seed: int
    acts: int = 150
    done: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    left: int = 0
    """How often the program would have ended."""

    def __post_init__(self) -> None:
        self.place = PLACES[self.name]
        self.random = random.Random(f"{self.name}-{self.seed}")
        self.answers = self.place.answers()
        self.tried = Tried()
        self.incidents: list[WatchedIncident] = []

    async def strike(self) -> None:
        """Walk to the place, hammer, and see that what must hold does."""
        watch = _Watch()
        logging.getLogger("etcd_rescue").addHandler(watch)
        try:
            async with self._opened() as pilot:
                await self.place.walk(pilot)
                granted = [item for one in self.incidents for item in one.grave]
                await asyncio.wait_for(self._hammer(pilot), self.acts * 2)
                self._look(pilot)
                if not self.problems:
                    await self._go_home(pilot)
                grave = [item for one in self.incidents for item in one.grave]
                if grave != granted:
                    self.problems.append(f"consented to by accident: {grave}, before {granted}")
        except Exception as error:  # noqa: BLE001 - whatever it is, it is what is looked for
            self.problems.append(f"{type(error).__name__}: {error}")
        finally:
            logging.getLogger("etcd_rescue").removeHandler(watch)
        self.problems += watch.errors

    @asynccontextmanager
    async def _opened(self) -> AsyncIterator[Pilot[Any]]:
        with tempfile.TemporaryDirectory() as directory:
            app = self._app(Path(directory))
            size = self.random.choice([(80, 24), (160, 48), (100, 30)])
            vars(app)["_leave"] = self._leaving
            async with app.run_test(size=size, notifications=True) as pilot:
                yield pilot

    def _leaving(self, code: int) -> None:
        self.left += 1

    def _app(self, directory: Path) -> RescueApp:
        pace = self.random.choice([0.0, 0.0, 0.002, 0.02])
        if self.place.walk is not nowhere:
            pace = 0.0

        def case(name: str) -> Case:
            incident = WatchedIncident(self.answers, name=name, pace=pace, tried=self.tried)
            self.incidents.append(incident)
            exports = directory if self.random.random() < 0.5 else Path("nowhere")
            return Case(incident, canned_clock, lambda: 0.0, exports, 0.01, tick=0.1)

        cases = [case(name) for name in self.place.names]
        if not self.place.first_run:
            return RescueApp([one.incident for one in cases], cases=cases)

        def screen(log_path: Path | None) -> FirstRunScreen:
            inventory = directory / "inventory.yaml"
            return FirstRunScreen(inventory, search=canned_search, clock=canned_clock)

        opening = Opening("inventory.yaml", lambda: [one.incident for one in cases])
        return RescueApp(first_run=FirstRun(screen, lambda _path: opening))

    async def _hammer(self, pilot: Pilot[Any]) -> None:
        while len(self.done) < self.acts and not self.problems:
            for _ in range(self.random.choice([1, 1, 2, 3, 8])):
                await self._act(pilot)
            await self._settle(pilot)
            self._look(pilot)

    async def _settle(self, pilot: Pilot[Any]) -> None:
        """Sometimes nothing is waited for, sometimes all that was begun."""
        for _ in range(self.random.choice([0, 1, 1, 5])):
            await asyncio.sleep(0)
        if self.random.random() < 0.4:
            await asyncio.wait_for(pilot.pause(), PATIENCE)
        if self.random.random() < 0.05:
            await asyncio.sleep(self.random.random() * 0.1)
        if self.random.random() < 0.02:
            self.answers.script.release.set()

    def _look(self, pilot: Pilot[Any]) -> None:
        error = pilot.app._exception
        if error is not None:
            self.problems.append(f"{type(error).__name__}: {error}")

    async def _act(self, pilot: Pilot[Any]) -> None:
        chance = self.random.random()
        if chance < 0.8:
            self._press(pilot, self._key(pilot))
        elif chance < 0.88:
            self._click(pilot)
        elif chance < 0.93:
            text = self.random.choice(_PASTES)
            self.done.append(f"paste {text[:12]!r}")
            pilot.app.post_message(events.Paste(text))
        else:
            width, height = self.random.randint(20, 250), self.random.randint(5, 80)
            if self.random.random() < 0.3:
                width, height = self.random.choice([(20, 5), (250, 80), (80, 24), (119, 40)])
            self.done.append(f"{width}x{height}")
            await asyncio.wait_for(pilot.resize_terminal(width, height), PATIENCE)

    def _key(self, pilot: Pilot[Any]) -> str:
        chance = self.random.random()
        if chance < 0.5:
            known = list(pilot.app.screen.active_bindings)
            return self.random.choice(known or ["enter"])
        if chance < 0.6:
            return self.random.choice(["enter", "escape", "y", "enter", "down"])
        if chance < 0.85:
            return self.random.choice(_NAMED)
        return self.random.choice(string.ascii_letters + string.digits)

    def _press(self, pilot: Pilot[Any], key: str) -> None:
        self.done.append(key)
        character = key if len(key) == 1 else _CHARACTERS.get(key)
        for _ in range(self.random.choice([1, 1, 1, 2, 3])):
            pilot.app.post_message(events.Key(key, character))

    def _click(self, pilot: Pilot[Any]) -> None:
        width, height = pilot.app.size
        x, y = self.random.randrange(max(1, width)), self.random.randrange(max(1, height))
        self.done.append(f"click {x},{y}")
        kinds: list[type[events.MouseEvent]] = [events.MouseMove]
        if self.random.random() < 0.3:
            kinds.append(self.random.choice([events.MouseScrollDown, events.MouseScrollUp]))
        else:
            kinds += [events.MouseDown, events.MouseUp] * self.random.choice([1, 1, 2])
        for kind in kinds:
            pilot.app.post_message(kind(None, x, y, 0, 0, 1, False, False, False, x, y))

    async def _go_home(self, pilot: Pilot[Any]) -> None:
        """By esc, and where a run or its question stands in the way, by ending that."""
        self.answers.script.release.set()
        for _ in range(80):
            if self._at_home(pilot):
                await asyncio.wait_for(pilot.pause(), PATIENCE)
                self._look(pilot)
                return
            screen = pilot.app.screen
            key = "escape"
            if isinstance(screen, FailureDialog) and not isinstance(screen.focused, Input):
                key = "a"
            elif isinstance(screen, RestoreScreen) and screen.view.outcome is None:
                paused = screen.restore_run is not None and screen.restore_run.paused
                key = "p" if paused else "escape"
            pilot.app.post_message(events.Key(key, key if len(key) == 1 else None))
            await asyncio.wait_for(pilot.pause(0.01), PATIENCE)
        stack = " > ".join(type(screen).__name__ for screen in pilot.app.screen_stack)
        self.problems.append(f"never home: {stack}\n{text_on_screen(pilot.app)}")

    def _at_home(self, pilot: Pilot[Any]) -> bool:
        stack = pilot.app.screen_stack
        home = (SnapshotsScreen, ClustersScreen, FirstRunScreen)
        return len(stack) == 2 and isinstance(stack[-1], home)


class _Watch(logging.Handler):
    """Errors that nobody foresaw are shown in words: here they count."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.errors: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        if "nobody is asked" not in str(error):
            where = "".join(traceback.format_exception(error)[-6:]) if error is not None else ""
            self.errors.append(f"{record.getMessage()}: {type(error).__name__}: {error}\n{where}")


async def hammered(name: str, seed: int, acts: int = 150) -> Hammer:
    """One session; its `problems` should be none."""
    hammer = Hammer(name, seed, acts)
    await hammer.strike()
    return hammer


def _main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=1.0)
    parser.add_argument("--seed", type=int)
    parser.add_argument("--place", choices=PLACES)
    parser.add_argument("--acts", type=int, default=300)
    arguments = parser.parse_args()
    dialog.GRACE = 0.0
    end = time.monotonic() + arguments.minutes * 60
    seed, bad, sessions = arguments.seed if arguments.seed is not None else 0, 0, 0
    while time.monotonic() < end:
        for name in [arguments.place] if arguments.place else PLACES:
            hammer = asyncio.run(hammered(name, seed, arguments.acts))
            sessions += 1
            if hammer.problems:
                bad += 1
                sys.stdout.write(f"\n{name} seed {seed}, after {hammer.done[-12:]}\n")
                sys.stdout.write("\n".join(hammer.problems)[-3000:] + "\n")
                sys.stdout.flush()
        if arguments.seed is not None:
            break
        seed += 1
    sys.stdout.write(f"{sessions} sessions, {bad} with problems\n")
    return 1 if bad else 0


if __name__ == "__main__":
    raise SystemExit(_main())
