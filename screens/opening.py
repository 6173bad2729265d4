"""The first paint, while the rest of the program is still being read from disk.

Imports little but Textual: it is there before anything heavy.
"""

from __future__ import annotations

from textual.app import ComposeResult
from textual.content import Content
from textual.widgets import Static

from screens.leaving import LeavesOnce


class OpeningScreen(LeavesOnce[None]):
    """What is being opened, in words, where the top line will stand."""

    def __init__(self, what: str) -> None:
        super().__init__()
        self._what = what

    def compose(self) -> ComposeResult:
        """One line."""
        words = Content.assemble(
            " ", ("etcd-rescue", "bold"), "   ", ("◐ OPENING", "bold $accent"), f"   {self._what}"
        )
        yield Static(words, id="opening")
