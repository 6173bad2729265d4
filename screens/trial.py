"""The rehearsal of a snapshot: restored into scratch members here, started, compared with it."""

from __future__ import annotations

import asyncio
from typing import ClassVar

from textual import work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Container
from textual.content import Content
from textual.worker import Worker, WorkerState

from recovery.backups.model import Integrity, Snapshot
from recovery.errors import RescueError, SnapshotError
from recovery.rehearsal.trial.model import StageReport, TrialReport
from recovery.snapshots.model import FetchedSnapshot
from screens.case import Case
from screens.cleaning_up import to_its_end
from screens.comparison_text import label_of
from screens.dialogs.reading import ReadingDialog
from screens.explained import TRIAL, Help
from screens.incident_screen import IncidentScreen
from screens.keys import KeysOf, common_keys
from screens.marks import HEADING, Mark, line, spread, stacked
from screens.saying import hint, said
from screens.trial_checks import TrialChecks
from screens.trial_progress import TrialProgress
from screens.trial_text import StageLine, broken_off, checklist, short_verdict, trial_markdown
from screens.widgets.words import Words
from screens.wording import cut, folded, span, stopwatch

PATIENCE = 8.0
"""Seconds for which leaving waits for the cleaning up, which goes on without the screen, too."""
TALL = 34
"""From so many lines on, the checks stand under the stages."""

_WHAT = (
    "The snapshot is restored into scratch members on this machine, started, and every key "
    "is compared. No node is touched; esc ends it and cleans up."
)


_key = KeysOf("trial")


