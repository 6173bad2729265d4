"""How far a trial has come: its stages with their times, the fetching before them included."""

from __future__ import annotations

from dataclasses import dataclass, field

from recovery.rehearsal.trial.model import StageReport, StageState, TrialStage
from recovery.snapshots.model import FetchedSnapshot
from screens.case import Moving
from screens.marks import Mark
from screens.trial_text import FETCH, StageLine, stage_line, waiting_stages


@dataclass
class TrialProgress:
    """Filled as the trial tells of itself. Times are seconds of the case's clock."""

    began: float = 0.0
    stages: dict[TrialStage, StageReport] = field(default_factory=waiting_stages)
    _since: dict[TrialStage, float] = field(default_factory=dict)
    _fetched: FetchedSnapshot | None = None
    _fetch_seconds: float = 0.0

    def take_fetched(self, fetched: FetchedSnapshot, now: float) -> None:
        """It is here and verified; the stages begin."""
        self._fetched, self._fetch_seconds = fetched, now - self.began

    def take(self, stage: StageReport, now: float) -> None:
        """A stage has begun, come further, or ended."""
        if stage.state is StageState.RUNNING:
            self._since.setdefault(stage.stage, now)
        self.stages[stage.stage] = stage

    def lines(self, moving: Moving | None, now: float) -> list[StageLine]:
        """The checklist; `moving` is how far the fetch has come, while there is one."""
        lines = [self._fetch_line(moving, now)]
        for stage, report in self.stages.items():
            lines.append(stage_line(report, now - self._since.get(stage, now)))
        return lines

    def _fetch_line(self, moving: Moving | None, now: float) -> StageLine:
        if self._fetched is not None:
            words = self._fetched.verdict.integrity.value
            return StageLine(FETCH, Mark.OK, words, self._fetch_seconds)
        seconds = now - self.began
        if moving is None:
            return StageLine(FETCH, Mark.RUNNING, "", seconds)
        return StageLine(FETCH, Mark.RUNNING, moving.what, seconds, moving.done, moving.total)
