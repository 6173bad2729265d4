"""One snapshot: is it sound, what is in it, where does it lie."""

from __future__ import annotations

from typing import ClassVar

from textual import work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import HorizontalGroup, VerticalScroll
from textual.content import Content
from textual.widgets import Static

from recovery.backups.model import Integrity, Snapshot
from recovery.errors import RescueError
from recovery.snapshots.model import JudgedSnapshot
from screens.case import Case
from screens.explained import SNAPSHOT, Help
from screens.keys import KeysOf, common_keys
from screens.loss_words import loss_sentence
from screens.marks import HEADING, Mark, line, spread, stacked
from screens.snapshot_actions import ON_A_USABLE_ONE, SnapshotActions, snapshot_keys
from screens.snapshot_facts import (
    encryption_words,
    fact_pairs,
    pair_line,
    snapshot_markdown,
    title_of,
)
from screens.widgets.bars import CountBars
from screens.widgets.node_pane import bar
from screens.wording import cut, sentence, size

_key = KeysOf("snapshot")


class SnapshotScreen(SnapshotActions):
    """Opens on what the catalog knows; the contents come once it is read and verified."""

    EXPLAINED: ClassVar[Help] = SNAPSHOT
    title_words: ClassVar[str] = "Snapshot"

    BINDINGS: ClassVar[list[BindingType]] = [
        _key(
            "enter,r",
            "restore",
            "restore: preflight",
            "Check whether it can be restored",
            shown="enter",
        ),
        *snapshot_keys(_key),
        _key("slash", "find", "find key", "Find an object by a part of its key", shown="/"),
        *common_keys(
            copy=("copy hash", "Copy its name, place and sha256"),
            export=("export", "Write these facts to a file"),
            back=("back", "To the snapshots"),
        ),
    ]

    def __init__(self, case: Case, snapshot: Snapshot) -> None:
        super().__init__(case)
        self.snapshot = snapshot
        self.judged: JudgedSnapshot | None = case.judged.get(snapshot.name)
        self._moved = False

    def compose_body(self) -> ComposeResult:
        """Heading, facts, bars."""
        yield Static("", id="snapshot-heading")
        with VerticalScroll(id="snapshot-body"):
            yield Static("", id="snapshot-facts")
            with HorizontalGroup(id="snapshot-bars"):
                yield CountBars("RESOURCES", "resources")
                yield CountBars("NAMESPACES", "namespaces")

    def on_mount(self) -> None:
        """Draw, and read what has not been read yet."""
        self.redraw()
        self.query_one("#snapshot-body").focus()
        # Also for others it may be fetched once more, as to compare it with the newest state.
        self.set_interval(self.case.tick, self._draw_progress)
        if self.judged is None and self.snapshot.copies:
            self.read()

    @work(group="read", exclusive=True, exit_on_error=False)
    async def read(self) -> None:
        """Read and verify; an error is kept for the heading and shown in full."""
        try:
            self.judged = await self.case.judge(self.snapshot)
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
        moves = self.snapshot.name in self.case.moving
        if moves or self._moved:
            self.redraw()
        self._moved = moves

    def redraw(self) -> None:
        """Draw what is known."""
        if not self.drawable:
            return
        width = self.app.size.width
        mark, words = self.case.known(self.snapshot)
        state = mark.say(words, strong=True)
        name = cut(title_of(self.snapshot), max(20, width - state.cell_length - 16))
        left = line(" ", ("SNAPSHOT", HEADING), "  ", (name, "bold"))
        self.query_one("#snapshot-heading", Static).update(spread(left, line(state, " "), width))
        self.query_one("#snapshot-facts", Static).update(self._facts(width - 2))
        contents = self.judged.verdict.contents if self.judged else None
        self.query_one("#snapshot-bars").display = contents is not None
        if contents is not None:
            self.query_one("#resources", CountBars).show_counts(contents.resources)
            self.query_one("#namespaces", CountBars).show_counts(contents.namespaces)
        self.top_line_changed()
        self.refresh_bindings()

    def _facts(self, width: int) -> Content:
        lines = [*self._verdict(width)]
        pairs = fact_pairs(self.case, self.snapshot, self.judged)
        half = width // 2 if width < 120 else 58
        for index in range(0, len(pairs), 2):
            row = [pair_line(word, text, half) for word, text in pairs[index : index + 2]]
            lines.append(line("  ", *row))
        copies = _places(self.snapshot)
        lines.append(line("  ", pair_line("copies", cut(copies, width - 14), width - 2)))
        lines += self._consequences(width)
        return stacked(lines)

    def _consequences(self, width: int) -> list[Content]:
        """What restoring it would lose, what it needs, and what else is to be known."""
        contents = self.judged.verdict.contents if self.judged else None
        if contents is None or not self.snapshot.usable or self._corrupt:
            return []
        told = [Content(loss_sentence(self.case, self.snapshot))]
        if contents.encryption:
            told.append(
                Mark.WARNING.beside(
                    f"Encrypted at rest ({encryption_words(contents)}): without that key in the "
                    "API servers' configuration these values cannot be read."
                )
            )
        if contents.alarms:
            told.append(Mark.WARNING.beside(f"Alarms travel inside: {', '.join(contents.alarms)}."))
        told += [Mark.WARNING.beside(sentence(remark)) for remark in contents.remarks]
        lines = [part for text in told for part in text.wrap(width - 4)] if width > 20 else told
        return [Content(""), *(line("  ", text) for text in lines)]

    def _verdict(self, width: int) -> list[Content]:
        moving = self.case.moving.get(self.snapshot.name)
        if moving is not None:
            share = moving.done / moving.total if moving.total else 0.0
            figures = f"  {size(moving.done)} of {size(moving.total)}" if moving.total else ""
            label = f"{moving.what} "
            room = max(10, min(50, width - len(label) - len(figures) - 4))
            return [line("  ", label, bar(share, room), figures), Content("")]
        reason = None if self.snapshot.usable else self.snapshot.trouble
        if self.judged is not None:
            reason = reason or self.judged.verdict.reason
        if reason is not None:
            return [line("  ", Mark.FAILED.beside(f"It cannot be used: {reason}.")), Content("")]
        if self.snapshot.note and self.snapshot.member is None:
            return [line("  ", Mark.WARNING.beside(sentence(self.snapshot.note))), Content("")]
        return []

    def unavailable(self, action: str) -> str:
        """Only a sound snapshot goes on to the preflight, or can be tried."""
        if action in (*ON_A_USABLE_ONE, "find"):
            unknown = self.case.integrity(self.snapshot) is Integrity.UNVERIFIED
            if unknown and self.snapshot.name in self.case.moving:
                return "It is still being read."
            if not self.snapshot.usable or self._corrupt:
                return "It cannot be used: choose another one."
        return ""

    @property
    def chosen(self) -> Snapshot:
        """This one."""
        return self.snapshot

    def action_find(self) -> None:
        """Among all its keys."""
        from screens.snapshot_keys import SnapshotKeysScreen

        self.app.push_screen(SnapshotKeysScreen(self.case, self.snapshot))

    def on_screen_resume(self) -> None:
        """Back from a rehearsal: show what came of it."""
        self.redraw()

    @property
    def _corrupt(self) -> bool:
        return self.case.integrity(self.snapshot) is Integrity.CORRUPT

    def copy_text(self) -> str:
        """Name and hash."""
        if self.judged is None:
            return self.snapshot.name
        return f"{self.judged.location} sha256 {self.judged.verdict.sha256}"

    def export_text(self) -> tuple[str, str]:
        """All facts and counts."""
        return f"snapshot-{self.snapshot.name}", snapshot_markdown(
            self.case, self.snapshot, self.judged
        )


def _places(snapshot: Snapshot) -> str:
    """`etcd-1, etcd-2, S3 · /cpaas/backup`."""
    names = [copy.node or "S3" for copy in snapshot.copies]
    folders = [copy.path.rpartition("/")[0] for copy in snapshot.copies if copy.node]
    return ", ".join(names) + (f" · {folders[0]}" if folders else "") or "none"
