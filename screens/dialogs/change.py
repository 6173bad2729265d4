"""The question before the backup configuration is written: the difference, resting on no."""

from __future__ import annotations

from collections.abc import Sequence

from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.content import Content
from textual.widgets import Static

from recovery.restore.plan import Risk
from screens.dialogs.asking import YesNoDialog
from screens.dialogs.box import Answers
from screens.dialogs.dialog import answer_button
from screens.marks import badge, line
from screens.widgets.line_pane import LinePane


class ChangeDialog(YesNoDialog):
    """CHANGE: Enter and esc leave things as they are, `y` writes."""

    TEXT = "LinePane"

    def __init__(self, cluster: str, name: str, diff: str, also: Sequence[str] = ()) -> None:
        """`also` says what else is written, a line each."""
        super().__init__(classes="change")
        self._cluster, self._name, self._diff, self._also = cluster, name, diff, also

    def compose_inside(self) -> ComposeResult:
        """What is written, where, and the answers."""
        title = f"Change the backups of {self._cluster}"
        yield Static(line(badge(Risk.CHANGE), "  ", (title, "bold")))
        if self._diff:
            words = f"{self._name}, unless somebody changed it since"
            yield Static(line(("writes ", "$muted"), words), classes="change-line")
        for words in self._also:
            with Horizontal(classes="change-line"):
                yield Static(Content.styled("puts", "$muted"), classes="change-word")
                yield Static(Content(words), classes="consequence-text")
        if self._diff:
            yield LinePane(code="diff", name="change-diff")
        with Answers():
            yield answer_button("No, go back", answer="no", resting=True)
            yield answer_button("y: yes, write it", answer="yes")

    def on_mount(self) -> None:
        """The pane is as high as the difference, where there is room."""
        if not self._diff:
            return
        pane = self.query_one(LinePane)
        pane.can_focus = False
        lines = self._diff.count("\n") + 1
        pane.styles.height = max(3, min(lines, self.app.size.height - 14 - len(self._also)))
        self.call_after_refresh(lambda: pane.show_text(self._diff))
