"""The program ends when its terminal goes away, and is not confused by being stopped and let on."""

from __future__ import annotations

import os
import pty
import select
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress

import pytest
from textual.drivers._writer_thread import MAX_QUEUED_WRITES, WriterThread

from tests.cluster_fixtures import CHECKOUT
from tui.steady_terminal import WhileItIsThere

_PROGRAM = "from tests.screens.opening import canned_app; canned_app(pace=0.05).run()"
_SECONDS = 30.0
_PATIENCE = 0.5
"""Seconds between two presses of a key."""


class Session:
    """The program as the leader of a session on a terminal of its own, as under tmux or ssh."""

    def __init__(self) -> None:
        self.pid, self.terminal = pty.fork()
        if self.pid == 0:
            os.chdir(CHECKOUT)
            environment = os.environ | {"TERM": "xterm-256color", "COLUMNS": "80", "LINES": "24"}
            os.execvpe(sys.executable, [sys.executable, "-c", _PROGRAM], environment)
        self.ended = False

    def shows(self, words: str) -> None:
        """Read what is drawn until the words are in it."""
        drawn, until = b"", time.monotonic() + _SECONDS
        while words.encode() not in drawn:
            left = until - time.monotonic()
            assert left > 0, drawn[-2000:]
            if select.select([self.terminal], [], [], left)[0]:
                drawn += os.read(self.terminal, 2**16)

    def signal(self, *numbers: int) -> None:
        """Send it signals."""
        for number in numbers:
            os.kill(self.pid, number)

    def stopped(self) -> None:
        """Wait until it is."""
        _, status = os.waitpid(self.pid, os.WUNTRACED)
        assert os.WIFSTOPPED(status)

    def ends(self, at: bytes = b"") -> bool:
        """Whether it ends in time; `at`: a key that is pressed for it, again and again, as one that
        comes while the program takes its terminal back is lost."""
        until = time.monotonic() + _SECONDS
        while not self.ended and time.monotonic() < until:
            if at:
                with suppress(OSError):
                    os.write(self.terminal, at)
                    while select.select([self.terminal], [], [], _PATIENCE)[0]:
                        if not os.read(self.terminal, 2**16):
                            break
            self.ended = os.waitpid(self.pid, os.WNOHANG)[0] != 0
            time.sleep(0.05)
        return self.ended

    def hang_up(self) -> None:
        """Close the terminal: the system sends SIGHUP and SIGCONT."""
        os.close(self.terminal)
        self.terminal = -1


@pytest.fixture
def session() -> Iterator[Session]:
    """One that is over in the end."""
    running = Session()
    yield running
    if not running.ended:
        running.signal(signal.SIGKILL)
        os.waitpid(running.pid, 0)
    if running.terminal >= 0:
        os.close(running.terminal)


def test_it_ends_when_the_terminal_is_closed(session: Session) -> None:
    session.shows("SNAPSHOTS")
    session.hang_up()
    assert session.ends()


def test_it_ends_when_the_terminal_is_closed_while_it_is_stopped(session: Session) -> None:
    session.shows("SNAPSHOTS")
    session.signal(signal.SIGSTOP)
    session.stopped()
    session.hang_up()
    assert session.ends()


def test_stopped_without_warning_and_let_on_it_obeys(session: Session) -> None:
    session.shows("SNAPSHOTS")
    for _ in range(3):
        session.signal(signal.SIGSTOP)
        session.stopped()
        session.signal(signal.SIGCONT)
    assert session.ends(at=b"q")


def test_nothing_waits_for_a_place_in_what_a_terminal_that_is_gone_would_be_sent() -> None:
    far, near = pty.openpty()
    file = os.fdopen(near, "w")
    os.close(far)
    writer = WriterThread(WhileItIsThere(file))  # type: ignore[arg-type]
    writer.start()

    def write() -> None:
        for _ in range(10 * MAX_QUEUED_WRITES):
            writer.write("x" * 1000)
        writer.stop()

    writing = threading.Thread(target=write, daemon=True)
    writing.start()
    writing.join(_SECONDS)
    assert not writing.is_alive()
    with suppress(OSError):
        file.close()
