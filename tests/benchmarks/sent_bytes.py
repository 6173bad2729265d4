"""What a screen on which nothing happens sends to the terminal, in bytes a second.

python -m tests.benchmarks.sent_bytes [--seconds N]
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from textual.pilot import Pilot

from screens.case import Case
from screens.dialogs import dialog
from tests.benchmarks.terminal import Terminal
from tests.screens.canned import Answers, CannedIncident
from tests.screens.canned_run import Script
from tests.screens.looking import shows
from tests.screens.opening import at_home, past_danger, to_danger, to_first_question
from tui.app import RescueApp

Walk = Callable[[Pilot[Any]], Awaitable[None]]


def app(answers: Answers | None = None) -> RescueApp:
    """On a canned cluster, with a clock that goes as a real one does."""
    case = Case(CannedIncident(answers), exports=Path("nowhere"))
    return RescueApp([case.incident], cases=[case])


def inside(walk: Walk, answers: Answers | None, arrived: int) -> None:
    """Walk to the screen, say so, and stay there."""

    async def go(pilot: Pilot[Any]) -> None:
        await walk(pilot)
        await pilot.pause(1.0)
        os.write(arrived, b"here")
        await pilot.pause(600)

    dialog.GRACE = 0.0
    app(answers).run(auto_pilot=go)


def _then(first: Walk, *keys: str) -> Walk:
    async def walk(pilot: Pilot[Any]) -> None:
        await first(pilot)
        await pilot.press(*keys)

    return walk


async def _held(pilot: Pilot[Any]) -> None:
    await past_danger(pilot)
    await shows(pilot, "waiting for port 2380")


_HELD = Answers(script=Script(hold_at="stop-etcd"))
PLACES: dict[str, tuple[Walk, Answers | None]] = {
    "home": (at_home, None),
    "runs": (_then(at_home, "u"), None),
    "health": (_then(at_home, "h"), None),
    "restoring": (_held, _HELD),
    "restoring, first question": (to_first_question, None),
    "restoring, name asked": (to_danger, None),
    "restoring, help": (_then(_held, "question_mark"), _HELD),
}


def measure(name: str, seconds: float) -> float:
    """Bytes a second once the screen has come."""
    walk, answers = PLACES[name]
    here, arrived = os.pipe()
    os.set_blocking(here, False)
    with Terminal(lambda: inside(walk, answers, arrived)) as terminal:
        for _ in range(120):
            terminal.read_for(0.5)
            try:
                os.read(here, 4)
                break
            except BlockingIOError:
                continue
        else:
            raise TimeoutError(name)
        return terminal.read_for(seconds) / seconds


def main() -> int:
    """Say it for each place."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--place", choices=PLACES)
    arguments = parser.parse_args()
    for name in [arguments.place] if arguments.place else PLACES:
        sys.stdout.write(f"{name:<28} {measure(name, arguments.seconds):8.0f} bytes/s\n")
        sys.stdout.flush()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
