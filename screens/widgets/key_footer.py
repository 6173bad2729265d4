"""The keys of the screen at hand, as many as fit; `?` has them all, and says how many do not."""

from __future__ import annotations

from textual.app import App, ComposeResult
from textual.binding import Binding
from textual.content import Content
from textual.events import Click
from textual.screen import Screen
from textual.widget import Widget
from textual.widgets import Input, Static

_ALWAYS = "help"
_MORE = " +{} keys"
"""Behind the word for help, where some keys do not fit."""
_WRITTEN = {"enter": "enter", "escape": "esc", "tab": "tab"}


def key_words(app: App[object], binding: Binding) -> str:
    """The key as it is written on keyboards: `enter`, `esc`, `/`."""
    first = binding.key.split(",")[0]
    return binding.key_display or _WRITTEN.get(first) or app.get_key_display(binding)


class FooterKey(Widget):
    """One key and what it does; a click does it."""

    def __init__(self, binding: Binding, *, enabled: bool) -> None:
        super().__init__()
        self.binding = binding
        self.enabled = enabled
        self.words = binding.description

    def render(self) -> Content:
        """Key and word."""
        key = key_words(self.app, self.binding)
        if not self.enabled:
            return Content.styled(f" {key} {self.words} ", "$faint-text")
        return Content.assemble(" ", (key, "bold $accent"), " ", (self.words, "$foreground"), " ")

    @property
    def cells(self) -> int:
        """How wide it is drawn."""
        return len(key_words(self.app, self.binding)) + len(self.words) + 3

    async def on_click(self, event: Click) -> None:
        """Do what the key does."""
        event.stop()
        await self.run_action(f"screen.{self.binding.action}")


class KeyFooter(Widget):
    """Keys in the order in which the screen names them; what does not fit is left to `?`."""

    def __init__(self) -> None:
        super().__init__()
        self._shown: tuple[object, ...] = ()

    def compose(self) -> ComposeResult:
        """The keys that fit; while something is typed, those that end the typing."""
        if isinstance(self.screen.focused, Input):
            words = getattr(self.screen, "TYPING_WORDS", "enter keep   esc clear")
            yield Static(Content.styled(f" {words}", "$muted"))
        else:
            yield from self._fitting()

    def on_mount(self) -> None:
        """Follow the screen's bindings as they come and go."""
        self.screen.bindings_updated_signal.subscribe(self, self._bindings_changed)

    def _bindings_changed(self, _screen: Screen[object]) -> None:
        self.call_after_refresh(self._show_anew)

    def on_resize(self) -> None:
        """Fit anew."""
        self.call_after_refresh(self._show_anew)

    async def _show_anew(self) -> None:
        if not self.is_attached or not self.screen.is_current:
            return
        shown = self._state()
        if shown != self._shown:
            self._shown = shown
            await self.recompose()

    def _state(self) -> tuple[object, ...]:
        if isinstance(self.screen.focused, Input):
            return ("typing",)
        return tuple((key.binding.id, key.enabled, key.words) for key in self._fitting())

    def _fitting(self) -> list[FooterKey]:
        keys: list[FooterKey] = []
        for active in self.screen.active_bindings.values():
            if not active.binding.show or active.node is not self.screen:
                continue
            if any(key.binding.action == active.binding.action for key in keys):
                continue
            keys.append(FooterKey(active.binding, enabled=active.enabled))
        order = [item.id for item in self.screen.BINDINGS if isinstance(item, Binding)]
        keys.sort(key=lambda key: order.index(key.binding.id))
        last = [key for key in keys if key.binding.action == _ALWAYS]
        others = [key for key in keys if key not in last]
        room = (self.size.width or self.app.size.width) - 1 - sum(key.cells for key in last)
        if sum(key.cells for key in others) <= room:
            return [*others, *last]
        chosen: list[FooterKey] = []
        room -= len(_MORE.format(99))
        for key in others:
            if key.cells > room:
                break
            room -= key.cells
            chosen.append(key)
        for key in last:
            key.words += _MORE.format(len(others) - len(chosen))
        return [*chosen, *last]
