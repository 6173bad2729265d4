"""The report's first page, in sentences. Pure; it says only what the record shows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from recovery.health.model import CheckStatus, HealthReport
from recovery.health.proof import proven
from recovery.report.model import KeptData, Outage, Part, ProgramReport, Summary
from recovery.report.record import Record
from recovery.report.wording import (
    lasted,
    listing,
    moment,
    parsed,
    plural,
    sentence,
    thousands,
)
from recovery.restore.circumstances import Loss
from recovery.restore.past_runs import RunState
from recovery.restore.progress import progress_of
from recovery.restore.record_facts import FinalChecks

_PLACED = "place-member"
_STOPPED = "stop-kubelet"


def summary_of(
    record: Record,
    programs: Sequence[ProgramReport],
    outages: Sequence[Outage],
    total: float | None,
    kept: Sequence[KeptData],
) -> Summary:
    """The whole story in a few sentences."""
    verdict, good = verdict_of(record)
    return Summary(
        verdict=verdict,
        good=good,
        happened=tuple(_happened(record)),
        done=tuple(_done(record, programs)),
        lost=tuple(_lost(record)),
        proven=tuple(_proven(record)),
        times=tuple(_times(record, outages, total)),
        left=tuple(_left(record, kept)),
    )


def verdict_of(record: Record) -> tuple[str, bool]:
    """How the run stands, and whether that is good."""
    state, entries = record.run.state, record.run.entries
    if state is RunState.SUCCEEDED:
        healthy = record.final is not None and _holds(record.final)
        return ("Recovered", True) if healthy else ("Restored, not proven healthy", False)
    if state is RunState.ROLLED_BACK:
        return "Rolled back: the cluster is as it was before the restore", False
    if state is RunState.RUNNING:
        return "Under way", False
    short = any(entry.outcome == "short" for entry in entries[-3:])
    if state is RunState.INTERRUPTED and short:
        return "Restored on a majority of the nodes; others are left for later", False
    if _PLACED not in progress_of(entries).begun:
        ended = "Failed" if state is RunState.FAILED else "Not finished"
        return f"{ended}; the cluster's data was not replaced", False
    return ("Failed" if state is RunState.FAILED else "Interrupted"), False


def _holds(final: FinalChecks) -> bool:
    good = (CheckStatus.OK, CheckStatus.WARNING)
    return final.whole and bool(final.checks) and all(c.status in good for c in final.checks)


def _happened(record: Record) -> Iterator[str]:
    before = record.before
    if before is None:
        yield "How the cluster stood before the run was not recorded."
        return
    yield f"{before.diagnosis} at {moment(before.at)}: {before.sentence}"
    yield from (f"{node.name}: {node.words}." for node in before.nodes)


def _done(record: Record, programs: Sequence[ProgramReport]) -> Iterator[str]:
    plan, progress = record.plan, progress_of(record.run.entries)
    source = plan.source if plan else None
    taken = f", taken {moment(source.taken_at)}" if source and source.taken_at else ""
    name = f"{record.run.snapshot}{taken}"
    placed = [node for action, node in sorted(progress.done) if action == _PLACED]
    if placed:
        yield f"The data of {listing(placed)} was replaced by the snapshot {name}."
    elif _PLACED in progress.begun:
        yield f"Replacing data by the snapshot {name} had begun and was not finished."
    elif _STOPPED in progress.begun:
        yield f"The control plane was stopped to restore the snapshot {name}; no data was replaced."
    else:
        yield f"The snapshot {name} was to be restored; the running cluster was not touched."
    back = [program for program in programs if program.part is Part.ROLLED_BACK]
    if back and back[-1].outcome == "done":
        yield "Then the run was led back: the old data and configuration are in place again."
    elif back:
        yield "Then the way back was begun; it has not come to its end."
    if len(programs) > 1:
        people = listing(list(dict.fromkeys(program.operator for program in programs)))
        yield f"{plural(len(programs), 'program')} had a part in it, started by {people}."
    if progress.left_out:
        yield f"{listing(progress.left_out)} was left for later."


def _lost(record: Record) -> Iterator[str]:
    if record.run.state is RunState.ROLLED_BACK:
        yield "Nothing that was there before: the restore was taken back."
        return
    if _PLACED not in progress_of(record.run.entries).begun:
        yield "Nothing: no data was replaced."
        return
    if record.before is None:
        yield "What was lost was not compared; the old data is kept and can be compared still."
        return
    yield from _loss_words(record.before.loss, record.run.started_at)


def _loss_words(loss: Loss, began: str) -> Iterator[str]:
    if loss.since:
        gone = lasted((parsed(began) - parsed(loss.since)).total_seconds())
        yield f"Everything written after {moment(loss.since)}, {gone} before the run began."
    if loss.revisions == 0:
        yield f"Nothing newer was found: {loss.newest_where} was at the same revision."
    elif loss.revisions:
        yield (
            f"{plural(loss.revisions, 'revision')}, measured at {loss.newest_where} "
            f"(revision {thousands(loss.newest_revision or 0)})."
        )
    if not loss.compared_with:
        yield "The objects were not compared before the run; the old data is kept for that."
        return
    yield (
        f"Compared with {loss.compared_with}: {thousands(loss.added)} created since and gone, "
        f"{thousands(loss.changed)} changed since and back at their old state, "
        f"{thousands(loss.removed)} deleted since and there again."
    )


def _proven(record: Record) -> Iterator[str]:
    final = record.final
    if final is None:
        yield "Nothing: the final checks were not reached."
        return
    if record.run.state is RunState.ROLLED_BACK:
        yield "The members that ran before the run were seen to run again."
        return
    at = datetime.fromisoformat(final.at.replace("Z", "+00:00"))
    yield from proven(HealthReport(record.run.cluster, at, final.checks, final.members))
    passed = [check for check in final.checks if check.status is CheckStatus.OK]
    bad = [c for c in final.checks if c.status in (CheckStatus.FAILED, CheckStatus.SKIPPED)]
    yield f"{len(passed)} of {plural(len(final.checks), 'check')} passed at {moment(final.at)}."
    if not final.whole:
        yield "Only the members were compared: some nodes come in later."
    for check in bad:
        yield f"Not proven: {check.scope}, {check.name}: {check.message}."


def _times(record: Record, outages: Sequence[Outage], total: float | None) -> Iterator[str]:
    if total is not None:
        yield f"{lasted(total)} in all, from {moment(record.run.entries[0].at)}."
    for outage in outages:
        if outage.seconds is None:
            yield f"The API was taken down at {moment(outage.began_at)} and not seen ready since."
        else:
            yield (
                f"The API was down for {lasted(outage.seconds)}, "
                f"from {moment(outage.began_at)} to {moment(outage.ended_at or '')}."
            )
    if not outages:
        yield "The API was not taken down by this run."
    if record.plan is not None and record.plan.quorum_was_lost and record.before is not None:
        yield (
            "Before that etcd took no writes already, for want of a quorum: "
            "since when, this record does not know."
        )


def _left(record: Record, kept: Sequence[KeptData]) -> Iterator[str]:
    run = record.run
    consent = f"--confirm {run.cluster}"
    left_out = progress_of(run.entries).left_out
    if run.state in (RunState.INTERRUPTED, RunState.FAILED) and not run.cleaned:
        yield (
            f"The run is not finished: `etcd-rescue runs resume {run.id} {consent}` goes on, "
            f"`etcd-rescue runs rollback {run.id} {consent}` leads back."
        )
    if left_out:
        yield f"{listing(left_out)} is still to be brought in."
    if record.leftovers is not None:
        yield from (f"{found.what}." for found in record.leftovers.found)
        yield from (f"Not looked at: {words}." for words in record.leftovers.not_seen)
    if record.final is not None and run.state is RunState.SUCCEEDED:
        remedies = (check.remedy for check in record.final.checks if check.remedy)
        yield from (sentence(remedy) for remedy in dict.fromkeys(remedies))
    if kept and not run.cleaned and run.state is RunState.SUCCEEDED:
        clean = f"etcd-rescue runs clean {run.id} {consent}"
        yield f"The old data is kept; once nobody needs it: `{clean}`."
