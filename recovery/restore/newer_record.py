"""Which of two records of one run tells more, whatever the clocks said that stamped them. Pure.

A journal only grows, and whoever takes a run up on another machine begins with the journal that
lies on the nodes. So of two journals one begins as the other does and goes on, or a program has
taken the run up in the one that is missing in the other.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence

from recovery.restore.journal import BEGINNINGS, JournalEntry, JournalEvent


class Newer(enum.Enum):
    """What comparing two records shows."""

    FIRST = "first"
    """The first one tells all that the second does, or more."""
    SECOND = "second"
    APART = "apart"
    """Each has something that the other lacks: two programs took the run up from the same place."""


def generation(entries: Sequence[JournalEntry]) -> int:
    """How many times a program took the run up; the lock lets one do so at a time."""
    return sum(entry.event in BEGINNINGS for entry in entries)


def newer_record(first: Sequence[JournalEntry], second: Sequence[JournalEntry]) -> Newer:
    """The one in which the run was taken up more often; of two such the one that goes on longer.

    What a person has noted since is no part of the run.
    """
    one, other = _acts(first), _acts(second)
    of_one, of_other = generation(one), generation(other)
    if of_one != of_other:
        return Newer.FIRST if of_one > of_other else Newer.SECOND
    common = min(len(one), len(other))
    if one[:common] != other[:common]:
        return Newer.APART
    return Newer.FIRST if len(one) >= len(other) else Newer.SECOND


def _acts(entries: Sequence[JournalEntry]) -> list[JournalEntry]:
    return [entry for entry in entries if entry.event is not JournalEvent.NOTE]
