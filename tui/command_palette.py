"""The command palette: what the screen at hand can do, and a few things of the whole program."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

from textual.binding import Binding
from textual.command import DiscoveryHit, Hit, Hits, Provider
from textual.content import Content

from screens.widgets.key_footer import key_words


class ScreenActions(Provider):
    """Every binding of the screen that can be used now, under its tooltip."""

    async def discover(self) -> Hits:
        """All of them, before anything is typed."""
        for binding in self._bindings():
            yield DiscoveryHit(
                self._words(binding), partial(self._do, binding), help=self._key(binding)
            )

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

    def _bindings(self) -> Iterable[Binding]:
        seen: set[str] = {"app.command_palette"}
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


class Appearance(Provider):
    """Light and dark."""

    async def discover(self) -> Hits:
        """Both."""
        for title, theme in self._themes():
            yield DiscoveryHit(title, partial(self._use, theme))

    async def search(self, query: str) -> Hits:
        """Those that fit."""
        matcher = self.matcher(query)
        for title, theme in self._themes():
            score = matcher.match(title)
            if score > 0:
                yield Hit(score, Content(title), partial(self._use, theme))

    @staticmethod
    def _themes() -> list[tuple[str, str]]:
        return [("Dark colours", "rescue-dark"), ("Light colours", "rescue-light")]

    def _use(self, theme: str) -> None:
        self.app.theme = theme
