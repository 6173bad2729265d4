"""The plan: what will run, where, in which order, and how to go back."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Container, Vertical
from textual.widgets import Static

from recovery.restore.plan import Plan
from recovery.restore.runbook import manifest_diff, runbook_markdown
from recovery.snapshots.model import JudgedSnapshot
from screens.case import Case
from screens.dialogs.reading import ReadingDialog
from screens.explained import PLAN, Help
from screens.incident_screen import IncidentScreen
from screens.keys import KeysOf, common_keys
from screens.marks import HEADING, line, spread
from screens.plan_tree import PlanTree, text_of
from screens.widgets.line_pane import LinePane
from screens.widgets.row_list import RowList
from screens.wording import cut, moment_of, plural

_key = KeysOf("plan")


class PlanScreen(IncidentScreen):
    """Steps, actions and nodes as a tree; the exact script of what is chosen beside it."""

    EXPLAINED: ClassVar[Help] = PLAN
    title_words: ClassVar[str] = "Plan"

    BINDINGS: ClassVar[list[BindingType]] = [
        _key(
            "enter,r",
            "restore",
            "begin the restore",
            "Begin; you are asked before anything changes",
            shown="enter",
        ),
        _key("right,plus", "open(True)", "open", "Open the step or action", shown="→"),
        _key(
            "left,minus",
            "open(False)",
            "close",
            "Close the step or action",
            name="close",
            shown="←",
            hidden=True,
        ),
        _key("tab", "switch", "script", "Between the tree and the script"),
        _key("d", "diffs", "etcd.yaml diff", "The changes to etcd.yaml"),
        *common_keys(
            export=("export", "Write the plan as a runbook that works without this program"),
            back=("back", "Back; nothing was changed"),
        ),
    ]

    def __init__(self, case: Case, judged: JudgedSnapshot, plan: Plan) -> None:
        super().__init__(case)
        self.judged = judged
        self.plan = plan
        self._tree = PlanTree(plan)
        self._rows = RowList("plan-tree")
        self._script = LinePane(code="sh", name="plan-script")

    def compose_body(self) -> ComposeResult:
        """Heading, tree, script."""
        yield Static("", id="plan-heading")
        with Container(id="plan-body"):
            yield self._rows
            with Vertical(id="plan-side"):
                yield Static("", id="plan-script-title")
                yield self._script

    def on_mount(self) -> None:
        """Show the steps."""
        self._rows.show_rows(self._tree.rows())
        self._rows.move_to(self.plan.steps[0].id)
        self._rows.focus()
        self.redraw()

    def on_resize(self) -> None:
        """Draw for the new width."""
        self.set_class(self.wide, "-wide")
        self.call_after_refresh(self.redraw)

    def redraw(self) -> None:
        """Heading and the script of what is chosen."""
        if not self.drawable:
            return
        width = self.app.size.width
        source = self.plan.source
        left = line(" ", ("PLAN", HEADING), "  ", (plural(len(self.plan.steps), "step"), "$muted"))
        snapshot = moment_of(source.taken_at) or cut(source.name, 30)
        right = line((f"restores {snapshot} · nothing changed yet ", "$muted"))
        self.query_one("#plan-heading", Static).update(spread(left, right, width))
        self._show_script()

    def _show_script(self) -> None:
        title, text = text_of(self.plan, self._rows.key or "")
        self.query_one("#plan-script-title", Static).update(line(" ", (title, "bold")))
        self._script.show_text(text)

    def on_row_list_highlighted(self) -> None:
        """Another line, another script."""
        self._show_script()

    def on_row_list_chosen(self, event: RowList.Chosen) -> None:
        """A click opens or closes."""
        self._tree.toggle(event.key)
        self._rows.show_rows(self._tree.rows())

    def copy_text(self) -> str:
        """The script at hand."""
        return self._script.text

    def export_text(self) -> tuple[str, str]:
        """The runbook: it works without this program."""
        return f"runbook-{self.plan.cluster}-{self.plan.run_id}", runbook_markdown(self.plan)

    def unavailable(self, action: str) -> str:
        """Diffs need edits."""
        if action == "diffs" and not self.plan.manifest_edits:
            return "No etcd.yaml is changed by this plan."
        return ""

    def action_open(self, wanted: bool) -> None:
        """Open or close the line under the cursor; closing a leaf goes to its parent."""
        key = self._rows.key
        if key is None:
            return
        landing = self._tree.open(key) if wanted else self._tree.close(key)
        self._rows.show_rows(self._tree.rows())
        self._rows.move_to(landing)

    def action_switch(self) -> None:
        """Keys go to the script, or back to the tree."""
        (self._rows if self._script.has_focus else self._script).focus()

    def action_diffs(self) -> None:
        """Every change to an etcd.yaml."""
        text = "\n".join(manifest_diff(edit) for edit in self.plan.manifest_edits)
        same = "No line changes: every etcd.yaml is as it must be."
        self.app.push_screen(ReadingDialog("Changes to etcd.yaml", text or same, code="diff"))

    def action_restore(self) -> None:
        """Begin the run; it asks before anything changes."""
        from screens.restore import RestoreScreen

        self.app.push_screen(RestoreScreen(self.case, self.judged, self.plan))
