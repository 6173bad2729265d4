"""What a journal tells about how far a run came, for whoever takes it up again. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from recovery.restore.events import Outcome
from recovery.restore.journal import JournalEntry, JournalEvent
from recovery.restore.operator import Decision

_WELL = (Outcome.DONE.value, Outcome.ALREADY_DONE.value)

Place = tuple[str, str]
"""An action's id and a node's name."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run came. Of a run that only begins everything is empty."""

    tries: dict[Place, int] = field(default_factory=dict)
    """How often the action ended on the node, well or not."""
    under_way: frozenset[Place] = frozenset()
    """What began and whose end is not written down."""
    done: frozenset[Place] = frozenset()
    """What ended well the last time."""
    begun: frozenset[str] = frozenset()
    """The actions that ever began on any node."""
    steps_done: frozenset[str] = frozenset()
    left_out: tuple[str, ...] = ()
    """The nodes that the run went on without."""


def progress_of(entries: Iterable[JournalEntry]) -> Progress:
    """Sum up a journal's lines."""
    tries: dict[Place, int] = {}
    under_way: set[Place] = set()
    done: set[Place] = set()
    begun: set[str] = set()
    steps_done: set[str] = set()
    left_out: dict[str, None] = {}
    for entry in entries:
        if entry.event is JournalEvent.STEP_ENDED and entry.step:
            (steps_done.add if entry.outcome in _WELL else steps_done.discard)(entry.step)
        if entry.event is JournalEvent.DECISION and entry.outcome == Decision.WITHOUT.value:
            left_out[entry.node or ""] = None
        if entry.action is None or entry.node is None:
            continue
        place = (entry.action, entry.node)
        if entry.event is JournalEvent.ACTION_STARTED:
            begun.add(entry.action)
            under_way.add(place)
            done.discard(place)
            left_out.pop(entry.node, None)
        elif entry.event is JournalEvent.ACTION_ENDED:
            tries[place] = tries.get(place, 0) + 1
            under_way.discard(place)
            if entry.outcome in _WELL:
                done.add(place)
    return Progress(
        tries,
        frozenset(under_way),
        frozenset(done),
        frozenset(begun),
        frozenset(steps_done),
        tuple(left_out),
    )
