"""From one snapshot to a comparison: with which other one?"""

from __future__ import annotations

from recovery.backups.model import Integrity, Snapshot
from screens.case import Case
from screens.dialogs.choosing import Candidate, ChoosingDialog
from screens.incident_screen import IncidentScreen
from screens.snapshot_facts import title_of
from screens.wording import age, moment, size


async def choose_other(screen: IncidentScreen, snapshot: Snapshot) -> Snapshot | None:
    """Ask for another one. None where nothing was chosen, or there is nothing to choose."""
    candidates = others_to_compare(screen.case, snapshot)
    if not candidates:
        screen.say("There is no other snapshot to compare it with.")
        return None
    dialog = ChoosingDialog(f"Compare {title_of(snapshot)} with", candidates)
    name = await screen.app.push_screen_wait(dialog)
    return find_snapshot(screen.case, name) if name is not None else None


def others_to_compare(case: Case, snapshot: Snapshot) -> list[Candidate]:
    """What it can be compared with: the newest state that is left, then the newest backups."""
    catalog = case.incident.catalog
    others = [
        other
        for other in (catalog.snapshots if catalog is not None else ())
        if other.name != snapshot.name
        and other.usable
        and other.strange is None
        and case.integrity(other) is not Integrity.CORRUPT
    ]
    newest = case.newest
    first = newest.snapshot.name if newest is not None and newest.snapshot is not None else ""
    others.sort(key=lambda other: (other.name != first, other.member is not None))
    return [_candidate(case, other) for other in others]


def find_snapshot(case: Case, name: str) -> Snapshot | None:
    """The snapshot of that name in the catalog."""
    catalog = case.incident.catalog
    listed = catalog.snapshots if catalog is not None else ()
    return next((each for each in listed if each.name == name), None)


def _candidate(case: Case, snapshot: Snapshot) -> Candidate:
    label = title_of(snapshot) if snapshot.member else moment(snapshot.taken_at)
    if snapshot.member is None and snapshot.taken_at is None:
        label = snapshot.name
    _, words = case.known(snapshot)
    told = [f"{age(snapshot.written_at, case.clock())} old", size(snapshot.size), words]
    return Candidate(snapshot.name, label, " · ".join(told))
