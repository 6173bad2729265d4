"""What stands above and below the table of snapshots: counts, problems, and emptiness in words."""

from __future__ import annotations

from collections.abc import Sequence

from textual.content import Content

from recovery.backups.model import Catalog, SourceError
from recovery.backups.same_backup import by_backup
from screens.case import Case
from screens.catalog_table import Order
from screens.glance import configured_places, heading_words
from screens.marks import HEADING, Mark, line, spread, stacked
from screens.wording import plural


def catalog_heading(
    case: Case,
    catalog: Catalog,
    *,
    shown: int,
    wanted: str,
    listing: bool,
    order: Order,
    width: int,
) -> Content:
    """`SNAPSHOTS  42 in 4 places … newest verified 14 h`."""
    total = len(catalog.snapshots)
    backups = len(by_backup(one for one in catalog.snapshots if one.member is None))
    counted = f"{backups} in {plural(catalog.places, 'place')}"
    if wanted:
        counted = f"{shown} of {plural(total, 'file')} with “{wanted}”"
    if listing:
        counted += ", listing"
    left = line(" ", ("SNAPSHOTS", HEADING), "  ", (counted, "$muted"))
    if order is not Order.NEWEST:
        left = line(left, (f"  by {order.value}", "$accent"))
    return spread(left, line(heading_words(case, catalog), " "), width)


def problems_line(errors: Sequence[SourceError]) -> Content:
    """What could not be listed, in one line. There is at least one."""
    first = f"{errors[0].location}: {errors[0].message}"
    words = first if len(errors) == 1 else f"{plural(len(errors), 'place')} not listed"
    return line(" ", Mark.WARNING.beside(words), ("   x: problems", "$muted"))


def problems_text(errors: Sequence[SourceError]) -> str:
    """What could not be listed, and what to do about it."""
    parts = []
    for error in errors:
        parts.append(f"{error.store.value}  {error.location}\n  {error.message}")
        if error.remedy:
            parts[-1] += f"\n  Next: {error.remedy}"
    return "\n\n".join(parts)


def emptiness(case: Case, *, wanted: str, listing: bool) -> Content:
    """Why the table is empty, and where was looked."""
    places = [line("   ", place) for place in configured_places(case)]
    if listing:
        return stacked([Mark.RUNNING.beside("Looking for snapshots in"), *places])
    if wanted:
        return stacked([Mark.SKIPPED.beside(f"Nothing contains “{wanted}”. esc clears.")])
    catalog = case.incident.catalog
    if catalog is not None and catalog.unseen:
        return stacked(
            [
                Mark.WARNING.beside("Nobody knows which snapshots exist: none could be listed of"),
                *places,
                Content(""),
                line("`x` says why, and what to do about it. `a` asks again."),
            ]
        )
    return stacked(
        [
            Mark.WARNING.beside("No snapshot was found. Looked in"),
            *places,
            Content(""),
            line("If backups lie elsewhere, name the directory or the bucket under `backup`"),
            line("in the inventory. `a` asks again."),
        ]
    )
