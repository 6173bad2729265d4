"""Earlier runs: how they ended, and what can still be done about them."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import ClassVar

from textual import work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Container, Vertical, VerticalScroll
from textual.content import Content
from textual.widgets import Static

from recovery.errors import RescueError
from recovery.report.markdown import for_reading, report_markdown
from recovery.report.noting import add_note
from recovery.report.writing import read_report, write_report
from recovery.restore.past_runs import PastRun, RunState
from recovery.restore.standing import RunStanding
from screens.case import Case
from screens.clean_up_question import clean_up_question
from screens.dialogs.reading import ReadingDialog
from screens.dialogs.writing import WritingDialog
from screens.explained import RUNS, Help
from screens.incident_screen import IncidentScreen, Rule
from screens.keys import KeysOf, common_keys
from screens.marks import HEADING, Mark, line, stacked
from screens.other_run import story_line
from screens.run_rows import run_heads, run_row
from screens.run_standing import begun_words, standing_lines
from screens.taking_up import resume, roll_back
from screens.widgets.row_list import Row, RowList
from screens.wording import size

_key = KeysOf("runs")


class RunsScreen(IncidentScreen):
    """The runs of this cluster: this machine's at once, those on the nodes as they answer."""

    EXPLAINED: ClassVar[Help] = RUNS
    title_words: ClassVar[str] = "Runs"

    BINDINGS: ClassVar[list[BindingType]] = [
        _key("enter,r", "resume", "resume", "Go on where the run was left", shown="r"),
        _key("R", "roll_back", "roll back", "Put the old data in place again", name="back"),
        _key("c", "clean", "clean up", "Delete what the run has kept on the nodes"),
        _key("p", "report", "report", "Read the run's report"),
        _key("n", "note", "note", "Add a note to the run's report"),
        _key("l", "journal", "journal", "All that the run did"),
        _key("a", "again", "again", "Look for runs again"),
        *common_keys(
            export=("export", "Write the run's report to a file in the working directory"),
            back=("back", "Back"),
        ),
    ]

    def __init__(self, case: Case) -> None:
        super().__init__(case)
        self.looking = True
        self._runs: tuple[PastRun, ...] = ()
        self._standings: dict[str, RunStanding | RescueError] = {}
        self._rows = RowList("runs")

    def compose_body(self) -> ComposeResult:
        """Heading, list, the chosen one's standing."""
        yield Static("", id="runs-heading")
        with Container(classes="beside"):
            with Vertical(classes="main"):
                yield Static("", id="runs-columns")
                yield self._rows
            yield Rule(classes="rule")
            with VerticalScroll(id="runs-standing", classes="side", can_focus=False):
                yield Static("", id="runs-standing-text")

    def on_mount(self) -> None:
        """What this machine knows, at once; then the nodes."""
        self._rows.focus()
        self._show(self.case.incident.past_runs())
        self.look()

    def on_screen_resume(self) -> None:
        """Back from a run: it stands elsewhere now."""
        if not self.looking:
            self._standings.clear()
            self._show(self.case.incident.past_runs())
            self.look()

    def on_resize(self) -> None:
        """Draw for the new width."""
        self.place_beside()
        self.call_after_refresh(self.redraw)

    @work(group="look", exclusive=True, exit_on_error=False)
    async def look(self) -> None:
        """Those on the nodes, and the standing of the chosen one."""
        self.looking = True
        try:
            self._show(await self.case.incident.look_for_runs())
        finally:
            self.looking = False
            self.redraw()
        self.stand()

    @work(group="stand", exclusive=True, exit_on_error=False)
    async def stand(self) -> None:
        """How far the chosen one came."""
        chosen = self.chosen
        if chosen is None or chosen.id in self._standings:
            return
        try:
            self._standings[chosen.id] = await self.case.incident.standing(chosen.id)
        except RescueError as error:
            self._standings[chosen.id] = error
        self.redraw()

    @property
    def chosen(self) -> PastRun | None:
        """The run under the cursor."""
        return next((run for run in self._runs if run.id == self._rows.key), None)

    def _show(self, runs: tuple[PastRun, ...]) -> None:
        self._runs = runs
        self._rows.show_rows([Row(run.id, run_row(run)) for run in runs])
        self.redraw()
        self.stand()

    def redraw(self) -> None:
        """Heading and standing."""
        if not self.drawable:
            return
        more = "  asking the nodes …" if self.looking else ""
        heading = line(" ", ("RUNS", HEADING), (f"  {len(self._runs)}{more}", "$muted"))
        self.query_one("#runs-heading", Static).update(heading)
        columns = self.query_one("#runs-columns", Static)
        width = self._rows.scrollable_content_region.width or self.app.size.width
        columns.update(line(" ", run_heads(width - 1)))
        columns.display = bool(self._runs)
        self.query_one("#runs-standing-text", Static).update(self._standing())
        self.refresh_bindings()

    def _standing(self) -> Content:
        chosen = self.chosen
        side = self.query_one("#runs-standing")
        width = (side.scrollable_content_region.width or self.app.size.width) - 1
        if chosen is None:
            none = "Nobody has restored this cluster with etcd-rescue yet."
            return Content("" if self.looking else f" {none}")
        standing = self._standings.get(chosen.id)
        if isinstance(standing, RescueError):
            return line(" ", Mark.FAILED.say(str(standing)))
        begun = Content(f" {begun_words(chosen, self.case.clock())}")
        if standing is None:
            return begun
        return stacked([begun, Content(""), *standing_lines(standing, width)])

    def unavailable(self, action: str) -> str:
        """What the run's standing refuses."""
        if action not in ("resume", "roll_back", "clean", "journal", "report", "note"):
            return ""
        chosen = self.chosen
        if chosen is None:
            return "There is no run."
        standing = self._standings.get(chosen.id)
        if action == "journal":
            return ""
        if action == "note" and chosen.state is RunState.RUNNING:
            return "It is under way: a note can be added once it is over."
        if action in ("report", "note"):
            # Of a run that only the nodes know the record is brought here to see how far it came.
            here = not chosen.on_nodes or isinstance(standing, RunStanding)
            return "" if here else "Its record has not been brought to this machine yet."
        if not isinstance(standing, RunStanding):
            return "How far it came is not known yet."
        refused = {
            "resume": standing.resume_refused,
            "roll_back": standing.roll_back_refused,
            "clean": standing.clean_refused,
        }[action]
        return f"It cannot: {refused}." if refused else ""

    def on_row_list_highlighted(self) -> None:
        """Another run, another standing."""
        self.redraw()
        self.stand()

    def copy_text(self) -> str:
        """The chosen run's id."""
        return self.chosen.id if self.chosen else ""

    def export_text(self) -> tuple[str, str]:
        """The chosen run's report as Markdown; as HTML it lies beside the journal."""
        chosen = self.chosen
        if chosen is None or self.unavailable("report"):
            return "", ""
        return f"report-{chosen.id}", report_markdown(read_report(self._directory(chosen)))

    def action_export(self) -> None:
        """The record may be long, or gone meanwhile."""
        self._export()

    @work(group="report", exclusive=True, exit_on_error=False)
    async def _export(self) -> None:
        self.write_out(*await asyncio.to_thread(self.export_text))

    def _directory(self, run: PastRun) -> Path:
        """Where its record lies on this machine; it was brought here to see how far it came."""
        standing = self._standings.get(run.id)
        return standing.run.directory if isinstance(standing, RunStanding) else run.directory

    def action_again(self) -> None:
        """Look anew."""
        self._standings.clear()
        self._show(self.case.incident.past_runs())
        self.look()

    def action_journal(self) -> None:
        """All of it."""
        if self.chosen is not None:
            self.app.push_screen(ReadingDialog(f"Run {self.chosen.id}", _story(self.chosen)))

    @work(group="report", exclusive=True, exit_on_error=False)
    async def action_report(self) -> None:
        """The report, to read; the files are written anew beside the journal."""
        chosen = self.chosen
        if chosen is None or self.unavailable("report"):
            return
        directory = self._directory(chosen)
        report = await asyncio.to_thread(read_report, directory)
        markdown, html = await asyncio.to_thread(write_report, directory)
        text = f"As files: {markdown}\n          {html}\n\n{for_reading(report_markdown(report))}"
        self.app.push_screen(ReadingDialog(f"Report of run {chosen.id}", text))

    @work(group="act", exclusive=True, exit_on_error=False)
    async def action_note(self) -> None:
        """A person's words, added to the story."""
        chosen = self.chosen
        if chosen is None or self.unavailable("note"):
            return
        words = await self.app.push_screen_wait(
            WritingDialog(
                "A note for the report",
                "For example why the cluster was restored, or what the cause was. It is added to "
                "the run's journal, with your name and the time, and stays there.",
            )
        )
        if words:
            await asyncio.to_thread(add_note, self._directory(chosen), words)
            self.say("The note is in the report.")
            self.action_again()

    @work(group="act", exclusive=True, exit_on_error=False)
    async def action_resume(self) -> None:
        """Go on where it was left."""
        if self.chosen is not None and not self.unavailable("resume"):
            await resume(self, self.case, self.chosen.id)

    @work(group="act", exclusive=True, exit_on_error=False)
    async def action_roll_back(self) -> None:
        """Lead it back."""
        if self.chosen is not None and not self.unavailable("roll_back"):
            await roll_back(self, self.case, self.chosen.id)

    @work(group="act", exclusive=True, exit_on_error=False)
    async def action_clean(self) -> None:
        """Weigh it, ask, delete it."""
        chosen = self.chosen
        if chosen is None or self.unavailable("clean"):
            return
        self.say("The cluster's health is proven first …")
        weighed = await self.case.incident.weigh_clean_up(chosen.id)
        sure = await self.app.push_screen_wait(clean_up_question(weighed))
        if sure:
            await self.case.incident.clean_up(weighed, lambda _node, _words: None)
            self.case.cleaned.add(weighed.run_id)
            self.say(f"{size(weighed.size)} came free.")
            self.action_again()


def _story(run: PastRun) -> str:
    return "\n".join(story_line(entry) for entry in run.entries)
