"""Tells the stages of a trial, each with its time, to whoever listens."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

from recovery.errors import RescueError
from recovery.rehearsal.trial.model import StageReport, StageState, TrialStage

OnStage = Callable[[StageReport], None]

_PAUSE = 0.1
"""Seconds between two reports of progress."""


class RunningStage:
    """A stage under way."""

    def __init__(self, stage: TrialStage, tell: OnStage) -> None:
        self._tell = tell
        self._began = time.monotonic()
        self._told_at = 0.0
        self.report = StageReport(stage, StageState.RUNNING)
        self._tell(self.report)

    def says(self, words: str) -> None:
        """What happens now, or what came of it."""
        if words != self.report.words:
            self._now(words=words)

    def moved(self, done: int, total: int) -> None:
        """How far it is; told a few times a second."""
        if done >= total or time.monotonic() - self._told_at >= _PAUSE:
            self._now(done=done, total=total)

    def ended(self, state: StageState, words: str = "") -> None:
        """It is over."""
        self._now(state=state, words=words or self.report.words)

    def _now(
        self,
        *,
        state: StageState | None = None,
        words: str | None = None,
        done: int | None = None,
        total: int | None = None,
    ) -> None:
        now = time.monotonic()
        self._told_at = now
        report = self.report
        self.report = replace(
            report,
            state=report.state if state is None else state,
            words=report.words if words is None else words,
            done=report.done if done is None else done,
            total=report.total if total is None else total,
            seconds=now - self._began,
        )
        self._tell(self.report)


class Stages:
    """All stages of one trial, with the last report of each."""

    def __init__(self, on_stage: OnStage | None) -> None:
        self._on_stage = on_stage
        self._last: dict[TrialStage, StageReport] = {}

    @property
    def reports(self) -> tuple[StageReport, ...]:
        """How each stage stands, in their order; those that were never begun wait."""
        waiting = (StageReport(stage, StageState.WAITING) for stage in TrialStage)
        return tuple(self._last.get(report.stage, report) for report in waiting)

    @contextmanager
    def begun(self, stage: TrialStage) -> Iterator[RunningStage]:
        """The stage runs in the block. It is done with it, unless the block says that it failed."""
        running = RunningStage(stage, self._tell)
        try:
            yield running
        except RescueError as error:
            running.ended(StageState.FAILED, error.what)
            raise
        if running.report.state is StageState.RUNNING:
            running.ended(StageState.DONE)

    def _tell(self, report: StageReport) -> None:
        self._last[report.stage] = report
        if self._on_stage is not None:
            self._on_stage(report)
