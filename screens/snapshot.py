"""One snapshot: is it sound, what is in it, where does it lie."""

from __future__ import annotations

from typing import ClassVar

from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import HorizontalGroup, VerticalScroll
from textual.content import Content
from textual.widgets import Static

from recovery.backups.model import Integrity, Snapshot
from recovery.errors import RescueError
from recovery.snapshots.model import FetchedSnapshot
from screens.case import Case
from screens.incident_screen import IncidentScreen, common_keys
from screens.marks import HEADING, Mark, line, spread, stacked
from screens.snapshot_facts import fact_pairs, pair_line, snapshot_markdown
from screens.widgets.bars import CountBars
from screens.widgets.node_pane import bar
from screens.wording import cut, size


class SnapshotScreen(IncidentScreen):
    """Opens on what the catalog knows; the contents come once it is fetched and verified."""

    HELP_TEXT = (
        "What this snapshot holds. It is fetched to this machine, unpacked, and its contents are "
        "compared with the hash that etcd wrote at their end. Resources and namespaces are "
        "counted as they stood at the snapshot's revision.\n\n"
        "Nothing on this screen changes the cluster. Enter goes on to the preflight."
    )
    title_words: ClassVar[str] = "Snapshot"

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "enter,r",
            "restore",
            "restore: preflight",
            key_display="enter",
            id="snapshot.restore",
            tooltip="Check whether it can be restored",
        ),
        Binding("y", "copy", "copy hash", id="copy", tooltip="Copy its name, place and sha256"),
        Binding("e", "export", "export", id="export", tooltip="Write these facts to a file"),
        Binding("escape", "back", "back", key_display="esc", id="back", tooltip="To the snapshots"),
        *common_keys("copy", "export", "back"),
    ]

    def __init__(self, case: Case, snapshot: Snapshot) -> None:
        super().__init__(case)
        self.snapshot = snapshot
        self.fetched: FetchedSnapshot | None = case.fetched.get(snapshot.name)

    def compose_body(self) -> ComposeResult:
        """Heading, facts, bars."""
        yield Static("", id="snapshot-heading")
        with VerticalScroll(id="snapshot-body"):
            yield Static("", id="snapshot-facts")
            with HorizontalGroup(id="snapshot-bars"):
                yield CountBars("RESOURCES", "resources")
                yield CountBars("NAMESPACES", "namespaces")

    def on_mount(self) -> None:
        """Draw, and fetch what is not here yet."""
        self.redraw()
        self.query_one("#snapshot-body").focus()
        if self.fetched is None and self.snapshot.copies:
            self.set_interval(self.case.tick, self._draw_progress)
            self.fetch()

    @work(group="fetch", exclusive=True, exit_on_error=False)
    async def fetch(self) -> None:
        """Fetch and verify; an error is kept for the heading and shown in full."""
        try:
            self.fetched = await self.case.verified(self.snapshot)
        except RescueError as error:
            self.redraw()
            self.show_trouble(error)
            return
        catalog = self.case.incident.catalog
        for item in catalog.snapshots if catalog else ():
            if item.name == self.snapshot.name:
                self.snapshot = item
        self.redraw()

    def on_resize(self) -> None:
        """Draw for the new width."""
        self.call_after_refresh(self.redraw)

    def _draw_progress(self) -> None:
        if self.snapshot.name in self.case.moving:
            self.redraw()

    def redraw(self) -> None:
        """Draw what is known."""
        width = self.app.size.width
        mark, words = self.case.known(self.snapshot)
        state = mark.say(words, strong=True)
        name = cut(self.snapshot.name, max(20, width - state.cell_length - 16))
        left = line(" ", ("SNAPSHOT", HEADING), "  ", (name, "bold"))
        self.query_one("#snapshot-heading", Static).update(spread(left, line(state, " "), width))
        self.query_one("#snapshot-facts", Static).update(self._facts(width - 2))
        contents = self.fetched.verdict.contents if self.fetched else None
        self.query_one("#snapshot-bars").display = contents is not None
        if contents is not None:
            self.query_one("#resources", CountBars).show_counts(contents.resources)
            self.query_one("#namespaces", CountBars).show_counts(contents.namespaces)
        self.top_line_changed()
        self.refresh_bindings()

    def _facts(self, width: int) -> Content:
        lines = [*self._verdict(width)]
        pairs = fact_pairs(self.case, self.snapshot, self.fetched)
        half = width // 2 if width < 120 else 58
        for index in range(0, len(pairs), 2):
            row = [pair_line(word, text, half) for word, text in pairs[index : index + 2]]
            lines.append(line("  ", *row))
        copies = _places(self.snapshot)
        lines.append(line("  ", pair_line("copies", cut(copies, width - 14), width - 2)))
        return stacked(lines)

    def _verdict(self, width: int) -> list[Content]:
        moving = self.case.moving.get(self.snapshot.name)
        if moving is not None:
            share = moving.done / moving.total if moving.total else 0.0
            figures = f"  {size(moving.done)} of {size(moving.total)}" if moving.total else ""
            label = f"{moving.what} "
            room = max(10, min(50, width - len(label) - len(figures) - 4))
            return [line("  ", label, bar(share, room), figures), Content("")]
        reason = self.snapshot.reason
        if self.fetched is not None:
            reason = reason or self.fetched.verdict.reason
        if reason is not None:
            return [line("  ", Mark.FAILED.beside(f"It cannot be used: {reason}.")), Content("")]
        if self.snapshot.remark:
            return [line("  ", Mark.WARNING.beside(self.snapshot.remark)), Content("")]
        return []

    def unavailable(self, action: str) -> str:
        """Only a sound snapshot goes on to the preflight."""
        if action == "restore":
            if self.snapshot.name in self.case.moving:
                return "It is still being verified."
            if not self.snapshot.usable or self._corrupt:
                return "It cannot be used: choose another one."
        return ""

    @property
    def _corrupt(self) -> bool:
        return self.case.integrity(self.snapshot) is Integrity.CORRUPT

    def copy_text(self) -> str:
        """Name and hash."""
        if self.fetched is None:
            return self.snapshot.name
        return f"{self.fetched.location} sha256 {self.fetched.sha256}"

    def export_text(self) -> tuple[str, str]:
        """All facts and counts."""
        return f"snapshot-{self.snapshot.name}", snapshot_markdown(
            self.case, self.snapshot, self.fetched
        )

    def action_restore(self) -> None:
        """On to the preflight."""
        from screens.preflight import PreflightScreen

        self.app.push_screen(PreflightScreen(self.case, self.snapshot))


def _places(snapshot: Snapshot) -> str:
    """`etcd-1, etcd-2, S3 · /cpaas/backup`."""
    names = [copy.node or "S3" for copy in snapshot.copies]
    folders = [copy.path.rpartition("/")[0] for copy in snapshot.copies if copy.node]
    return ", ".join(names) + (f" · {folders[0]}" if folders else "") or "none"
