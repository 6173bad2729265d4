"""Deletes the backups whose time is over, one after another, each named before it goes."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from recovery.backups.backup_result import PlaceFailure, failure_entry
from recovery.backups.model import Copy
from recovery.backups.retention import Expired, Retention
from recovery.backups.stores import WritableStore
from recovery.errors import RescueError

Say = Callable[[str], None]
"""Hears a sentence about what happens next."""

SECONDS_PER_DAY = 86_400


@dataclass(frozen=True, slots=True)
class Cleared:
    """What came of it."""

    deleted: tuple[Copy, ...] = ()
    kept: tuple[str, ...] = ()
    """What is old and stays, or where nothing is deleted, each in a sentence."""
    failures: tuple[PlaceFailure, ...] = ()


async def clear(retention: Retention, stores: Iterable[WritableStore], say: Say) -> Cleared:
    """Delete what has expired; a copy that cannot be deleted does not keep the others.

    Each store looks again, right before, that the newer copy beside it is there.
    """
    places = tuple(stores)
    deleted: list[Copy] = []
    failures: list[PlaceFailure] = []
    for each in retention.expired:
        store = next((one for one in places if one.holds(each.copy)), None)
        if store is None:
            continue
        say(_sentence(each))
        try:
            await store.remove(each.copy, each.keeping)
        except RescueError as error:
            failures.append(
                PlaceFailure(each.copy.store, each.copy.location, error.what, error.remedy)
            )
        else:
            deleted.append(each.copy)
    spared = (
        f"{one.copy.location} is older than the ttl and stays: {one.why.value}"
        for one in retention.spared
    )
    return Cleared(tuple(deleted), (*retention.notes, *spared), tuple(failures))


def cleared_document(cleared: Cleared) -> dict[str, object]:
    """The same as a part of a JSON document."""
    return {
        "deleted": [copy.location for copy in cleared.deleted],
        "kept": list(cleared.kept),
        "notDeleted": [failure_entry(failure) for failure in cleared.failures],
    }


def _sentence(each: Expired) -> str:
    days = each.age.total_seconds() / SECONDS_PER_DAY
    age = f"{days:.0f} days" if days >= 2 else f"{days * 24:.1f} hours"
    return f"deleting {each.copy.location}: it is {age} old, and {each.keeping.location} stays"
