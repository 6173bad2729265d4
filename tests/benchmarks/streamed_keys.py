"""How long a key waits for its answer while three nodes print as fast as they can.

    python -m tests.benchmarks.streamed_keys [--keys N] [--at-most MILLISECONDS] [--quiet]
        [--profile FILE]

The restore's screen runs in a terminal and a process of its own. Its nodes are three OpenSSH
servers, and what they print (`seq`, `yes`) takes the whole way of a run's output: SSH, lines,
secrets hidden, the log, the panes. A key is pressed ten times a second; its answer is there when
the words that it brings have come to the terminal. `--quiet` measures the same without output, to
compare with. On a busy machine other programs are in it, also the nodes, which are other machines
in earnest: the CPU time from the key to the answer (in brackets) is the program's own, with all
that it did for its nodes meanwhile.
"""

# ruff: noqa: E402
from __future__ import annotations

import argparse
import asyncio
import cProfile
import getpass
import json
import os
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from statistics import quantiles
from typing import Any

from tui.promptness import answer_promptly

answer_promptly()  # As the program does, before Textual is imported.

from textual import events
from textual.app import App
from textual.message import Message
from textual.pilot import Pilot

from recovery.inventory.model import Cluster
from recovery.restore.delivering import NO_SUPPLY, Deliverer
from recovery.restore.events import Stream
from recovery.restore.node_work import NodeWorker, Try
from recovery.restore.plan import NodeWork
from recovery.restore.run_record import RunRecord
from recovery.restore.telling import Telling
from recovery.ssh.fleet import Fleet
from screens.dialogs import dialog
from screens.restore import RestoreScreen
from tests.benchmarks.sent_bytes import app
from tests.benchmarks.terminal import Terminal
from tests.screens.canned import Answers
from tests.screens.canned_run import Script
from tests.screens.looking import shows
from tests.screens.opening import past_danger
from tests.ssh.servers import Account, openssh_server

PRINTING = {
    "etcd-1": "exec seq 1 1000000000",
    "etcd-2": "exec yes '2026-11-22T14:02:31Z copied /var/lib/etcd/member/snap/db to its place'",
    "etcd-3": "exec yes",
}
KEY = "p"
ANSWERS = ("Paused: the action", "kubelet, etcd and the control plane are stopped")
"""What the key brings, by turns."""
SECONDS_BETWEEN_KEYS = 0.1
LONGEST = 15.0


@dataclass(frozen=True)
class Scene:
    """The nodes, where the record goes, and whom to tell that all is under way."""

    cluster: Cluster
    directory: Path
    arrived: int
    quiet: bool
    profile: str


@dataclass
class Spent:
    """The program's CPU time from a key to its answer."""

    seconds: list[float] = field(default_factory=list)
    asked: float | None = None

    def watch(self, app: App[Any]) -> None:
        """Look at keys as they come from the terminal, and at what it is sent."""
        driver = app._driver
        assert driver is not None
        process, write = driver.process_message, driver.write

        def pressed(event: Message) -> None:
            if isinstance(event, events.Key):
                self.asked = time.process_time()
            process(event)

        def sent(text: str) -> None:
            if self.asked is not None and any(words in text for words in ANSWERS):
                self.seconds.append(time.process_time() - self.asked)
                self.asked = None
            write(text)

        vars(driver)["process_message"], vars(driver)["write"] = pressed, sent


async def _print_from(pilot: Pilot[Any], scene: Scene) -> None:
    screen = next(one for one in pilot.app.screen_stack if isinstance(one, RestoreScreen))
    telling = Telling(RunRecord(scene.directory / "run"), screen.view.take)
    async with Fleet(scene.cluster) as fleet:
        worker = NodeWorker(fleet, Deliverer(fleet, NO_SUPPLY))

        async def of(node: str, script: str) -> None:
            def say(stream: Stream, lines: Sequence[str]) -> None:
                telling.say(node, stream, lines)

            work, this = NodeWork(node, script), Try("print", 1, 3600.0)
            await worker.do(work, this, say=say, moved=lambda *_: None)

        await asyncio.gather(*(of(node, text) for node, text in PRINTING.items()))


