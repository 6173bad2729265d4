"""What restoring a snapshot loses, in words."""

from __future__ import annotations

from recovery.backups.model import Snapshot
from recovery.backups.newest_state import RAISED, began_anew, revisions_since
from recovery.snapshots.comparison import Change, Comparison
from screens.case import Case
from screens.wording import plural, sentence, span, thousands

_SHORTER = (
    ("Restoring it loses ", "Loses "),
    (" since,", ","),
    (" objects ", " "),
    (" object ", " "),
)


def loss_sentence(case: Case, snapshot: Snapshot) -> str:
    """`Restoring it loses 14 h: 1 204 revisions since, 31 objects changed, 4 created.`"""
    newest = case.newest
    if snapshot.member is not None:
        return _of_own_data(case, snapshot)
    if snapshot.taken_at is None:
        return "Nobody knows when it was taken."
    lost = span((case.clock() - snapshot.taken_at).total_seconds())
    # That nothing newer was found anywhere does not mean that nothing newer was written.
    told_by_another = newest is not None and newest.snapshot != snapshot
    since = revisions_since(snapshot, newest) if told_by_another else None
    changes = case.changes_since(snapshot)
    told = [f"{plural(since, 'revision')} since"] if since is not None else []
    told += changes_in_words(changes) if changes is not None else []
    if since == 0 and newest is not None and newest.member is not None:
        return f"{newest.member} holds nothing newer: restoring it loses nothing that is left."
    if not told:
        return f"Restoring it loses everything written in the last {lost}."
    return f"Restoring it loses {lost}: {', '.join(told)}."


def loss_within(case: Case, snapshot: Snapshot, width: int) -> str:
    """The same in so many cells: words are left out before a figure is cut off."""
    words = loss_sentence(case, snapshot)
    for long, short in _SHORTER:
        if len(words) > width:
            words = words.replace(long, short, 1)
    return words


def changes_in_words(comparison: Comparison) -> list[str]:
    """`31 objects changed`, `4 created`: what going from the newer state to the older one loses."""
    words = {Change.CHANGED: "changed", Change.ADDED: "created", Change.REMOVED: "deleted"}
    counts = [(comparison.count(change), word) for change, word in words.items()]
    told = [f"{thousands(count)} {word}" for count, word in counts if count]
    if told:
        first = next(count for count, _ in counts if count)
        told[0] = told[0].replace(" ", " object " if first == 1 else " objects ", 1)
    return told


def own_data_note(case: Case, snapshot: Snapshot) -> str:
    """How far a member's own data is ahead of the newest backup that verifies."""
    if began_anew(snapshot, case.incident.catalog):
        return f"{plural(snapshot.live_keys or 0, 'key')} only: it began anew"
    revision = case.revision(snapshot)
    best = case.newest_verified(case.incident.catalog)
    if revision is None or best is None or best.revision is None:
        return ""
    ahead = revision - best.revision
    if abs(ahead) >= RAISED:
        return f"revision {thousands(revision)}"
    return f"{plural(ahead, 'revision')} newer" if ahead > 0 else "nothing newer"


def _of_own_data(case: Case, snapshot: Snapshot) -> str:
    note = own_data_note(case, snapshot)
    if began_anew(snapshot, case.incident.catalog):
        return f"It began anew, empty: {note.partition(':')[0]}. Restoring it loses all the rest."
    told = f"{sentence(f'{note} than the newest good backup')} " if note else ""
    if snapshot.copies and snapshot.copies[0].in_use:
        return f"{told}Its etcd runs and gives a copy with a hash."
    return f"{told}It has no hash; what is only in its write-ahead log is lost."
