"""The command palette: what the screen at hand can do, and a few things of the whole program."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from functools import partial

from textual.await_complete import AwaitComplete
from textual.binding import Binding
from textual.command import CommandPalette, DiscoveryHit, Hit, Hits, Provider
from textual.message import Message
from textual.widgets import Input, OptionList

from screens.widgets.key_footer import key_words
from tui.theme import DARK, LIGHT

_THEMES = [("Dark colours", DARK.name), ("Light colours", LIGHT.name)]


class Palette(CommandPalette):
    """Textual's own, which breaks off where it is left twice, or moved in before it has lines."""

    def dismiss(self, result: None = None) -> AwaitComplete:
        """Leave once."""
        return super().dismiss(result) if self.is_current else AwaitComplete()

    def _action_command_list(self, action: str) -> None:
        # Its list has options a moment before it has lines.
        with suppress(KeyError):
            super()._action_command_list(action)

    async def _dispatch_message(self, message: Message) -> None:
        # A second Enter would do the chosen thing a second time.
        chosen = isinstance(message, (Input.Submitted, OptionList.OptionSelected))
        if self.is_current or not chosen:
            await super()._dispatch_message(message)


class ScreenActions(Provider):
    """Every binding of the screen that can be used now, under its tooltip."""

    async def discover(self) -> Hits:
        """All of them, before anything is typed."""
        for binding in self._bindings():
            yield DiscoveryHit(
                self._words(binding), partial(self._do, binding), help=self._key(binding)
            )
        for title, theme in _THEMES:
            yield DiscoveryHit(title, partial(self._use, theme), help="appearance")

    async def search(self, query: str) -> Hits:
        """Those that fit."""
        matcher = self.matcher(query)
        for binding in self._bindings():
            words = self._words(binding)
            score = matcher.match(words)
            if score > 0:
                yield Hit(
                    score,
                    matcher.highlight(words),
                    partial(self._do, binding),
                    help=self._key(binding),
                )
        for title, theme in _THEMES:
            score = matcher.match(title)
            if score > 0:
                yield Hit(score, matcher.highlight(title), partial(self._use, theme))

    def _bindings(self) -> Iterable[Binding]:
        seen: set[str] = set()
        for active in self.screen.active_bindings.values():
            binding = active.binding
            mine = active.node is self.screen and active.enabled and binding.tooltip
            if mine and binding.action not in seen:
                seen.add(binding.action)
                yield binding

    @staticmethod
    def _words(binding: Binding) -> str:
        return binding.tooltip or binding.description

    def _key(self, binding: Binding) -> str:
        return f"key {key_words(self.app, binding)}"

    async def _do(self, binding: Binding) -> None:
        await self.screen.run_action(binding.action)

    def _use(self, theme: str) -> None:
        self.app.theme = theme
