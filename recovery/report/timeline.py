"""What happened when, line by line, and what went wrong. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from recovery.report.model import Consent, Moment, Part, ProgramReport, StepReport
from recovery.report.wording import lasted, listing, seconds_between
from recovery.restore.journal import JournalEntry, JournalEvent
from recovery.restore.operator import Decision

_BEGUN = {
    Part.STARTED: "began the restore",
    Part.RESUMED: "took the run up again",
    Part.ROLLED_BACK: "began to lead the run back",
}
_ENDED = {
    "done": "The run ended well",
    "short": "The run ended, with nodes left for later",
    "failed": "The run stopped at a failure",
    "refused": "The run ended: consent was refused",
    "aborted": "The run was stopped",
}
_DECIDED = {
    Decision.RETRY.value: "to try again",
    Decision.SKIP.value: "to leave it out",
    Decision.WITHOUT.value: "to go on without the node",
    Decision.ABORT.value: "to stop",
}


def timeline_of(
    programs: Sequence[ProgramReport], entries: Sequence[JournalEntry]
) -> tuple[Moment, ...]:
    """Beginnings, consents, steps, failures, decisions, notes and ends, in the order of time."""
    moments = [moment for program in programs for moment in _of_program(program)]
    moments += faults_of(programs, entries)
    for entry in entries:
        if entry.event is JournalEvent.CLEANED:
            moments.append(Moment(entry.at, f"{entry.operator} cleaned up: the old data is gone"))
        elif entry.event is JournalEvent.NOTE:
            moments.append(Moment(entry.at, f"{entry.operator} noted: {entry.message}"))
    return tuple(sorted(moments, key=lambda moment: moment.at))


def faults_of(
    programs: Sequence[ProgramReport], entries: Sequence[JournalEntry]
) -> tuple[Moment, ...]:
    """What failed, what was decided about it, and what was tried more than once."""
    titles = {
        action.id: action.title
        for program in programs
        for step in program.steps
        for action in step.actions
    }
    moments = [moment for program in programs for moment in _unfinished(program)]
    for entry in entries:
        title = titles.get(entry.action or "", entry.action or "")
        if entry.event is JournalEvent.ACTION_ENDED and entry.outcome == "failed":
            nth = f" (try {entry.attempt})" if (entry.attempt or 1) > 1 else ""
            words = f"{entry.node}: “{title}” failed{nth}: {entry.message or 'nobody knows why'}"
            moments.append(Moment(entry.at, words, grave=True))
        elif entry.event is JournalEvent.DECISION:
            decided = _DECIDED.get(entry.outcome or "", entry.outcome or "")
            why = f" ({entry.message})" if entry.message else ""
            moments.append(Moment(entry.at, f"{entry.node}: decided {decided}{why}"))
        elif _done_at_last(entry):
            words = f"{entry.node}: “{title}” was done at try {entry.attempt}"
            moments.append(Moment(entry.at, words))
    return tuple(sorted(moments, key=lambda moment: moment.at))


def _done_at_last(entry: JournalEntry) -> bool:
    ended = entry.event is JournalEvent.ACTION_ENDED and entry.outcome == "done"
    return ended and (entry.attempt or 1) > 1


def _of_program(program: ProgramReport) -> Iterator[Moment]:
    reason = f": {program.reason}" if program.reason else ""
    yield Moment(program.started_at, f"{program.operator} {_BEGUN[program.part]}{reason}")
    for consent in program.consents:
        yield _of_consent(consent)
    skipped = [step for step in program.steps if step.nothing_to_do]
    if skipped:
        titles = listing([f"“{step.title}”" for step in skipped])
        yield Moment(skipped[-1].ended_at or skipped[-1].started_at, f"Done before: {titles}")
    for step in program.steps:
        if not step.nothing_to_do:
            yield _of_step(step)
    if program.ended_at is not None:
        grave = program.outcome == "failed"
        words = _ENDED.get(program.outcome, program.outcome)
        if program.part is Part.ROLLED_BACK and program.outcome == "done":
            words = "The run was led back"
        yield Moment(program.ended_at, words, grave)


def _of_consent(consent: Consent) -> Moment:
    if consent.granted is None:
        return Moment(consent.asked_at, f"Asked for consent: {consent.title}; nobody answered")
    answer = "consented to" if consent.granted else "refused"
    at = consent.answered_at or consent.asked_at
    return Moment(at, f"{consent.by} {answer}: {consent.title}", grave=not consent.granted)


def _of_step(step: StepReport) -> Moment:
    if step.outcome == "skipped":
        return Moment(step.started_at, f"“{step.title}” was left out")
    if step.ended_at is None:
        return Moment(step.started_at, f"“{step.title}” began; its end is not written down", True)
    took = lasted(seconds_between(step.started_at, step.ended_at))
    if step.outcome == "done":
        return Moment(step.started_at, f"“{step.title}”, done in {took}")
    return Moment(step.started_at, f"“{step.title}” {step.outcome} after {took}", True)


def _unfinished(program: ProgramReport) -> Iterator[Moment]:
    """What a program had begun when it died."""
    for step in program.steps:
        for action in step.actions:
            for one in action.tries:
                if not one.outcome:
                    words = f"{one.node}: “{action.title}” began; how it ended was not written down"
                    yield Moment(one.started_at, words, grave=True)