def inside(scene: Scene) -> None:
    """In the terminal's process: the restore, held in the middle, and its nodes' output."""

    async def go(pilot: Pilot[Any]) -> None:
        spent = Spent()
        spent.watch(pilot.app)
        await past_danger(pilot)
        await shows(pilot, "waiting for port 2380")
        printing = None if scene.quiet else asyncio.create_task(_print_from(pilot, scene))
        await asyncio.sleep(3.0)
        os.write(scene.arrived, b"here")
        done = asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, done.set)
        profile = cProfile.Profile()
        if scene.profile:
            profile.enable()
        spent.seconds.clear()
        await done.wait()
        profile.disable()
        if scene.profile:
            profile.dump_stats(scene.profile)
        if printing is not None:
            printing.cancel()
            await asyncio.gather(printing, return_exceptions=True)
        (scene.directory / "cpu").write_text(json.dumps(spent.seconds))
        pilot.app.exit()

    dialog.GRACE = 0.0
    app(Answers(script=Script(hold_at="stop-etcd"))).run(auto_pilot=go)


def keys_of(terminal: Terminal, times: int) -> list[float]:
    """Press the key so many times; seconds to each answer."""
    took = []
    for number in range(times):
        terminal.forget()
        terminal.press(KEY)
        took.append(terminal.shows(ANSWERS[number % 2], LONGEST))
        terminal.read_for(SECONDS_BETWEEN_KEYS)
    return took


async def measure(directory: Path, keys: int, *, quiet: bool, profile: str) -> list[float]:
    """Start servers and the program; press the keys."""
    account = Account(directory)
    account.write()
    here, arrived = os.pipe()
    os.set_blocking(here, False)
    async with AsyncExitStack() as stack:
        servers = [await stack.enter_async_context(openssh_server(account)) for _ in PRINTING]
        for server in servers:
            account.trust(server)
        nodes = [
            account.node(server, name, user=getpass.getuser())
            for server, name in zip(servers, PRINTING, strict=True)
        ]
        scene = Scene(Cluster("prod-a", tuple(nodes)), directory, arrived, quiet, profile)
        return await asyncio.to_thread(_watch, scene, here, keys)


def _watch(scene: Scene, here: int, keys: int) -> list[float]:
    with Terminal(partial(_in_new_process, partial(inside, scene))) as terminal:
        _wait(terminal, here)
        began, before = time.perf_counter(), _logged(scene.directory)
        sent = terminal.total
        took = keys_of(terminal, keys)
        seconds = time.perf_counter() - began
        logged = (_logged(scene.directory) - before) / seconds
        sent = terminal.total - sent
        sys.stdout.write(
            f"{logged / 1e6:.1f} MB/s into the logs, {sent / seconds / 1e3:.0f} kB/s to the "
            f"terminal\n"
        )
        terminal.end()
        return took


def _in_new_process(program: Callable[[], None]) -> None:
    # The loop that the fork brought along is the other process's.
    asyncio.events._set_running_loop(None)
    program()


def _wait(terminal: Terminal, here: int) -> None:
    for _ in range(240):
        terminal.read_for(0.5)
        try:
            os.read(here, 4)
        except BlockingIOError:
            continue
        return
    raise TimeoutError("the run did not begin")


def _logged(directory: Path) -> int:
    return sum(log.stat().st_size for log in directory.glob("run/*.log"))


def main() -> int:
    """Exit status 1 where 95 of 100 keys take more than `--at-most` of its own time."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--keys", type=int, default=100)
    parser.add_argument("--at-most", type=float, default=50.0)
    parser.add_argument("--quiet", action="store_true")
    parser.add_argument("--profile", default="")
    arguments = parser.parse_args()
    os.environ.pop("SSH_AUTH_SOCK", None)
    with tempfile.TemporaryDirectory(prefix="streamed-keys-") as made:
        os.environ["HOME"] = made
        took = asyncio.run(
            measure(Path(made), arguments.keys, quiet=arguments.quiet, profile=arguments.profile)
        )
        own = json.loads((Path(made) / "cpu").read_text())
    p50, p95, most = _figures(took)
    sys.stdout.write(f"{len(took)} keys: p50 {p50:.0f} ms, p95 {p95:.0f} ms, max {most:.0f} ms")
    p50, p95, most = _figures(own)
    sys.stdout.write(f" (p50 {p50:.0f} ms, p95 {p95:.0f} ms, max {most:.0f} ms)\n")
    return 0 if p95 <= arguments.at_most and len(own) == len(took) else 1


def _figures(seconds: list[float]) -> tuple[float, float, float]:
    """p50, p95 and the most, in milliseconds."""
    p95 = quantiles(seconds, n=20, method="inclusive")[-1]
    return 1000 * quantiles(seconds, n=2)[0], 1000 * p95, 1000 * max(seconds)


if __name__ == "__main__":
    raise SystemExit(main())
