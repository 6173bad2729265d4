"""The parts of the restore screen that are drawn from a run's view alone."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from textual.content import Content

from recovery.restore.events import Outcome
from screens.marks import OF_OUTCOME, cell, hanging, line, stacked
from screens.run_view import RunView, StepView
from screens.wording import sentence, span


def steps_of(view: RunView, now: datetime, width: int) -> Content:
    """The steps with their marks and times, in so many cells."""
    return stacked(
        [_step(view, number, step, now, width) for number, step in enumerate(view.steps, 1)]
    )


def _step(view: RunView, number: int, step: StepView, now: datetime, width: int) -> Content:
    time = ""
    if step.started is not None:
        time = span(((step.ended or now) - step.started).total_seconds())
    here = step is view.current and view.under_way
    room = max(7, len(time) + 1) if time else 0
    title = cell(f"{number:>2} {step.step.title}", width - 3 - room)
    return line(
        " ",
        (step.mark.shape, step.mark.colour),
        " ",
        Content.styled(title.plain, "bold") if here else title,
        cell(Content.styled(time, "$muted"), room, right=True),
    )


def now_of(
    view: RunView, width: int, endings: Mapping[Outcome, str], *, aborting: bool, paused: bool
) -> Content:
    """What happens now, or how it ended, and what holds."""
    if view.outcome is not None:
        mark = OF_OUTCOME[view.outcome]
        rows = [line(" ", mark.say(endings[view.outcome], strong=True))]
        if view.outcome is not Outcome.DONE and "partly done" in view.holds:
            rows += hanging("", view.holds.partition(".")[0] + ".", width, 3)
        return stacked([*rows, *hanging("", sentence(view.message), width, 3)])
    purpose = view.current.step.purpose if view.current else view.words.beginning
    if aborting:
        purpose = "Stopping: the action under way goes to its end, nothing new is started."
    elif paused:
        purpose = "Paused: the action under way goes to its end. p goes on."
    return stacked(
        [*hanging("Now", purpose, width, 14), *hanging("If you stop", view.holds, width, 14)]
    )
