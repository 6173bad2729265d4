"""The copies of one snapshot, tried one after another until one is good."""

from __future__ import annotations

import dataclasses
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from recovery.backups.model import Copy, Integrity
from recovery.backups.outside_text import one_line
from recovery.errors import DiskError, RefusedError, RescueError, SnapshotError, StoreError
from recovery.snapshots.model import FetchedSnapshot, JudgedSnapshot

Found = TypeVar("Found", FetchedSnapshot, JudgedSnapshot)


async def first_good(
    name: str,
    copies: Sequence[Copy],
    look: Callable[[Copy], Awaitable[Found | None]],
    sha256: str = "",
) -> Found:
    """The first copy that is not corrupt; or a corrupt one, where there is no other.

    `look` answers None for bytes that were seen before, and were corrupt. Where a database's
    sha256 is given, only that one will do. Raises SnapshotError where every copy was seen and none
    is a snapshot (or there is none), RefusedError where some are snapshots and none is the wanted
    one, StoreError where one that may be good could not be had, and DiskError where this machine
    has no room.
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
        if sha256 and found.verdict.sha256 != sha256:
            failures.append((copy, _another(found)))
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


def _another(found: FetchedSnapshot | JudgedSnapshot) -> RescueError:
    """Another backup may lie under the name by now, or what lies there was spoiled."""
    reason = f": {found.verdict.reason}" if found.verdict.reason else ""
    return RefusedError(f"it is not the file any more that was judged{reason}")


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
    errors = [error for _, error in failures]
    kind: type[RescueError] = StoreError
    if all(isinstance(error, SnapshotError) for error in errors):
        kind = SnapshotError
    elif all(isinstance(error, SnapshotError | RefusedError) for error in errors):
        kind = RefusedError
    return kind(
        what,
        where=where,
        remedy=remedy or "choose another snapshot",
        detail="\n".join(error.detail for _, error in failures if error.detail),
    )


def _told(copy: Copy, error: RescueError) -> str:
    return f"{place_of(copy)}: {error.what}"
