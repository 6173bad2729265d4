"""One line of progress on stderr, on a terminal only."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import Self


class ProgressLine:
    """Draws `what  62 %` over itself, at most ten times a second; silent without a terminal."""

    def __init__(self) -> None:
        self._shown = False
        self._drawn_at = 0.0
        self._active = sys.stderr.isatty()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._shown:
            sys.stderr.write("\r\x1b[K")

    def moved(self, what: str, done: int, total: int) -> None:
        """Take note of bytes done and in all (0 where unknown)."""
        now = time.monotonic()
        if not self._active or now - self._drawn_at < 0.1:
            return
        self._drawn_at = now
        self._shown = True
        share = f"{100 * done // total} %" if total else f"{done // 2**20} MiB"
        sys.stderr.write(f"\r\x1b[K{what}  {share}")
        sys.stderr.flush()
