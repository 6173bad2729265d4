"""How far an earlier run came, as text for a screen or a dialog."""

from __future__ import annotations

from textual.content import Content

from recovery.restore.past_runs import PastRun, RunState
from recovery.restore.progress import progress_of
from recovery.restore.standing import RunStanding, StepState
from screens.marks import Mark, hanging, line
from screens.wording import age, listing, moment_of, sentence

OF_STATE = {
    RunState.RUNNING: (Mark.RUNNING, "under way"),
    RunState.SUCCEEDED: (Mark.OK, "succeeded"),
    RunState.FAILED: (Mark.FAILED, "failed"),
    RunState.INTERRUPTED: (Mark.WARNING, "interrupted"),
    RunState.ROLLED_BACK: (Mark.SKIPPED, "rolled back"),
}

_OF_STEP = {
    StepState.DONE: Mark.OK,
    StepState.UNDER_WAY: Mark.RUNNING,
    StepState.FAILED: Mark.FAILED,
    StepState.SKIPPED: Mark.SKIPPED,
    StepState.OPEN: Mark.WAITING,
}

_FIRST_WRITE = "make-directories"


def is_unfinished(run: PastRun) -> bool:
    """Whether somebody should decide about it: it has written to nodes and came to no good end."""
    if run.cleaned or run.state not in (RunState.INTERRUPTED, RunState.FAILED):
        return False
    return _FIRST_WRITE in progress_of(run.entries).begun


def standing_lines(standing: RunStanding, width: int) -> list[Content]:
    """What holds, what is next, what was under way, and every step."""
    rows = hanging("holds now", standing.holds, width, 13)
    if standing.next:
        rows += hanging("next", sentence(standing.next), width, 13)
    if standing.under_way:
        rows += hanging("under way", "; ".join(standing.under_way), width, 13)
    if standing.left_out:
        rows += hanging("left out", listing(standing.left_out), width, 13)
    rows.append(Content(""))
    return rows + [
        line(" ", (_OF_STEP[step.state].shape, _OF_STEP[step.state].colour), " ", step.title)
        for step in standing.steps
    ]


def summary_lines(standing: RunStanding, now_words: str, width: int) -> list[Content]:
    """The same in few lines, for a dialog."""
    done = [step.title for step in standing.steps if step.state is StepState.DONE]
    rows = hanging("begun", now_words, width, 13)
    rows += hanging("snapshot", standing.run.snapshot, width, 13)
    rows += hanging("done", listing(done) or "nothing", width, 13)
    if standing.under_way:
        rows += hanging("under way", "; ".join(standing.under_way), width, 13)
    if standing.left_out:
        rows += hanging("left out", listing(standing.left_out), width, 13)
    if standing.next:
        rows += hanging("next", sentence(standing.next), width, 13)
    return rows + hanging("holds now", standing.holds, width, 13)


def begun_words(run: PastRun, now: object) -> str:
    """Who began it and when, for example `2026-11-23 14:05 by ann@bastion-1`."""
    from datetime import datetime

    when = moment_of(run.started_at)
    since = ""
    if isinstance(now, datetime):
        began = datetime.fromisoformat(run.started_at.replace("Z", "+00:00"))
        since = f", {age(began, now)} ago"
    there = f", found on {listing(run.on_nodes)}" if run.on_nodes else ""
    return f"{when}{since}, by {run.operator or 'somebody'}{there}"
