"""Preflight: can a restore of this snapshot go well? A checklist that fills in live."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual import work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Container, Vertical
from textual.content import Content
from textual.widgets import Static

from recovery.backups.model import Integrity, Snapshot
from recovery.errors import RescueError
from recovery.health.model import Check, CheckStatus, OwnYes
from recovery.snapshots.model import JudgedSnapshot
from screens.case import Case
from screens.checklist import (
    CheckGroup,
    counts_in_words,
    draw_group,
    explain,
    explain_within,
    grouped,
    in_full,
)
from screens.dialogs.reading import ReadingDialog
from screens.dialogs.typed import TypedDialog
from screens.explained import PREFLIGHT, Help
from screens.exporting import markdown_table
from screens.incident_screen import IncidentScreen, Rule
from screens.keys import KeysOf, common_keys
from screens.marks import HEADING, Mark, cell, line, spread
from screens.snapshot_facts import title_of
from screens.widgets.row_list import Row, RowList
from screens.wording import cut, plural, sentence

_key = KeysOf("preflight")


class PreflightScreen(IncidentScreen):
    """Failed checks block; warnings are acknowledged by a key; then Enter makes the plan."""

    EXPLAINED: ClassVar[Help] = PREFLIGHT
    title_words: ClassVar[str] = "Preflight"

    BINDINGS: ClassVar[list[BindingType]] = [
        _key(
            "enter,r", "plan", "make the plan", "Make the plan; it touches nothing", shown="enter"
        ),
        _key("w", "acknowledge", "acknowledge", "I have read the warnings"),
        _key("i", "details", "in full", "The chosen check in full, with its remedy"),
        _key("a", "again", "again", "Check everything again"),
        *common_keys(
            export=("export", "Write the checks to a file"),
            back=("back", "Back; nothing was changed"),
        ),
    ]

    def __init__(self, case: Case, snapshot: Snapshot) -> None:
        super().__init__(case)
        self.snapshot = snapshot
        self.judged: JudgedSnapshot | None = None
        self.checks: list[Check] = []
        self.complete = False
        self.acknowledged = False
        self.stopped: RescueError | None = None
        self._rows = RowList("checks")

    def compose_body(self) -> ComposeResult:
        """Heading, checklist, explanation."""
        yield Static("", id="preflight-heading")
        yield Static("", id="preflight-reading")
        with Container(classes="beside"):
            with Vertical(classes="main"):
                yield self._rows
            yield Rule(classes="rule")
            yield Static("", id="check-explained", classes="side")
        yield Static("", id="preflight-next")

    def on_mount(self) -> None:
        """Begin at once."""
        self._rows.focus()
        self.set_interval(self.case.tick, self._redraw_while_moving)
        self.redraw()
        self.check()

    @work(group="preflight", exclusive=True, exit_on_error=False)
    async def check(self) -> None:
        """Verify where that is not done, then check everything."""
        self.checks, self.complete, self.acknowledged, self.stopped = [], False, False, None
        self.redraw()
        try:
            if self.snapshot.member is not None:
                # Its etcd may have written to it since somebody looked.
                self.case.forget(self.snapshot)
            self.judged = await self.case.ready(self.snapshot)
            if self.judged.verdict.integrity is not Integrity.CORRUPT:
                final = await self.case.incident.preflight(self.judged, self._heard)
                self.checks = list(final)
        except RescueError as error:
            self.stopped = error
            self.show_trouble(error)
        finally:
            self.complete = True
            self.redraw()

    def _heard(self, check: Check) -> None:
        self.checks.append(check)
        self.redraw_soon()

    def _redraw_while_moving(self) -> None:
        if self.snapshot.name in self.case.moving:
            self.redraw()

    def on_resize(self) -> None:
        """Draw for the new width."""
        self.place_beside()
        self.call_after_refresh(self.redraw)

    @property
    def groups(self) -> list[CheckGroup]:
        """The lines of the checklist, the worst first once all have come."""
        return grouped(self.checks, self.case.node_names, worst_first=self.complete)

    @property
    def failed(self) -> list[Check]:
        """The checks that block."""
        return [check for check in self.checks if check.status is CheckStatus.FAILED]

    @property
    def warnings(self) -> list[Check]:
        """The checks that want to be read."""
        return [check for check in self.checks if check.status is CheckStatus.WARNING]

    def redraw(self) -> None:
        """Draw what is known."""
        if not self.drawable:
            return
        width = self.app.size.width
        name = cut(title_of(self.snapshot), max(16, width - 50))
        left = line(" ", ("PREFLIGHT", HEADING), "  ", (name, "$muted"))
        right = line(counts_in_words(self.checks, complete=self.complete), " ")
        self.query_one("#preflight-heading", Static).update(spread(left, right, width))
        reading = self.query_one("#preflight-reading", Static)
        _, words = self.case.known(self.snapshot)
        reading.update(line(" ", Mark.RUNNING.beside(f"verifying the snapshot first: {words}")))
        reading.display = self.snapshot.name in self.case.moving
        self._rows.show_rows(
            [Row(group.key, draw_group(group, self.case.node_names)) for group in self.groups]
        )
        if self.complete and not self._rows.moved_by_hand and self.groups:
            self._rows.move_to(self.groups[0].key)
        self._explain()
        self.query_one("#preflight-next", Static).update(self._next(width))
        self.top_line_changed()
        self.refresh_bindings()

    def _explain(self) -> None:
        group = next((item for item in self.groups if item.key == self._rows.key), None)
        widget, size = self.query_one("#check-explained", Static), self.app.size
        # Below the list there is room for seven lines, and for more where the terminal is tall.
        height = 7 if size.height < 36 else 12
        if self.has_class("-side"):
            height = max(height, size.height - 8)
        width = widget.size.width or size.width
        words = explain_within(group, width, height) if group else Content("")
        widget.update(words)

    def _next(self, width: int) -> Content:
        reason = self.unavailable("plan")
        if not reason:
            return cell(
                line(" ", ("▸ Enter: make the plan. It touches nothing.", "$accent")), width
            )
        if not self.complete:
            return cell(line(" ", (reason, "$muted")), width)
        mark = Mark.WARNING if not self.failed and not self._no_way else Mark.FAILED
        return cell(line(" ", mark.beside(reason)), width)

    @property
    def _no_way(self) -> bool:
        corrupt = self.judged is not None and (self.judged.verdict.integrity is Integrity.CORRUPT)
        return corrupt or self.stopped is not None or not self.checks

    @property
    def subject(self) -> Snapshot:
        """The one that the screen was opened on."""
        return self.snapshot

    def unavailable(self, action: str) -> str:
        """What stands between here and the plan."""
        if action == "acknowledge" and (not self.warnings or self.acknowledged):
            return "There is no warning to acknowledge."
        if action != "plan":
            return ""
        if not self.complete:
            return "The checks are still coming in."
        if self.judged is not None and self.judged.verdict.integrity is Integrity.CORRUPT:
            why = sentence(self.judged.verdict.reason or "")
            return f"The snapshot is corrupt: esc, and choose another one. {why}".rstrip()
        if self.stopped is not None:
            return self.stopped.what
        if not self.checks:
            return "The checks did not come to an end: press a to check again."
        if self.failed:
            block = "check blocks" if len(self.failed) == 1 else "checks block"
            return f"{len(self.failed)} failed {block}. Remedy above; a checks again."
        if self.warnings and not self.acknowledged:
            return f"{plural(len(self.warnings), 'warning')}: read, then press w to acknowledge."
        return ""

    def copy_text(self) -> str:
        """The chosen check with its remedy."""
        group = next((item for item in self.groups if item.key == self._rows.key), None)
        return "" if group is None else explain(group).plain

    def export_text(self) -> tuple[str, str]:
        """All checks as a table."""
        if not self.checks:
            return "", ""
        rows = [
            [check.name, check.scope, check.status.value, check.message, check.remedy]
            for check in self.checks
        ]
        heads = ["Check", "Where", "State", "Seen", "Remedy"]
        title = f"# Preflight of {self.case.cluster_name}, {self.snapshot.name}\n\n"
        return f"preflight-{self.case.cluster_name}", title + markdown_table(heads, rows)

    def on_row_list_highlighted(self) -> None:
        """Explain the line under the cursor."""
        self._explain()

    def action_acknowledge(self) -> None:
        """The warnings have been read."""
        self.acknowledged = True
        self.redraw()

    def action_details(self) -> None:
        """The chosen check in full."""
        group = next((item for item in self.groups if item.key == self._rows.key), None)
        if group is not None:
            text = in_full(group, self.app.size.width)
            self.app.push_screen(ReadingDialog("The check in full", text))

    def action_again(self) -> None:
        """Everything anew."""
        self._rows.moved_by_hand = False
        self.check()

    @work(group="plan", exclusive=True, exit_on_error=False)
    async def action_plan(self) -> None:
        """Make the plan and show it; what needs a yes of its own is asked before, one by one."""
        from screens.plan import PlanScreen

        asked = dict.fromkeys(check.own_yes for check in self.warnings if check.own_yes is not None)
        for yes in asked:
            checks = [check for check in self.warnings if check.own_yes == yes]
            if not await self.app.push_screen_wait(_own_dialog(checks, yes)):
                return
        if self.judged is not None:
            plan = self.case.incident.plan(self.judged)
            self.app.push_screen(PlanScreen(self.case, self.judged, plan))


def _own_dialog(checks: Sequence[Check], yes: OwnYes) -> TypedDialog:
    told = [(("state", check.message), ("means", check.meaning)) for check in checks]
    return TypedDialog(
        yes.title,
        [*(pair for pairs in told for pair in pairs), ("instead", checks[0].remedy)],
        prompt=f"To plan a restore all the same, type “{yes.words}”: ",
        wanted=yes.words,
    )
