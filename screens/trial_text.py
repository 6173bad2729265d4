"""A trial in words: its stages as a checklist, its verdict, and the report to take along."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from textual.content import Content

from recovery.health.model import CLUSTER_SCOPE, Check
from recovery.rehearsal.trial.kept_trials import KeptTrial
from recovery.rehearsal.trial.model import StageReport, StageState, TrialReport, TrialStage
from screens.exporting import markdown_table
from screens.health_matrix import cells_of
from screens.marks import Mark, cell, line, stacked
from screens.widgets.node_pane import bar
from screens.wording import age, cut, span

OF_STAGE = {
    StageState.WAITING: Mark.WAITING,
    StageState.RUNNING: Mark.RUNNING,
    StageState.DONE: Mark.OK,
    StageState.FAILED: Mark.FAILED,
}

FETCH = "fetch and verify it"
_TITLE = 33


@dataclass(frozen=True, slots=True)
class StageLine:
    """One line of the checklist. Seconds, and bytes or keys where they can be counted."""

    title: str
    mark: Mark
    words: str = ""
    seconds: float | None = None
    done: int = 0
    total: int = 0

    def draw(self, width: int) -> Content:
        """Mark, title, what happens or came of it, and the time at the end."""
        title = min(_TITLE, max(20, width // 2))
        time = span(self.seconds) if self.seconds is not None else ""
        room = max(8, width - title - 13)
        return line(
            "  ",
            (self.mark.shape, self.mark.colour),
            " ",
            cell(cut(self.title, title - 1), title),
            cell(self._words(room), room),
            cell(Content.styled(time, "$muted"), 8, right=True),
        )

    def _words(self, room: int) -> Content:
        if self.mark is not Mark.RUNNING or not self.total:
            words = self.words or ("" if self.mark is Mark.OK else self.mark.word)
            return Content.styled(cut(words, room), "$muted")
        share = min(1.0, self.done / self.total)
        figures = f" {share * 100:3.0f} %"
        words = cut(self.words, max(0, room - 12 - len(figures)))
        gap = " " if words else ""
        length = max(4, min(30, room - len(words) - len(gap) - len(figures)))
        return line(words, gap, bar(share, length), figures)


def stage_line(report: StageReport, elapsed: float) -> StageLine:
    """A stage as it stands; `elapsed` is for how long it has been running (seconds)."""
    seconds: float | None = None
    if report.state is StageState.RUNNING:
        seconds = max(report.seconds, elapsed)
    elif report.state is not StageState.WAITING:
        seconds = report.seconds
    return StageLine(
        report.stage.value,
        OF_STAGE[report.state],
        report.words,
        seconds,
        report.done,
        report.total,
    )


def broken_off(lines: Iterable[StageLine], words: str) -> list[StageLine]:
    """The lines once nothing more will come: what ran has failed, what waited is left out."""
    ended = []
    for each in lines:
        if each.mark is Mark.RUNNING:
            ended.append(StageLine(each.title, Mark.FAILED, words, each.seconds))
        elif each.mark is Mark.WAITING:
            ended.append(StageLine(each.title, Mark.SKIPPED))
        else:
            ended.append(each)
    return ended


def checklist(lines: Sequence[StageLine], width: int) -> Content:
    """All lines under each other."""
    return stacked([each.draw(width) for each in lines])


def waiting_stages() -> dict[TrialStage, StageReport]:
    """Before anything has begun."""
    return {stage: StageReport(stage, StageState.WAITING) for stage in TrialStage}


def short_verdict(report: TrialReport | KeptTrial) -> tuple[Mark, str]:
    """The answer of a rehearsal in three words."""
    if report.passed:
        return Mark.OK, "it serves"
    if not report.serving_after:
        return Mark.FAILED, "it does not serve"
    return Mark.FAILED, "it serves, but differs"


def rehearsed_words(trial: TrialReport | KeptTrial, now: datetime) -> str:
    """`rehearsed: it serves`; of one before this session: `rehearsed 3 d ago: it serves`."""
    ago = f" {age(trial.ended_at, now)} ago" if isinstance(trial, KeptTrial) else ""
    return f"rehearsed{ago}: {short_verdict(trial)[1]}"


def member_names(checks: Iterable[Check]) -> tuple[str, ...]:
    """The scratch members, in the order in which they are named."""
    return tuple(dict.fromkeys(check.scope for check in checks if check.scope != CLUSTER_SCOPE))


def trial_markdown(cluster: str, report: TrialReport, at: datetime) -> str:
    """The whole report: verdict, stages, checks and what each proves."""
    text = f"# Rehearsal of a snapshot of {cluster}\n\n**{report.sentence}**\n\n"
    text += f"Ended {at:%Y-%m-%d %H:%M}Z. On one machine: no node was touched.\n\n"
    rows = [
        ["snapshot", report.snapshot],
        ["read from", report.location],
        ["etcd", f"{report.etcd_version}, from {report.etcd_from}"],
        ["served after", f"{report.serving_after:.1f} s" if report.serving_after else "never"],
        ["took", f"{report.seconds:.1f} s"],
    ]
    text += markdown_table(["", ""], rows)
    rows = [
        [stage.stage.value, stage.state.value, f"{stage.seconds:.1f} s", stage.words]
        for stage in report.stages
    ]
    text += "\n## Stages\n\n" + markdown_table(["Stage", "State", "Time", ""], rows)
    names = member_names(report.checks)
    rows = [
        [name, *(_plain(cells.get(member)) for member in names)]
        for name, cells in cells_of(report.checks, names).items()
    ]
    text += "\n## Checks\n\n" + markdown_table(["Check", *names], rows)
    others = [check for check in report.checks if check.scope not in names]
    if others:
        rows = [[check.name, _plain(check)] for check in others]
        text += "\n" + markdown_table(["Of all members together", "Answer"], rows)
    meanings = dict.fromkeys(
        f"{check.name}: {check.meaning}" for check in report.checks if check.meaning
    )
    if meanings:
        text += "\n## What the checks say\n\n" + "".join(f"- {item}\n" for item in meanings)
    return text


def _plain(check: Check | None) -> str:
    return "–" if check is None else f"{check.status.value}: {check.message}"
