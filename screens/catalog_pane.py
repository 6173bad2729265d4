"""The catalog on home: heading, a field to find some, the table, and what could not be listed."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.message import Message
from textual.widgets import Input, Static

from recovery.backups.model import Catalog, Snapshot
from screens.case import Case
from screens.catalog_heading import catalog_heading, emptiness, problems_line
from screens.catalog_table import Order, column_heads, order_of, row_of
from screens.marks import line
from screens.widgets.row_list import Row, RowList
from screens.widgets.typing_line import TypingLine


class CatalogPane(Vertical):
    """What is known of the stores so far; the best one is chosen until a person moves."""

    class Narrowed(Message):
        """Another text is looked for."""

    def __init__(self, case: Case) -> None:
        super().__init__(id="catalog-pane")
        self.case = case
        self.order = Order.NEWEST
        self.listing = True
        """Whether more is still to come."""
        self.rows = RowList("catalog")
        self.field = TypingLine(
            placeholder="part of a name, time, node or state", id="filter", compact=True
        )
        self._wanted = ""

    def compose(self) -> ComposeResult:
        """Heading, field, columns, rows, problems."""
        yield Static("", id="catalog-heading")
        yield self.field
        yield Static("", id="catalog-columns")
        yield self.rows
        yield Static("", id="catalog-empty")
        yield Static("", id="source-errors")

    def on_mount(self) -> None:
        """The field comes when it is asked for."""
        self.field.display = False

    @property
    def catalog(self) -> Catalog:
        """What is known of the stores so far."""
        return self.case.incident.catalog or Catalog(())

    @property
    def chosen(self) -> Snapshot | None:
        """The snapshot under the cursor."""
        return next((item for item in self.catalog.snapshots if item.name == self.rows.key), None)

    def redraw(self) -> None:
        """Draw all that depends on the catalog."""
        shown = order_of(self.case, self.catalog.snapshots, self.order, self._wanted)
        has_s3 = self.case.has_s3
        self.rows.show_rows([Row(item.name, row_of(self.case, item, has_s3)) for item in shown])
        self._choose_best(shown)
        self._draw_heading(len(shown))
        self.rows.display = bool(shown)
        self.query_one("#catalog-columns").display = bool(shown)
        empty = self.query_one("#catalog-empty", Static)
        empty.display = not shown
        if not shown:
            empty.update(emptiness(self.case, wanted=self._wanted, listing=self.listing))
        problems = self.query_one("#source-errors", Static)
        problems.display = bool(self.catalog.errors)
        if self.catalog.errors:
            problems.update(problems_line(self.catalog.errors))

    def _choose_best(self, shown: list[Snapshot]) -> None:
        if self.rows.moved_by_hand:
            return
        best = self.case.newest_verified(self.catalog)
        if best is None:
            usable = [item for item in shown if item.usable and item.strange is None]
            best = next((item for item in usable if item.member is None), next(iter(usable), None))
        if best is not None:
            self.rows.move_to(best.name)

    def _draw_heading(self, shown: int) -> None:
        width = self.rows.container_size.width or self.app.size.width
        heading = catalog_heading(
            self.case,
            self.catalog,
            shown=shown,
            wanted=self._wanted,
            listing=self.listing,
            order=self.order,
            width=width,
        )
        self.query_one("#catalog-heading", Static).update(heading)
        columns = column_heads(width - 1, self.case.has_s3)
        self.query_one("#catalog-columns", Static).update(line(" ", columns))

    def on_input_changed(self, event: Input.Changed) -> None:
        """Narrow the table with every letter."""
        self._wanted = event.value.strip()
        self.post_message(self.Narrowed())

    def on_input_submitted(self) -> None:
        """Keep the text, go back to the table."""
        self.field.display = bool(self._wanted)
        self.rows.focus()

    def ask_for_text(self) -> None:
        """Type a part of a name."""
        self.field.display = True
        self.field.focus()

    def widen(self) -> bool:
        """Take the text away; False where none is looked for."""
        if not self.field.display:
            return False
        self.field.value = ""
        self.field.display = False
        self.rows.focus()
        return True
