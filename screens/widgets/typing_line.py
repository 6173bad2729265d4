"""A line to type in that takes keys in the order in which they were struck."""

from __future__ import annotations

from textual import events
from textual.binding import BindingsMap
from textual.widgets import Input

_OWN = BindingsMap(Input.BINDINGS).key_to_bindings
"""Not those that every widget has for scrolling, and which may belong to what is around."""


class TypingLine(Input):
    """An Input whose own keys (backspace, the arrows, Enter) do not fall behind letters.

    Textual looks for a binding only after a key has gone up through all that is around the line,
    while letters are taken at once. Over a slow connection keys come in bursts: of `prod-b`,
    backspace, `a` nothing but the backspace would have been late, and taken away the wrong letter.
    """

    async def _on_key(self, event: events.Key) -> None:
        own = _OWN.get(event.key)
        if event.is_printable or not own:
            await super()._on_key(event)
            return
        event.stop()
        event.prevent_default()
        await self.run_action(own[0].action)
