"""Something to read in full: commands, diffs, output. Plain text, to copy and to scroll."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widgets import Static

from screens.dialogs.dialog import Dialog
from screens.widgets.line_pane import LinePane


class ReadingDialog(Dialog[None]):
    """A text as large as the terminal allows."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,enter", "close", "close", id="reading.close"),
        Binding("y", "copy", "copy", id="reading.copy"),
    ]
    AUTO_FOCUS = "LinePane"

    def __init__(self, title: str, text: str, *, code: str = "") -> None:
        super().__init__(classes="reading")
        self.BOX_TITLE = title
        self._text = text
        self._code = code

    def compose_inside(self) -> ComposeResult:
        """The text."""
        yield LinePane(code=self._code, keep=100_000)
        yield Static(
            Content.styled("esc close   y copy all   ↑ ↓ page up page down", "$muted"),
            classes="dialog-keys",
        )

    def on_mount(self) -> None:
        """Fill it once its width is known."""
        self.call_after_refresh(lambda: self.query_one(LinePane).show_text(self._text))

    def action_close(self) -> None:
        """Back."""
        self.dismiss(None)

    def action_copy(self) -> None:
        """The whole text onto the person's clipboard."""
        self.app.copy_to_clipboard(self._text)
        self.app.notify("Copied.", markup=False)
