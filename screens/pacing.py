"""How often a screen is drawn: never so often that a key has to wait for drawings."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic

LOST = 1.0
"""Seconds after which a drawing whose end nobody told is taken for ended."""


class Pace:
    """Leaves as much time between two drawings as the last one took.

    On a fast machine that changes nothing; on a slow one, or a large terminal, half of the time
    is free for keys.
    """

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._began: float | None = None
        self._next = 0.0

    def begins(self) -> bool:
        """Whether to draw now; if so, `ended` is to be called once it is on the terminal."""
        now = self._clock()
        if self._began is not None and now - self._began < LOST:
            return False
        if now < self._next:
            return False
        self._began = now
        return True

    def nothing_new(self) -> None:
        """Nothing had to be drawn."""
        self._began = None

    def ended(self) -> None:
        """It is on the terminal."""
        if self._began is not None:
            now = self._clock()
            self._next = now + (now - self._began)
            self._began = None