class TrialScreen(IncidentScreen):
    """Begins at once; `esc` ends it and cleans up."""

    EXPLAINED: ClassVar[Help] = TRIAL
    title_words: ClassVar[str] = "Rehearsal"

    BINDINGS: ClassVar[list[BindingType]] = [
        _key("tab", "switch", "stages/checks", "Between the stages and the checks"),
        _key("l", "log", "log", "What etcd said last"),
        _key("a", "again", "again", "Rehearse it once more"),
        _key("i", "details", "in full", "The chosen check in full", hidden=True),
        *common_keys(
            copy=("copy verdict", "Copy the verdict"),
            export=("export", "Write the report to a file"),
            back=("back", "End the rehearsal, clean up, go back"),
        ),
    ]

    def __init__(self, case: Case, snapshot: Snapshot) -> None:
        super().__init__(case)
        self.snapshot = snapshot
        self.report: TrialReport | None = None
        self.problem: RescueError | None = None
        self.cleaning = False
        """Whether it was told to end, and is not gone yet."""
        self.trying: Worker[None] | None = None
        self._progress = TrialProgress()
        self._show_stages = True
        self._heading = Words("trial-heading")
        self._words = Words("trial-words")
        self._checklist = Words("trial-stages")
        self._checks = TrialChecks()

    def compose_body(self) -> ComposeResult:
        """The verdict, the stages, the checks."""
        yield self._heading
        yield self._words
        with Container(id="trial-body"):
            yield self._checklist
            yield self._checks

    def on_mount(self) -> None:
        """Begin at once; of one that was rehearsed in this session, what came of it."""
        self.set_interval(self.case.tick, self._draw_progress)
        known = self.case.trials.get(self.snapshot.name)
        if known is None:
            self.trying = self.try_it()
        else:
            self.call_after_refresh(self._settle, known)

    @property
    def tall(self) -> bool:
        """Whether there is room for stages and checks at once."""
        return self.app.size.height >= TALL

    @property
    def under_way(self) -> bool:
        """Whether a trial has begun and not ended."""
        return self.trying is not None and not self.trying.is_finished

    @work(group="trial", exclusive=True, exit_on_error=False)
    async def try_it(self) -> None:
        """Fetch and verify, then the trial; an error is shown with what to do about it."""
        self.report, self.problem, self._show_stages = None, None, True
        self._progress = TrialProgress(self.case.seconds())
        self.redraw()
        try:
            fetched = _fit(await self.case.verified(self.snapshot))
            self._progress.take_fetched(fetched, self.case.seconds())
            rehearsal = self.case.incident.rehearse(fetched, self._heard)
            self._settle(await to_its_end(asyncio.create_task(rehearsal)))
        except RescueError as error:
            self.problem = error
            self.show_trouble(error)
        finally:
            self.call_later(self.redraw)

    def _heard(self, stage: StageReport) -> None:
        self._progress.take(stage, self.case.seconds())
        self._tell()

    def _settle(self, report: TrialReport) -> None:
        self.report = self.case.trials[self.snapshot.name] = report
        self._progress.stages |= {stage.stage: stage for stage in report.stages}
        self._show_stages = not report.checks
        self._checks.show_checks(report.checks)
        self.redraw()
        self._checks.rows.focus()

    def _draw_progress(self) -> None:
        if self.under_way:
            self._tell()

    def on_resize(self) -> None:
        """Draw for the new width."""
        self.call_after_refresh(self.redraw)

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        """The trial is gone with all that it made: leave, where that was asked for."""
        super().on_worker_state_changed(event)
        over = event.state not in (WorkerState.PENDING, WorkerState.RUNNING)
        if over and event.worker is self.trying:
            if self.cleaning:
                self._leave()
            else:
                self.redraw()

    def redraw(self) -> None:
        """Draw what is known."""
        if not self.drawable:
            return
        checks = self.report is not None and bool(self.report.checks)
        self._checklist.display = self.tall or self._show_stages
        self._checks.display = checks and (self.tall or not self._show_stages)
        self._tell()
        self.top_line_changed()
        self.refresh_bindings()

    def _tell(self) -> None:
        if not self.drawable:
            return
        width = self.app.size.width
        self._heading.say(self._head(width))
        self._words.say(self._what_is_known(width))
        self._checklist.say(checklist(self._lines(), min(width - 1, 110)))

    def _head(self, width: int) -> Content:
        mark, words = self.state
        right = line(mark.say(words), " ")
        label = label_of(self.snapshot, max(20, width - 40))
        left = line(" ", ("REHEARSAL", HEADING), "  ", (label, "bold"))
        if label != self.snapshot.name and width >= 120:
            room = width - left.cell_length - right.cell_length - 5
            left = line(left, (f"   {cut(self.snapshot.name, room)}", "$muted"))
        return spread(left, right, width)

    @property
    def state(self) -> tuple[Mark, str]:
        """The mark of the heading."""
        if self.cleaning:
            return Mark.RUNNING, "cleaning up"
        if self.report is not None:
            return short_verdict(self.report)
        if self.problem is not None:
            return Mark.FAILED, "not rehearsed"
        return Mark.RUNNING, f"rehearsing  {stopwatch(self.case.seconds() - self._progress.began)}"

    def _what_is_known(self, width: int) -> Content:
        if self.cleaning:
            words = "Ending the scratch members and removing what was made. Then back."
            return said(Mark.RUNNING, words, width)
        if self.report is not None:
            report = self.report
            etcd = f"etcd {report.etcd_version} from {report.etcd_from}, {span(report.seconds)}"
            mark, _ = short_verdict(report)
            lines = [said(mark, report.sentence, width, strong=True)]
            return stacked([*lines, hint(cut(f"{etcd} in all. No node was touched.", width - 4))])
        if self.problem is not None:
            words = f"It could not be rehearsed: {self.problem.what}. a tries again, esc goes back."
            return said(Mark.FAILED, words, width)
        return stacked([line(" ", row) for row in folded(_WHAT, width - 2)])

    def _lines(self) -> list[StageLine]:
        moving = self.case.moving.get(self.snapshot.name)
        lines = self._progress.lines(moving, self.case.seconds())
        if self.problem is not None:
            return broken_off(lines, self.problem.what)
        return broken_off(lines, "") if self.report is not None else lines

    @property
    def staying(self) -> str:
        """A rehearsal is ended before it is left."""
        return "The rehearsal is under way; esc ends it." if self.under_way else ""

    @property
    def subject(self) -> Snapshot:
        """The one that the screen was opened on."""
        return self.snapshot

    def unavailable(self, action: str) -> str:
        """What has to wait for the verdict."""
        match action:
            case "again" if self.under_way:
                return "The rehearsal is under way."
            case "switch" if self.tall:
                return "Both are on the screen."
            case "switch" if self.report is None or not self.report.checks:
                return "There are no checks yet."
            case "copy" | "export" if self.report is None:
                return "There is no verdict yet."
            case "log" if self.report is None or not self.report.log:
                return "etcd has said nothing that is worth reading."
        return ""

    def copy_text(self) -> str:
        """The verdict."""
        return f"{self.snapshot.name}: {self.report.sentence}" if self.report is not None else ""

    def export_text(self) -> tuple[str, str]:
        """The report as Markdown."""
        if self.report is None:
            return "", ""
        text = trial_markdown(self.case.cluster_name, self.report, self.case.clock())
        return f"rehearsal-{self.snapshot.name}", text

    def action_switch(self) -> None:
        """The stages, or the checks."""
        self._show_stages = not self._show_stages
        self.redraw()
        if not self._show_stages:
            self._checks.rows.focus()

    def action_log(self) -> None:
        """What etcd said."""
        if self.report is not None:
            self.app.push_screen(ReadingDialog("What etcd said last", self.report.log))

    def action_details(self) -> None:
        """The check under the cursor, whole."""
        self._checks.read_in_full()

    def action_again(self) -> None:
        """Once more, from the start."""
        self.trying = self.try_it()

    def action_back(self) -> None:
        """End what is under way, and leave once it is gone; a second time: leave now."""
        if self.trying is not None and self.under_way and not self.cleaning:
            self.cleaning = True
            self.trying.cancel()
            self.set_timer(PATIENCE, self._leave)
            self.redraw()
        else:
            super().action_back()

    def _leave(self) -> None:
        if self.is_current:
            super().action_back()
        else:
            self.cleaning = False
            self.redraw()


def _fit(fetched: FetchedSnapshot) -> FetchedSnapshot:
    """The snapshot, if it is worth a trial; raises SnapshotError where it is not."""
    verdict = fetched.verdict
    if verdict.contents is None or verdict.integrity is Integrity.CORRUPT:
        raise SnapshotError(
            f"this snapshot is corrupt: {verdict.reason or 'it cannot be read'}",
            where=fetched.location,
            remedy="choose another one",
        )
    return fetched
