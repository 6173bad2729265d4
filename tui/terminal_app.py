"""An App on a terminal as it is in an incident: far away, slow, and flooded by what nodes print."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from textual import events
from textual._compositor import CompositorUpdate
from textual.app import App
from textual.filter import LineFilter

from recovery.ssh.turns import turns
from tui.line_filters import AsciiFilter, ControlFilter
from tui.promptness import QuietCollecting
from tui.sent import Sent

if TYPE_CHECKING:
    from textual.driver import Driver
    from textual.screen import Screen


class TerminalApp(App[int]):
    """What goes to the terminal and what comes from it; `ascii_only`: for one without Unicode."""

    def __init__(self, *, ascii_only: bool = False) -> None:
        super().__init__()
        self._sent = Sent()
        self._sent_of: Screen[Any] | None = None
        self._collecting = QuietCollecting()
        self._last_filters = [ControlFilter(), *([AsciiFilter()] if ascii_only else [])]

    def get_driver_class(self) -> type[Driver]:
        """The one for this platform; on Unix, one that outlives its terminal."""
        usual = super().get_driver_class()
        if usual.__name__ != "LinuxDriver":
            return usual
        from tui.steady_terminal import SteadyDriver

        return SteadyDriver

    def get_line_filters(self) -> Sequence[LineFilter]:
        """Ours last, over everything that is drawn."""
        return [*super().get_line_filters(), *self._last_filters]

    def _display(self, screen: Screen[Any], renderable: Any) -> None:
        """Send what differs from what the terminal shows; of another screen, all."""
        sends = self._running and not self._closed and not self._batch_count
        if sends and not self.is_headless and isinstance(renderable, CompositorUpdate):
            if screen is not self._sent_of:
                self._sent.forget()
                self._sent_of = screen
            moved = self.cursor_position != self._previous_cursor_position
            renderable = self._sent.difference(renderable, self.console, even_nothing=moved)
        super()._display(screen, renderable)
        if renderable is not None:
            turns().go_on()

    @property
    def _background_screens(self) -> list[Screen[Any]]:
        """What shines through the screen that is seen: nothing, where that is opaque.

        Textual counts the screen below it all the same, and draws both anew when that changes.
        """
        seen = self._screen_stack[-1] if self._screen_stack else None
        if seen is not None and seen.styles.background.a == 1:
            return []
        return super()._background_screens

    async def on_mount(self) -> None:
        """Without a terminal there is nobody to wait for anything."""
        if not self.is_headless:
            self.set_interval(1.0, self._collecting.look)

    async def on_event(self, event: events.Event) -> None:
        """A key goes before whatever the nodes are printing."""
        if isinstance(event, events.Key):
            turns().stand_back()
            self._collecting.typed()
        await super().on_event(event)

    def on_resize(self) -> None:
        """Of another size, or back from the shell, the terminal may show anything."""
        self._sent.forget()

    def copy_to_clipboard(self, text: str) -> None:
        """By OSC 52, and as the terminal multiplexer wants it."""
        super().copy_to_clipboard(text)
        if not self.is_headless and self._driver is not None:
            from tui.clipboard import hand_on

            hand_on(text, os.environ, self._driver.write)

    def export_screenshot(self, *, title: str | None = None, simplify: bool = False) -> str:
        """The screen as SVG, drawn alike by every renderer."""
        from tui.screenshots import without_leading_blanks

        return without_leading_blanks(super().export_screenshot(title=title, simplify=simplify))
