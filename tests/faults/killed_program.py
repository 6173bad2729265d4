"""The program, killed with SIGKILL right before or after one line of its journal is written.

    python -m tests.faults.killed_program before|after EVENT ACTION COUNT ARGUMENTS…

EVENT and ACTION are those of the line, COUNT which of them (1 is the first, -1 after the last node
of an action that starts). Nothing else differs from the program itself.
"""

from __future__ import annotations

import os
import signal
import sys

from recovery.restore.journal import Journal, JournalEntry
from tui.command_line import main

_append = Journal.append
_seen = 0


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _append_or_die(self: Journal, entry: JournalEntry) -> None:
    global _seen  # noqa: PLW0603
    hit = False
    if entry.event.value == EVENT and (entry.action or entry.step or "") == ACTION:
        _seen += 1
        hit = _seen == COUNT
    if hit and WHEN == "before":
        _die()
    _append(self, entry)
    if hit:
        _die()


if __name__ == "__main__":
    WHEN, EVENT, ACTION, COUNT = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])
    Journal.append = _append_or_die  # type: ignore[method-assign]
    sys.argv = ["etcd-rescue", *sys.argv[5:]]
    sys.exit(main())
