"""Health: nodes × checks, until every check passes or the person has seen enough."""

from __future__ import annotations

import asyncio
from typing import ClassVar

from textual import work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Container, Vertical, VerticalScroll
from textual.content import Content
from textual.widgets import Static

from recovery.errors import RescueError
from recovery.health.expected import Expected
from recovery.health.leftovers import Leftovers
from recovery.health.model import Check, CheckStatus, HealthReport
from screens.case import Case
from screens.checklist import explain_within, in_full, worst_of
from screens.dialogs.reading import ReadingDialog
from screens.explained import HEALTH, Help
from screens.health_matrix import cells_of, health_markdown, line_of, matrix_heads, other_lines
from screens.incident_screen import WIDE, IncidentScreen, Rule
from screens.keys import KeysOf, common_keys
from screens.leftovers_text import leftovers_text
from screens.marks import Mark, line, spread
from screens.proof_text import proof_text
from screens.refreshing import Refreshing
from screens.run_view import RunView
from screens.widgets.row_list import Row, RowList
from screens.wording import clipped, listing, span, stopwatch

_BELOW = 7
"""Lines of explanation below the matrix, as in the style sheet; beside it there are more."""
PATIENCE = 600.0
"""Seconds after a run during which failing checks are waited for."""


_key = KeysOf("health")


