"""Standard output and standard error as a command leaves them, whoever listens at their ends."""

from __future__ import annotations

import codecs
import io
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from recovery.errors import RescueError
from tui.ascii_glyphs import ascii_text

if TYPE_CHECKING:
    import logging

_STAND_INS = "etcd-rescue-stand-ins"


class Told(io.TextIOWrapper):
    """A stream whose listener may leave: the command goes on, and its exit status stays true.

    `| head` takes what it wants and closes the pipe. What is written after that goes nowhere. A
    disk that is full under a redirection is an error: nobody must believe that half a runbook is
    a whole one. Where an encoding lacks a glyph, an ASCII one stands for it.
    """

    def __init__(self, number: int, name: str, old: io.TextIOWrapper) -> None:
        """Writes to the file descriptor `number`, in the encoding of `old`."""
        super().__init__(
            io.BufferedWriter(io.FileIO(number, "w", closefd=False)),
            encoding=old.encoding,
            errors=_STAND_INS,
            # So that what both say comes in its order, also in a file.
            line_buffering=True,
        )
        self._number = number
        self._called = name

    def write(self, text: str) -> int:
        """Write the text, or what becomes of it."""
        try:
            return super().write(text)
        except OSError as error:
            self._failed(error)
            return len(text)

    def flush(self) -> None:
        """Send on what is still here."""
        try:
            super().flush()
        except OSError as error:
            self._failed(error)

    def _failed(self, error: OSError) -> None:
        # Whatever is still buffered must find a place when the interpreter ends.
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, self._number)
        os.close(nowhere)
        if self._number == 1 and not isinstance(error, BrokenPipeError):
            raise RescueError(
                f"what was to be printed could not be written: {error.strerror}",
                where=self._called,
                remedy="what is there is not whole; make room, or print to another place",
            ) from error


def prepare_streams() -> None:
    """Make the process's streams ready for a command. Does nothing where something else, like a
    test, listens in their place."""
    codecs.register_error(_STAND_INS, _stand_in)
    # A descriptor that is closed would become the next file or connection that is opened.
    nowhere = Path(os.devnull)
    if sys.stdin is None:
        sys.stdin = nowhere.open(encoding="utf-8")
    if sys.stdout is None:
        sys.stdout = nowhere.open("w", encoding="utf-8")
    if sys.stderr is None:
        sys.stderr = nowhere.open("w", encoding="utf-8")
    if sys.stdout is sys.__stdout__ and isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout = Told(1, "standard output", sys.stdout)
    if sys.stderr is sys.__stderr__ and isinstance(sys.stderr, io.TextIOWrapper):
        sys.stderr = Told(2, "standard error", sys.stderr)


def keep_to_ascii() -> None:
    """From now on nothing beyond ASCII is printed."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, Told):
            stream.reconfigure(encoding="ascii", errors=_STAND_INS)


def warnings_on_stderr() -> None:
    """What the engine warns of in its log, a person at a command hears once. To call it again
    changes nothing."""
    import logging

    log = logging.getLogger("recovery")
    if log.handlers:
        return
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("etcd-rescue: %(message)s"))
    heard: set[str] = set()

    def is_new(record: logging.LogRecord) -> bool:
        known = len(heard)
        heard.add(record.getMessage())
        return len(heard) > known

    handler.addFilter(is_new)
    log.addHandler(handler)


def _stand_in(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return ascii_text(error.object[error.start : error.end]), error.end
