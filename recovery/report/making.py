"""From a run's record to its report: a pure function."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator

from recovery.report.model import KeptData, NodeLog, Report
from recovery.report.record import Record
from recovery.report.story import programs_of
from recovery.report.summary import summary_of
from recovery.report.timeline import faults_of, timeline_of
from recovery.report.times import outages_of, total_seconds
from recovery.restore.past_runs import RunState
from recovery.restore.progress import Progress, progress_of

_ASIDE = "set-data-aside"
_RESTORED = ("restore-member", "place-member")


def report_of(record: Record, written_at: str) -> Report:
    """The report as far as the record goes. `written_at`: now, RFC 3339 UTC."""
    run, plan = record.run, record.plan
    programs = programs_of(record)
    entries = run.entries
    # Of a program that was killed the journal's last line is the last that is known.
    last = written_at if run.state is RunState.RUNNING else entries[-1].at
    total = total_seconds(entries, until=last)
    outages = outages_of(entries, plan)
    kept = () if run.cleaned else tuple(_kept(record))
    return Report(
        run_id=run.id,
        cluster=run.cluster,
        written_at=written_at,
        state=run.state,
        cleaned=run.cleaned,
        directory=str(run.directory),
        operators=tuple(dict.fromkeys(program.operator for program in programs)),
        nodes=(*plan.nodes, *plan.absent) if plan is not None else (),
        source=plan.source if plan is not None else None,
        summary=summary_of(record, programs, outages, total, kept),
        total_seconds=total,
        outages=outages,
        timeline=timeline_of(programs, entries),
        programs=programs,
        faults=faults_of(programs, entries),
        before=record.before,
        final=record.final,
        leftovers=record.leftovers,
        kept=kept,
        manifest_edits=plan.manifest_edits if plan is not None else (),
        logs=tuple(
            NodeLog(node, str(run.directory / f"{node}.log"), text)
            for node, text in record.logs.items()
        ),
        unread=record.unread,
    )


def _kept(record: Record) -> Iterator[KeptData]:
    """By what the journal says was moved, not by what the plan had in mind."""
    if record.plan is None:
        return
    progress = progress_of(record.run.entries)
    back = record.run.state is RunState.ROLLED_BACK
    for place in record.plan.places:
        if not back and _seen(progress, _ASIDE, place.node):
            aside = posixpath.join(place.staging, "aside")
            yield KeptData(place.node, "the data from before the run", aside)
        if back and any(_seen(progress, action, place.node) for action in _RESTORED):
            yield KeptData(place.node, "what was restored, and taken back", place.staging)
        if _seen(progress, "keep-configuration", place.node):
            configuration = posixpath.join(place.run_dir, "kubernetes")
            yield KeptData(place.node, "the Kubernetes configuration from before", configuration)


def _seen(progress: Progress, action: str, node: str) -> bool:
    return (action, node) in progress.done or (action, node) in progress.under_way