class HealthScreen(IncidentScreen):
    """The final checks. After a run they are repeated until all hold: only then *Recovered*."""

    EXPLAINED: ClassVar[Help] = HEALTH
    title_words: ClassVar[str] = "Health"

    BINDINGS: ClassVar[list[BindingType]] = [
        _key("a", "again", "again", "Check everything again, now"),
        _key("p", "pause", "pause", "Hold the checking again every half minute, or go on"),
        _key(
            "l",
            "leftovers",
            "leftovers",
            "Where the API and the nodes do not agree, with commands to look",
        ),
        *common_keys(
            export=("export report", "Write the report to a file"),
            copy=("copy", "Copy the report"),
            back=("back", "Back"),
        ),
        _key("i", "details", "in full", "The chosen check in full, with its remedy", hidden=True),
        _key("u", "runs", "runs", "To the runs: clean up, roll back, report", hidden=True),
    ]

    def __init__(
        self, case: Case, expected: Expected | None = None, run: RunView | None = None
    ) -> None:
        super().__init__(case)
        self.expected = expected
        self.after_run = run
        self.checks: dict[tuple[str, str], Check] = {}
        self.report: HealthReport | None = None
        self.checking = False
        self.leftovers: Leftovers | None = None
        self.problem: RescueError | None = None
        """Why the last look told nothing."""
        self.refreshing = Refreshing(case.health_refresh, case.seconds)
        self._told = ""
        self._began = 0.0
        self._rows = RowList("matrix")

    def compose_body(self) -> ComposeResult:
        """The verdict, the matrix, what was proven."""
        yield Static("", id="health-heading")
        with Container(classes="beside"):
            with Vertical(classes="main"):
                yield Static("", id="health-columns")
                yield self._rows
            yield Rule(classes="rule")
            with VerticalScroll(id="health-below", classes="side", can_focus=False):
                yield Static("", id="health-words")

    def on_mount(self) -> None:
        """Check at once."""
        self._rows.focus()
        self.set_interval(self.case.tick, self._redraw_while_checking)
        self.redraw()
        self.check()

    @work(group="health", exclusive=True, exit_on_error=False)
    async def check(self) -> None:
        """Again and again; after a run until healthy, and at first without long pauses."""
        self._began = self.case.seconds()
        asked = True
        while True:
            await self._look_once(asked=asked)
            asked = False
            if self.after_run is not None and self.report is not None and self.report.healthy:
                return
            if self.waiting:
                await asyncio.sleep(self.case.health_pause)
                continue
            await self.refreshing.wait()

    async def _look_once(self, *, asked: bool) -> None:
        """One look; what it could not do is shown in full only where a person asked for it."""
        self.checking = True
        try:
            self.report = await self.case.incident.health(self.expected, self._heard)
            self.problem = None
            self._settle(self.report)
        except RescueError as error:
            self.problem = error
            if asked:
                self.show_trouble(error)
        finally:
            self.checking = self.waiting
            self.redraw()

    def on_screen_suspend(self) -> None:
        """Nothing is checked that nobody sees."""
        self.refreshing.be_away(True)

    def on_screen_resume(self) -> None:
        """Go on; a run may have been cleaned up meanwhile."""
        self.refreshing.be_away(False)
        if self.report is not None:
            self.redraw()

    @property
    def waiting(self) -> bool:
        """Whether a run has just ended, and health is waited for without long pauses."""
        patient = self.case.seconds() - self._began <= PATIENCE
        return self.after_run is not None and self.problem is None and patient

    def _heard(self, check: Check) -> None:
        self.checks[(check.name, check.scope)] = check
        self.redraw_soon()

    @work(group="leftovers", exclusive=True, exit_on_error=False)
    async def look_for_leftovers(self) -> None:
        """Once the API serves: what it remembers and reality does not have."""
        self.leftovers = await self.case.incident.leftovers()
        self.redraw()
        self.refresh_bindings()

    def unavailable(self, action: str) -> str:
        """Leftovers are looked for once all checks hold."""
        if action == "pause" and self.after_run is not None and self.verdict[0] is Mark.OK:
            return "Recovery is proven: nothing is checked again."
        if action == "leftovers" and self.leftovers is None:
            return "The API and the nodes are compared once every check holds."
        return ""

    def action_leftovers(self) -> None:
        """All of them."""
        if self.leftovers is not None:
            text = leftovers_text(self.leftovers, min(100, self.app.size.width - 8))
            self.app.push_screen(ReadingDialog("Where the API and the nodes do not agree", text))

    def _settle(self, report: HealthReport) -> None:
        if report.healthy and self.leftovers is None:
            self.look_for_leftovers()
        self.checks = {(check.name, check.scope): check for check in report.checks}
        if self.after_run is not None:
            self.case.recovered = report.healthy
            if report.healthy:
                self.refresh_facts()
        self.redraw()
        self.refresh_bindings()

    @work(group="look", exclusive=True, exit_on_error=False)
    async def refresh_facts(self) -> None:
        """The top line speaks of the cluster as it is now."""
        await self.case.look(self.top_line_changed)
        self.redraw()

    def _redraw_while_checking(self) -> None:
        if self.checking:
            self.redraw()
        elif self.drawable and self.refreshing.words != self._told:
            self._told = self.refreshing.words
            width = self.app.size.width
            self.query_one("#health-heading", Static).update(self._heading(width))

    def on_resize(self) -> None:
        """Draw for the new width."""
        self.place_beside()
        self.call_after_refresh(self.redraw)

    @property
    def bad(self) -> list[Check]:
        """The checks that do not hold."""
        good = (CheckStatus.OK, CheckStatus.WARNING)
        return [check for check in self.checks.values() if check.status not in good]

    def redraw(self) -> None:
        """Draw what is known."""
        if not self.drawable:
            return
        width = self.app.size.width
        self.query_one("#health-heading", Static).update(self._heading(width))
        self.query_one("#health-columns", Static).update(
            line(" ", matrix_heads(self.case.node_names, self._rows_width - 1))
        )
        checks = tuple(self.checks.values())
        rows = [
            Row(name, line_of(cells, self.case.node_names))
            for name, cells in cells_of(checks, self.case.node_names).items()
        ]
        rows += [Row(key, draw) for key, draw in other_lines(checks, self.case.node_names)]
        self._rows.show_rows(rows)
        if self.bad and not self.checking and not self._rows.moved_by_hand:
            for key in _keys_of(self.bad[0]):
                self._rows.move_to(key)
        self._draw_words()
        self.top_line_changed()

    @property
    def _rows_width(self) -> int:
        return self._rows.scrollable_content_region.width or self.app.size.width

    @property
    def _words_width(self) -> int:
        below = self.query_one("#health-below")
        return below.scrollable_content_region.width or self.app.size.width

    def _heading(self, width: int) -> Content:
        mark, words = self.verdict
        left = line(" ", mark.say(words, strong=True))
        run = self.after_run
        right = line("")
        if run is not None:
            down = run.api_down()
            times = f"total {stopwatch(run.total(self.case.clock()))}"
            times += f"   API down {stopwatch(down)}" if down is not None else ""
            right = line((f"{times} ", "$muted"))
        elif self.report is not None:
            right = line((f"{self._looked(self.report, width)} ", "$muted"))
        return spread(left, right, width)

    def _looked(self, report: HealthReport, width: int) -> str:
        """When it was checked, what is waited for, and when it is checked again."""
        parts = [f"checked {report.at:%H:%M:%S}Z"]
        if self.problem is not None:
            parts.append(clipped(self.problem.what, max(20, width - 70)))
        elif self.bad and width >= WIDE:
            parts.append(f"waits for {self._waits_for}")
        parts.append(self.refreshing.words)
        return " · ".join(part for part in parts if part)

    @property
    def verdict(self) -> tuple[Mark, str]:
        """The screen's answer. RECOVERED only after a run, and only when the report is healthy."""
        total = len(self.case.node_names)
        if self.report is None:
            return Mark.RUNNING, "CHECKING"
        if self.report.healthy:
            word = "RECOVERED" if self.after_run is not None else "HEALTHY"
            return Mark.OK, f"{word} {total}/{total}"
        if self.checking and self.after_run is not None:
            waited = span(self.case.seconds() - self._began)
            return Mark.RUNNING, f"WAITING for {self._waits_for}  {waited}"
        number = len([check for check in self.bad if check.status is CheckStatus.FAILED])
        skipped = len(self.bad) - number
        failing = f"{number} failed" if number else f"{skipped} could not be made"
        return Mark.FAILED, f"NOT HEALTHY: {failing}"

    @property
    def _waits_for(self) -> str:
        names = list(dict.fromkeys(check.name for check in self.bad))
        return listing(names[:2]) + (f" and {len(names) - 2} more" if len(names) > 2 else "")

    def _draw_words(self) -> None:
        widget = self.query_one("#health-words", Static)
        chosen = [check for check in self.checks.values() if self._rows.key in _keys_of(check)]
        if self._rows.moved_by_hand or (self.bad and not self.checking):
            chosen = chosen if self._rows.moved_by_hand else self.bad[:1]
            if chosen:
                room = self.app.size.height - 6 if self.has_class("-side") else _BELOW
                widget.update(explain_within(worst_of(chosen), self._words_width, room))
                return
        if self.report is not None and self.report.healthy:
            run = self.after_run
            cleaned = run is not None and run.plan.run_id in self.case.cleaned
            told = proof_text(self.report, self.leftovers, run, self._words_width, cleaned=cleaned)
            widget.update(told)
        else:
            widget.update(
                line(" ", ("Choose a line to read what it means and what to do.", "$muted"))
            )

    def copy_text(self) -> str:
        """The report."""
        return self.export_text()[1]

    def export_text(self) -> tuple[str, str]:
        """The report as Markdown."""
        if self.report is None:
            return "", ""
        _, words = self.verdict
        return f"health-{self.case.cluster_name}", health_markdown(
            self.report, self.case.node_names, words, self.after_run
        )

    def on_row_list_highlighted(self) -> None:
        """Explain the line under the cursor."""
        self._draw_words()

    def action_pause(self) -> None:
        """Hold the checking, or go on."""
        self.refreshing.hold(not self.refreshing.held)
        self.redraw()

    def action_details(self) -> None:
        """The check under the cursor, whole."""
        chosen = [check for check in self.checks.values() if self._rows.key in _keys_of(check)]
        if chosen:
            text = in_full(worst_of(chosen), self.app.size.width)
            self.app.push_screen(ReadingDialog("The check in full", text))

    def action_runs(self) -> None:
        """Where cleaning up is."""
        from screens.runs import RunsScreen

        self.app.push_screen(RunsScreen(self.case))

    def action_again(self) -> None:
        """Everything anew."""
        self._rows.moved_by_hand = False
        self.leftovers = None
        self.check()


def _keys_of(check: Check) -> tuple[str, str]:
    return check.name, f"{check.scope}/{check.name}"
