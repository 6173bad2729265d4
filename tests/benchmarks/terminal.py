"""A program in a terminal of its own, with somebody at it who counts what it is sent."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import signal
import struct
import termios
import time
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import Self


class Terminal:
    """A pseudo-terminal; the program runs in a process of its own, made by a fork."""

    def __init__(self, program: Callable[[], object], size: tuple[int, int] = (160, 48)) -> None:
        self.total = 0
        """Bytes that came so far."""
        self._recent = b""
        os.environ.update(TERM="xterm-256color", COLORTERM="truecolor")
        self._process, self._end = pty.fork()
        if self._process == 0:
            with suppress(BaseException):
                program()
            os._exit(0)
        columns, rows = size
        fcntl.ioctl(self._end, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        with suppress(ProcessLookupError, ChildProcessError):
            os.kill(self._process, signal.SIGKILL)
            os.waitpid(self._process, 0)
        os.close(self._end)

    def end(self) -> None:
        """Ask the program to end by itself (SIGUSR1), and wait until it has."""
        os.kill(self._process, signal.SIGUSR1)
        until = time.perf_counter() + 20
        while time.perf_counter() < until and os.waitpid(self._process, os.WNOHANG) == (0, 0):
            self.read(0.1)

    def press(self, key: str) -> None:
        """Type it."""
        os.write(self._end, key.encode())

    def read(self, seconds: float) -> bytes:
        """What comes next; empty where nothing comes within so many seconds."""
        ready, _, _ = select.select([self._end], [], [], max(0.0, seconds))
        if not ready:
            return b""
        try:
            came = os.read(self._end, 2**16)
        except OSError:
            return b""
        self.total += len(came)
        self._recent = (self._recent + came)[-(2**18) :]
        return came

    def read_for(self, seconds: float) -> int:
        """Listen for so long; how many bytes came."""
        before, until = self.total, time.perf_counter() + seconds
        while (left := until - time.perf_counter()) > 0:
            self.read(left)
        return self.total - before

    def forget(self) -> None:
        """What came so far is nobody's answer."""
        while self.read(0.0):
            pass
        self._recent = b""

    def shows(self, words: str, seconds: float = 30.0) -> float:
        """Listen until the words come; how long that took, or as long as it was waited for."""
        begun = time.perf_counter()
        while words.encode() not in self._recent:
            left = begun + seconds - time.perf_counter()
            if left <= 0:
                return seconds
            self.read(left)
        return time.perf_counter() - begun
