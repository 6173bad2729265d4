"""A run that was taken up again counts its time, and the API's, from where it first began."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from recovery.restore.events import Outcome, RunEnded, RunStarted, StepEnded, StepStarted
from recovery.restore.plan import Risk
from screens.run_view import RunView
from screens.run_words import RESTORING, RESUMING, RunWords
from tests.screens.canned_plan import canned_plan
from tests.screens.canned_run import START

PLAN = canned_plan("snapshot.tar", "prod-a")
DANGER = next(gate for gate in PLAN.gates if gate.risk is Risk.DESTROY)
SECOND = timedelta(seconds=1)


def _played(words: RunWords) -> RunView:
    """A run whose steps take a second each."""
    view, now = RunView(PLAN, words), START
    view.take(RunStarted(now, PLAN.run_id, "journal", "log"))
    for step in PLAN.steps:
        view.take(StepStarted(now, step.id))
        now += SECOND
        view.take(StepEnded(now, step.id, Outcome.DONE))
    view.take(RunEnded(now, Outcome.DONE, ""))
    return view


def test_a_run_in_one_piece_counts_its_own_seconds() -> None:
    view = _played(RESTORING)
    assert view.total(START) == view.elapsed(START) == len(PLAN.steps)
    assert view.api_down() == len(DANGER.steps)


def test_the_time_between_two_pieces_counts() -> None:
    hour = timedelta(hours=1)
    words = replace(
        RESUMING, began=START - hour - SECOND, first_starts={DANGER.steps[0]: START - hour}
    )
    view = _played(words)
    assert view.elapsed(START) == len(PLAN.steps)
    assert view.total(START) == 3600 + 1 + len(PLAN.steps)
    last = [step.id for step in PLAN.steps].index(DANGER.steps[-1]) + 1
    assert view.api_down() == 3600 + last
