"""How long it took, and how long the API was down, measured from the journal alone. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from recovery.cluster.diagnosis import majority
from recovery.report.model import Outage
from recovery.report.wording import seconds_between
from recovery.restore.journal import BEGINNINGS, JournalEntry, JournalEvent
from recovery.restore.plan import Plan, Risk

_STOPPING_BACK = "undo-start-kubelet"
_BACK_AGAIN = "as-it-was"
_DONE = ("done", "already-done")


def total_seconds(entries: Sequence[JournalEntry], *, until: str | None) -> float | None:
    """From the first beginning to the last end, pauses between programs included.

    `until`: the time to count to where the run has not ended; None where nobody knows.
    """
    starts = [entry.at for entry in entries if entry.event in BEGINNINGS]
    ends = [entry.at for entry in entries if entry.event is JournalEvent.RUN_ENDED]
    end = ends[-1] if ends and ends[-1] >= starts[-1] else until
    return seconds_between(starts[0], end) if starts and end else None


def outages_of(entries: Iterable[JournalEntry], plan: Plan | None) -> tuple[Outage, ...]:
    """When fewer control-plane nodes than a majority were up, because this run had stopped them.

    A node counts as down from the beginning of the action that stops it, unless that found it
    stopped already and not by this run, until its API server was seen ready again.
    """
    if plan is None:
        return ()
    return tuple(_outages(_changes(entries, plan), plan))


def _outages(changes: Iterable[tuple[str, str, bool]], plan: Plan) -> Iterator[Outage]:
    total = len(plan.members) or len((*plan.nodes, *plan.absent))
    down: set[str] = set(plan.absent)
    began_at = ""
    for at, node, is_down in changes:
        (down.add if is_down else down.discard)(node)
        serving = total - len(down) >= majority(total)
        if not serving and not began_at:
            began_at = at
        elif serving and began_at:
            yield Outage(began_at, at, seconds_between(began_at, at))
            began_at = ""
    if began_at:
        yield Outage(began_at, None, None)


def _changes(entries: Iterable[JournalEntry], plan: Plan) -> list[tuple[str, str, bool]]:
    """(time, node, whether it went down), in the order of time."""
    stops, ends = _stopping(plan), _starting(plan)
    begun: dict[tuple[str, str], list[str]] = {}
    found: list[tuple[str, str, bool]] = []
    for entry in entries:
        action, node = entry.action, entry.node
        if action is None or node is None or node not in (*plan.nodes, *plan.absent):
            continue
        if entry.event is JournalEvent.ACTION_STARTED and action in stops:
            begun.setdefault((action, node), []).append(entry.at)
        elif entry.event is JournalEvent.ACTION_ENDED:
            starts = begun.pop((action, node), [])
            # Begun twice: a program that died in between may have done it.
            if starts and (entry.outcome != "already-done" or len(starts) > 1):
                found.append((starts[0], node, True))
            if action in ends and entry.outcome in _DONE:
                # The way back is seen on the members that ran before, and speaks of all nodes.
                back = plan.nodes if action == _BACK_AGAIN else (node,)
                found += [(entry.at, each, False) for each in back]
    # Begun and never ended: it counts, because it may have stopped the node.
    found += [(starts[0], node, True) for (_, node), starts in begun.items()]
    return sorted(found, key=lambda change: change[0])


def _stopping(plan: Plan) -> set[str]:
    """The actions that take a node's control plane down: the first of a dangerous gate."""
    stopping = {_STOPPING_BACK}
    for gate in plan.gates:
        if gate.risk is Risk.DESTROY and gate.steps:
            actions = plan.step(gate.steps[0]).actions
            first = next((a.id for a in actions if a.risk is Risk.DESTROY), None)
            stopping |= {first} if first else set()
    return stopping


def _starting(plan: Plan) -> set[str]:
    """The last actions of the same gates, which see the API servers ready; and of the way back."""
    starting = {_BACK_AGAIN}
    for gate in plan.gates:
        if gate.risk is Risk.DESTROY and gate.steps:
            starting |= {plan.step(gate.steps[-1]).actions[-1].id}
    return starting
