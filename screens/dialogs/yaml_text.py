"""The spec as YAML, to edit. What is wrong is said; what was typed is never lost."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar, NamedTuple

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widgets import Static, TextArea

from screens.dialogs.dialog import Dialog
from screens.marks import Mark, stacked

_MOST = 3


class Edited(NamedTuple):
    """The text as it was left, and whether it is to be taken."""

    text: str
    taken: bool


class YamlDialog(Dialog[Edited]):
    """ctrl+s takes the text where nothing is wrong with it; esc leaves, and keeps it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+s,f2", "take", "take it", id="yaml.take", priority=True),
        Binding("escape", "leave", "back", id="yaml.back", priority=True),
    ]
    AUTO_FOCUS = "TextArea"

    def __init__(
        self, title: str, text: str, wrong: Callable[[str], Sequence[str]], *, read_only: bool
    ) -> None:
        super().__init__(classes="reading yaml")
        self.BOX_TITLE = title
        self._text, self._wrong, self._read_only = text, wrong, read_only

    def compose_inside(self) -> ComposeResult:
        """The text, what is wrong with it, the keys."""
        yield TextArea(
            self._text,
            soft_wrap=False,
            read_only=self._read_only,
            tab_behavior="indent",
            compact=True,
            highlight_cursor_line=False,
        )
        yield Static("", id="yaml-wrong")
        keys = "esc back" if self._read_only else "ctrl+s or F2 take it   esc back, keeps the text"
        yield Static(Content.styled(keys, "$muted"), classes="dialog-keys")

    def on_text_area_changed(self) -> None:
        """Said while it is typed."""
        self._tell(self._wrong(self.query_one(TextArea).text))

    def _tell(self, wrong: Sequence[str]) -> None:
        lines = [Mark.WARNING.beside(words) for words in wrong[:_MOST]]
        self.query_one("#yaml-wrong", Static).update(stacked(lines))

    def action_take(self) -> None:
        """The text, where it is right."""
        text = self.query_one(TextArea).text
        if self._read_only:
            return
        wrong = self._wrong(text)
        if wrong:
            self._tell(wrong)
            self.app.bell()
        else:
            self.dismiss(Edited(text, True))

    def action_leave(self) -> None:
        """Back, with the text kept."""
        self.dismiss(Edited(self.query_one(TextArea).text, False))
