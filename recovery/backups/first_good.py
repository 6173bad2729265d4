"""The copies of one snapshot, tried one after another until one is good."""

from __future__ import annotations

import dataclasses
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from recovery.backups.model import Copy, Integrity
from recovery.backups.outside_text import one_line
from recovery.errors import DiskError, RescueError, SnapshotError, StoreError
from recovery.snapshots.model import FetchedSnapshot, JudgedSnapshot

Found = TypeVar("Found", FetchedSnapshot, JudgedSnapshot)


async def first_good(
    name: str, copies: Sequence[Copy], look: Callable[[Copy], Awaitable[Found | None]]
) -> Found:
    """The first copy that is not corrupt; or a corrupt one, where there is no other.

    `look` answers None for bytes that were seen before, and were corrupt. Raises SnapshotError
    where every copy was seen and none is a snapshot (or there is none), StoreError where one that
    may be good could not be had, and DiskError where this machine has no room.
    """
    failures: list[tuple[Copy, RescueError]] = []
    corrupt: list[Found] = []
    for copy in copies:
        try:
            found = await look(copy)
        except DiskError:
            raise
        except RescueError as error:
            failures.append((copy, error))
            continue
        if found is None:
            continue
        if found.verdict.integrity is not Integrity.CORRUPT:
            return found
        corrupt.append(found)
    if corrupt:
        return _least_bad(corrupt[0], failures)
    raise _nothing(name, failures)


def place_of(copy: Copy) -> str:
    """Where a copy lies, in a word."""
    return copy.node or ("S3" if copy.bucket else "this machine")


def _least_bad(found: Found, failures: Sequence[tuple[Copy, RescueError]]) -> Found:
    if not failures:
        return found
    others = "; ".join(_told(copy, error) for copy, error in failures)
    verdict = dataclasses.replace(
        found.verdict, reason=f"{found.verdict.reason}; and no other copy is good: {others}"
    )
    return dataclasses.replace(found, verdict=verdict)


def _nothing(name: str, failures: Sequence[tuple[Copy, RescueError]]) -> RescueError:
    if not failures:
        return SnapshotError(
            "there is no copy of it in any place that could be listed",
            where=one_line(name),
            remedy="choose another snapshot, or look again once all places answer",
        )
    copy, first = failures[0]
    what, where, remedy = first.what, one_line(copy.location), first.remedy
    if len(failures) > 1:
        others = "; ".join(_told(copy, error) for copy, error in failures)
        what = f"none of its {len(failures)} copies can be used: {others}"
        where, remedy = one_line(name), ""
    # What nobody has seen is not known to be bad.
    all_seen = all(isinstance(error, SnapshotError) for _, error in failures)
    kind = SnapshotError if all_seen else StoreError
    return kind(
        what,
        where=where,
        remedy=remedy or "choose another snapshot",
        detail="\n".join(error.detail for _, error in failures if error.detail),
    )


def _told(copy: Copy, error: RescueError) -> str:
    return f"{place_of(copy)}: {error.what}"
