"""Leaving a screen once, however often it is asked for, and whatever lies above it.

Imports nothing but Textual: the first paint needs it.
"""

from __future__ import annotations

from typing import TypeVar

from textual.await_complete import AwaitComplete
from textual.screen import Screen

Answer = TypeVar("Answer")


class LeavesOnce(Screen[Answer]):
    """A screen whose `dismiss` takes away itself and what lies above it, and nothing beneath.

    Textual's own takes away the topmost screen, whichever that is: a second Enter that was on its
    way already, or the end of a worker while a help text is read, would take the wrong one, and
    with it perhaps the run that belongs to it.
    """

    @property
    def drawable(self) -> bool:
        """Whether its widgets are there: not before they are made, nor once it was left."""
        return self.is_mounted and self.is_attached and self in self.app.screen_stack

    def dismiss(self, result: Answer | None = None) -> AwaitComplete:
        """Leave with this answer; the first one counts. Dialogs above have no answer any more."""
        stack = self.app.screen_stack
        if self not in stack:
            return AwaitComplete()
        for above in reversed(stack[stack.index(self) + 1 :]):
            above.dismiss(None)
        return super().dismiss(result)
