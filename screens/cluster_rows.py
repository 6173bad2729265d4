"""The clusters of the inventory as rows: name, diagnosis, newest backup, nodes."""

from __future__ import annotations

from collections.abc import Callable

from textual.content import Content

from recovery.backups.best_first import best_first
from recovery.backups.model import Integrity, Snapshot
from screens.case import Case
from screens.marks import Mark, cell, line
from screens.wording import age, cut, plural

_DIAGNOSIS = 31
_BACKUP = 27
_NODES = 22
_WITH_NODES = 112
"""From so many cells on, the number of nodes stands there, too."""


def cluster_heads(width: int) -> Content:
    """The names of the columns, where their contents stand."""
    heads = [
        cell("Cluster", _name_width(width)),
        cell("Diagnosis", _DIAGNOSIS),
        cell("Newest verified backup", _BACKUP),
        "Nodes" if width >= _WITH_NODES else "",
    ]
    return Content.styled(line(" ", *heads).plain, "$muted")


def cluster_row(case: Case, *, listing: bool) -> Callable[[int], Content]:
    """The cluster's row, for any width; `listing`: whether its stores are still being asked."""

    def draw(width: int) -> Content:
        mark, label = case.label() if case.incident.facts else (Mark.RUNNING, "LOOKING")
        room = _name_width(width)
        nodes = plural(len(case.node_names), "control-plane node")
        return line(
            " ",
            cell(Content.styled(cut(case.cluster_name, room - 2), "bold"), room),
            cell(mark.say(label), _DIAGNOSIS),
            cell(newest_backup(case, listing=listing), _BACKUP),
            (nodes if width >= _WITH_NODES else "", "$muted"),
        )

    return draw


def newest_backup(case: Case, *, listing: bool) -> Content:
    """`● 14 h ago`; of the newest one, where none is known to be good, what is known of it."""
    verified = case.newest_verified(case.incident.catalog)
    if verified is not None:
        return Mark.OK.say(f"{age(verified.taken_at, case.clock())} ago")
    if listing:
        return Mark.RUNNING.say("looking")
    newest = newest_usable(case)
    if newest is None:
        catalog = case.incident.catalog
        if catalog is not None and catalog.unseen:
            return Mark.WARNING.say("no place could be listed")
        return Mark.FAILED.say("no backup found")
    mark, words = case.known(newest)
    return mark.say(f"{age(newest.written_at, case.clock())}, {words}")


def newest_usable(case: Case) -> Snapshot | None:
    """The newest backup that nothing speaks against so far."""
    catalog = case.incident.catalog
    # None that seems to be another cluster's, which may write to the same place.
    for snapshot in best_first(catalog.snapshots if catalog is not None else ()):
        if snapshot.usable and case.integrity(snapshot) is not Integrity.CORRUPT:
            return snapshot
    return None


def _name_width(width: int) -> int:
    nodes = _NODES if width >= _WITH_NODES else 0
    return max(14, min(40, width - _DIAGNOSIS - _BACKUP - nodes - 2))
