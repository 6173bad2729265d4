"""Backups whose names tell an earlier time than when they were written: a clock was behind. Pure.

A name decides the order of backups. What a wrong clock has dated in the past would stand behind
older ones, and never be looked at.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from recovery.backups.model import Snapshot

_APART = timedelta(hours=1)
"""Between a name's time and the file's: no backup takes so long to be written."""


def dated_behind(newest: Snapshot, others: Iterable[Snapshot]) -> tuple[Snapshot, ...]:
    """Of the backups that stand behind the newest, those that were written after it.

    Written last comes first. None where the newest one's own files were not written at the time
    of its name: files were copied then, or names are in another zone, and times tell nothing.
    """
    if newest.taken_at is None or not newest.copies:
        return ()
    written = min(copy.modified_at for copy in newest.copies)
    if abs(written - newest.taken_at) > _APART:
        return ()
    found = []
    for each in others:
        if each.taken_at is None or not each.usable or each.taken_at > newest.taken_at:
            continue
        # The last one: the clock that was behind may have been that of one place only.
        last = max(copy.modified_at for copy in each.copies)
        if last > written and last - each.taken_at > _APART and each.name != newest.name:
            found.append((last, each))
    return tuple(each for _, each in sorted(found, key=lambda one: one[0], reverse=True))
