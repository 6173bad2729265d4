"""What lets a key be answered at once, whatever else the program does meanwhile."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Callable
from time import monotonic

_SWITCH = 0.001
"""Seconds that a thread may wait for the interpreter: keys are read, and the screen is written, by
threads of their own, five times as long by default."""

_FRAMES = "120"
"""Pictures a second at most. Textual waits for the next one's turn before it draws an answer."""

_QUIET = 1.0
"""Seconds without a key after which nobody is taken to be typing."""

_WORTHWHILE = 10
"""Collections of what is young, after which all is gone through."""


def answer_promptly() -> None:
    """Set the process up for a person at a screen. Before Textual is imported."""
    os.environ.setdefault("TEXTUAL_FPS", _FRAMES)
    sys.setswitchinterval(_SWITCH)


class QuietCollecting:
    """Goes through all that lives, for garbage, when nobody types.

    That takes longer than a key may wait (80 ms for a quarter of a million objects, seen). Whatever
    outlives it is put aside (`gc.freeze`), so that what Python collects by itself is young.
    """

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._typed = clock()
        self._young = -_WORTHWHILE

    def typed(self) -> None:
        """A key came."""
        self._typed = self._clock()

    def look(self) -> bool:
        """Whether the moment was used."""
        young = gc.get_stats()[1]["collections"]
        if self._clock() - self._typed < _QUIET or young - self._young < _WORTHWHILE:
            return False
        self._young = young
        gc.unfreeze()
        gc.collect()
        gc.freeze()
        return True
