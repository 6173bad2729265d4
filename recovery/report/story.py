"""The programs of a run, one after the other, with their steps, consents and tries. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from recovery.report.model import (
    ActionReport,
    Commands,
    Consent,
    Part,
    ProgramReport,
    StepReport,
    TryReport,
)
from recovery.report.record import Record
from recovery.restore.journal import BEGINNINGS, JournalEntry, JournalEvent
from recovery.restore.node_log import LogLine, read_log
from recovery.restore.plan import Action, Gate, Plan, Step
from recovery.restore.progress import progress_of
from recovery.restore.rollback import rollback_plan

_PARTS = {
    JournalEvent.RUN_STARTED: Part.STARTED,
    JournalEvent.RUN_RESUMED: Part.RESUMED,
    JournalEvent.ROLLBACK_STARTED: Part.ROLLED_BACK,
}

Outputs = dict[tuple[str, str, int], tuple[LogLine, ...]]
"""What a node said, by node, action and number of the try."""


def programs_of(record: Record) -> tuple[ProgramReport, ...]:
    """Every program that took the run up, in the order of the journal."""
    outputs = _outputs(record)
    plan, entries = record.plan, record.run.entries
    back = rollback_plan(plan, progress_of(entries)) if plan is not None else None
    return tuple(
        _program(part, back if _turns_back(part) else plan, outputs) for part in _split(entries)
    )


def _turns_back(entries: Sequence[JournalEntry]) -> bool:
    return entries[0].event is JournalEvent.ROLLBACK_STARTED


def _outputs(record: Record) -> Outputs:
    found: dict[tuple[str, str, int], list[LogLine]] = {}
    for node, text in record.logs.items():
        for part in read_log(text):
            found.setdefault((node, part.action, part.attempt), []).extend(part.lines)
    return {place: tuple(lines) for place, lines in found.items()}


def _split(entries: Iterable[JournalEntry]) -> list[list[JournalEntry]]:
    parts: list[list[JournalEntry]] = []
    for entry in entries:
        if entry.event in BEGINNINGS:
            parts.append([])
        if parts:
            parts[-1].append(entry)
    return parts


def _program(entries: Sequence[JournalEntry], plan: Plan | None, outputs: Outputs) -> ProgramReport:
    begun = entries[0]
    part = _PARTS[begun.event]
    ends = [entry for entry in entries if entry.event is JournalEvent.RUN_ENDED]
    ended = ends[-1] if ends else None
    return ProgramReport(
        part=part,
        operator=begun.operator or "somebody",
        reason=begun.message or "",
        started_at=begun.at,
        ended_at=ended.at if ended else None,
        outcome=(ended.outcome if ended else None) or "",
        message=(ended.message if ended else None) or "",
        steps=tuple(_steps(entries, plan, outputs)),
        consents=tuple(_consents(entries, plan)),
    )


def _steps(
    entries: Sequence[JournalEntry], plan: Plan | None, outputs: Outputs
) -> Iterator[StepReport]:
    planned = {step.id: step for step in plan.steps} if plan is not None else {}
    for step_id in dict.fromkeys(entry.step for entry in entries if entry.step):
        own = [entry for entry in entries if entry.step == step_id]
        starts = [e.at for e in own if e.event is JournalEvent.STEP_STARTED]
        ends = [e for e in own if e.event is JournalEvent.STEP_ENDED]
        step = planned.get(step_id)
        yield StepReport(
            id=step_id,
            title=step.title if step else step_id,
            purpose=step.purpose if step else "",
            risk=step.risk if step else None,
            started_at=starts[0] if starts else own[0].at,
            ended_at=ends[-1].at if ends else None,
            outcome=(ends[-1].outcome if ends else None) or "",
            actions=tuple(_actions(own, step, outputs)),
        )


def _actions(
    entries: Sequence[JournalEntry], step: Step | None, outputs: Outputs
) -> Iterator[ActionReport]:
    planned = {action.id: action for action in step.actions} if step is not None else {}
    for action_id in dict.fromkeys(entry.action for entry in entries if entry.action):
        action = planned.get(action_id)
        own = [entry for entry in entries if entry.action == action_id]
        yield ActionReport(
            id=action_id,
            title=action.title if action else action_id,
            reason=action.reason if action else "",
            risk=action.risk if action else None,
            commands=_commands(action),
            tries=tuple(_tries(own, action_id, outputs)),
        )


def _commands(action: Action | None) -> tuple[Commands, ...]:
    groups: dict[str, list[str]] = {}
    for work in action.works if action is not None else ():
        groups.setdefault(work.script, []).append(work.node)
    return tuple(Commands(tuple(nodes), script) for script, nodes in groups.items())


def _tries(entries: Sequence[JournalEntry], action: str, outputs: Outputs) -> Iterator[TryReport]:
    waiting = [entry for entry in entries if entry.event is JournalEvent.ACTION_ENDED]
    for begun in entries:
        if begun.event is not JournalEvent.ACTION_STARTED or begun.node is None:
            continue
        ended = next(
            (e for e in waiting if e.node == begun.node and e.attempt == begun.attempt), None
        )
        if ended is not None:
            waiting.remove(ended)
        yield TryReport(
            node=begun.node,
            number=begun.attempt or 1,
            started_at=begun.at,
            ended_at=ended.at if ended else None,
            outcome=(ended.outcome if ended else None) or "",
            exit_status=ended.exit_status if ended else None,
            message=(ended.message if ended else None) or "",
            output=outputs.get((begun.node, action, begun.attempt or 1), ()),
        )


def _consents(entries: Sequence[JournalEntry], plan: Plan | None) -> Iterator[Consent]:
    gates = {gate.id: gate for gate in plan.gates} if plan is not None else {}
    answers = (JournalEvent.GATE_GRANTED, JournalEvent.GATE_REFUSED)
    for place, entry in enumerate(entries):
        if entry.event is not JournalEvent.GATE_ASKED or entry.gate is None:
            continue
        later = (e for e in entries[place:] if e.event in answers and e.gate == entry.gate)
        answer = next(later, None)
        gate = gates.get(entry.gate)
        yield Consent(
            gate=entry.gate,
            title=gate.title if gate else entry.gate,
            risk=gate.risk if gate else None,
            asked_at=entry.at,
            answered_at=answer.at if answer else None,
            granted=answer.event is JournalEvent.GATE_GRANTED if answer else None,
            by=entries[0].operator or "somebody",
            shown=_shown(gate),
        )


def _shown(gate: Gate | None) -> tuple[tuple[str, str], ...]:
    if gate is None:
        return ()
    pairs = (
        ("stops", gate.stops),
        ("replaces", gate.replaces),
        ("keeps", gate.keeps),
        ("loses", gate.loses),
        ("undo", gate.undo),
    )
    return tuple((word, text) for word, text in pairs if text)
