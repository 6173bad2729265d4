"""Draws on a terminal that may go away: then nothing is drawn any more, and nothing waits for it.

Textual writes from a thread of its own. Where the terminal is gone that thread would end with an
error, its queue would fill, and the whole program would wait for a place in it for ever: with its
sessions open, so that its lock on the nodes looked like somebody at work.
"""

from __future__ import annotations

from typing import IO, Any

from textual.drivers.linux_driver import LinuxDriver


class WhileItIsThere:
    """A file that takes everything, also when there is nobody to read it any more."""

    def __init__(self, file: IO[str]) -> None:
        self._file = file

    def write(self, text: str) -> None:
        """Write it, or leave it."""
        try:
            self._file.write(text)
        except OSError:
            return

    def flush(self) -> None:
        """Hand on what was written, or leave it."""
        try:
            self._file.flush()
        except OSError:
            return

    def fileno(self) -> int:
        """The number of the terminal's file."""
        return self._file.fileno()


class SteadyDriver(LinuxDriver):
    """Textual's driver, for a terminal that may be closed or stopped at any moment."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        if self._file is not None:
            self._file = WhileItIsThere(self._file)  # type: ignore[assignment]

    def _sigcont_application(self, *_: object) -> None:
        """Go on. A terminal that closes sends SIGCONT as well, after SIGHUP; and whoever sends
        SIGSTOP gives no warning: Textual would start its threads a second time."""
        if self._app._exit:
            return
        writing = self._writer_thread
        if writing is not None and writing.is_alive():
            self.suspend_application_mode()
        super()._sigcont_application()
