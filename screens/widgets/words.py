"""Words that are drawn anew only where they have changed."""

from __future__ import annotations

from textual.content import Content
from textual.widgets import Static


class Words(Static):
    """A text that may be said many times a second; saying the same again costs nothing."""

    def __init__(self, name: str) -> None:
        super().__init__("", id=name)
        self._said = Content("")

    def say(self, content: Content) -> None:
        """Show this instead."""
        if not self._said.is_same(content):
            self._said = content
            self.update(content)
