"""When the next backup is taken. Pure: it knows no clock, and takes none.

A backup is due when a time of the schedule has passed since the last one was begun. So a machine
that slept through several takes one, and a backup that takes longer than the interval is followed
by one, not by all that were missed.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from recovery.backups.schedule import Schedule

FIRST_RETRY = timedelta(minutes=1)
LONGEST_RETRY = timedelta(hours=1)
SET_BACK = timedelta(minutes=1)
"""A last backup further ahead than this tells that the clock was set back since."""


class Ask(enum.Enum):
    """What to do now."""

    TAKE = "take"
    WAIT = "wait"
    PAUSED = "paused"


@dataclass(frozen=True, slots=True)
class Decision:
    """What to do now, until when, and why in words."""

    ask: Ask
    why: str
    until: datetime | None = None
    """For WAIT: when it is time to look again."""


@dataclass(frozen=True, slots=True)
class SchedulerState:
    """What the scheduler remembers. Times by this machine's clock, with a zone."""

    since: datetime
    """When it began to count: no time before this one is due."""
    begun: datetime | None = None
    """When the last backup that went well was begun."""
    failed: datetime | None = None
    """When the last try failed; None after one that went well."""
    failures: int = 0
    """In a row."""

    def after_success(self, begun: datetime) -> SchedulerState:
        """After a backup that was begun then."""
        return SchedulerState(since=begun, begun=begun)

    def after_failure(self, at: datetime) -> SchedulerState:
        """After a try that failed then."""
        return replace(self, failed=at, failures=self.failures + 1)

    def after_refusal(self, at: datetime) -> SchedulerState:
        """After a try that found somebody else at work: it counts as none, and waits a little."""
        return replace(self, failed=at, failures=max(1, self.failures))

    def while_paused(self, now: datetime) -> SchedulerState:
        """What comes due while it is paused is not made up for."""
        return SchedulerState(since=now, begun=self.begun)

    def with_clock_at(self, now: datetime) -> SchedulerState:
        """The same where times lie ahead of the clock, which then was set back meanwhile."""
        ahead = now + SET_BACK
        if self.since > ahead:
            return SchedulerState(since=now, begun=self.begun)
        if self.failed is not None and self.failed > ahead:
            return replace(self, failed=now)
        return self


def beginning(newest: datetime | None, now: datetime) -> SchedulerState:
    """The state of a scheduler that starts now; `newest`: when the newest known backup was taken.

    Without any, one is due at once: a cluster without a backup is what a scheduler is there to
    prevent.
    """
    if newest is None:
        return SchedulerState(since=datetime.min.replace(tzinfo=now.tzinfo))
    return SchedulerState(since=min(newest, now), begun=newest)


def decide(state: SchedulerState, schedule: Schedule, paused: bool, now: datetime) -> Decision:
    """What to do now. `state` is as the clock has it now (`with_clock_at`)."""
    if paused:
        return Decision(Ask.PAUSED, "the schedule is paused")
    first = state.since.year == datetime.min.year
    due = now if first else schedule.next(state.since)
    if due > now:
        return Decision(Ask.WAIT, f"the next backup is due at {said(due)}", due)
    retry = _retry_at(state, schedule, now)
    if retry is not None and retry > now:
        tries = "try" if state.failures == 1 else "tries"
        return Decision(
            Ask.WAIT,
            f"{state.failures} {tries} failed; the next one is at {said(retry)}",
            retry,
        )
    if first:
        return Decision(Ask.TAKE, "no backup is known yet")
    latest = schedule.latest(now)
    if state.failures:
        return Decision(Ask.TAKE, f"trying again: one was due at {said(latest)}")
    if schedule.due_between(state.since, now) > 1:
        why = f"one was due at {said(due)}, and more until {said(latest)}: one makes up for all"
        return Decision(Ask.TAKE, why)
    return Decision(Ask.TAKE, f"it was due at {said(due)}")


def _retry_at(state: SchedulerState, schedule: Schedule, now: datetime) -> datetime | None:
    """When a failed backup is tried again: later each time, but not past the next one due."""
    if state.failed is None:
        return None
    pause = min(FIRST_RETRY * (1 << min(state.failures - 1, 10)), LONGEST_RETRY)
    return min(state.failed + pause, schedule.next(state.failed))


def said(at: datetime) -> str:
    """A moment for the journal."""
    return f"{at:%Y-%m-%d %H:%M} UTC"
