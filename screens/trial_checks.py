"""The checks of a trial: scratch members × checks, and what the chosen one proves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widgets import Static

from recovery.health.model import Check, CheckStatus
from screens.checklist import CheckGroup, explain_within, in_full, worst_of
from screens.dialogs.reading import ReadingDialog
from screens.health_matrix import cells_of, line_of, matrix_heads, other_lines
from screens.incident_screen import Rule
from screens.marks import line
from screens.trial_text import member_names
from screens.widgets.row_list import Row, RowList
from screens.wording import listing

_EXPLAINED = 7
"""Lines of explanation, as in the style sheet."""


class TrialChecks(Vertical):
    """The matrix, then what speaks of all members together, then the explanation."""

    def __init__(self) -> None:
        super().__init__(id="trial-side")
        self._checks: Sequence[Check] = ()
        self.rows = RowList("trial-checks")

    def compose(self) -> ComposeResult:
        """Names of the members, checks, explanation."""
        yield Static("", id="trial-columns")
        yield self.rows
        yield Rule(classes="rule")
        yield Static("", id="trial-explained")

    def show_checks(self, checks: Sequence[Check]) -> None:
        """Show these instead, and go to the first that failed."""
        self._checks = checks
        names = member_names(checks)
        cells = cells_of(checks, names)
        rows = [Row(name, line_of(row, names)) for name, row in cells.items()]
        rows += [Row(key, draw) for key, draw in other_lines(checks, names)]
        self.rows.show_rows(rows)
        failed = next((check for check in checks if check.status is CheckStatus.FAILED), None)
        for key in _keys_of(failed) if failed is not None else self.rows.keys[:1]:
            self.rows.move_to(key)
        self._draw_columns()
        self._explain()

    def on_resize(self) -> None:
        """Draw for the new width."""
        self.call_after_refresh(self._draw_columns)
        self.call_after_refresh(self._explain)

    def on_row_list_highlighted(self) -> None:
        """Explain the check under the cursor."""
        self._explain()

    def _draw_columns(self) -> None:
        width = self.rows.scrollable_content_region.width or self.app.size.width
        heads = matrix_heads(member_names(self._checks), width - 1)
        self.query_one("#trial-columns", Static).update(line(" ", heads))

    def _explain(self) -> None:
        widget = self.query_one("#trial-explained", Static)
        width = widget.size.width or self.app.size.width
        group = self.chosen
        widget.update(explain_within(group, width, _EXPLAINED) if group else "")

    def read_in_full(self) -> None:
        """What was seen for the check under the cursor, what it means, and the remedy."""
        if self.chosen is not None:
            text = in_full(self.chosen, self.app.size.width)
            self.app.push_screen(ReadingDialog("The check in full", text))

    @property
    def chosen(self) -> CheckGroup | None:
        """The check under the cursor, where it is worst."""
        chosen = [check for check in self._checks if self.rows.key in _keys_of(check)]
        if not chosen:
            return None
        worst = worst_of(chosen)
        if len(worst.checks) == len(chosen):
            return worst
        return replace(
            worst, name=f"{worst.name} on {listing(check.scope for check in worst.checks)}"
        )


def _keys_of(check: Check) -> tuple[str, str]:
    return check.name, f"{check.scope}/{check.name}"
