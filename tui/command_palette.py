"""The command palette: what the screen at hand can do, the ways to the others, and the colours."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

from textual.await_complete import AwaitComplete
from textual.binding import Binding
from textual.command import CommandPalette, DiscoveryHit, Hit, Hits, Provider
from textual.message import Message
from textual.widgets import Input, OptionList

from screens.dialogs.help import bindings_of
from screens.incident_screen import IncidentScreen
from screens.ways import ways_from
from screens.widgets.key_footer import key_words
from tui.theme import DARK, LIGHT, SIXTEEN

_THEMES = [
    ("Dark colours", DARK.name),
    ("Light colours", LIGHT.name),
    ("Sixteen colours, for terminals that have no more", SIXTEEN.name),
]


@dataclass(frozen=True, slots=True)
class Act:
    """One line of the palette; `help` stands below it."""

    title: str
    help: str
    do: Callable[[], Awaitable[None] | None]


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
    """Every binding of the screen, under its sentence, also those that cannot be used now."""

    async def discover(self) -> Hits:
        """All of them, before anything is typed."""
        for act in self.acts():
            yield DiscoveryHit(act.title, act.do, help=act.help)

    async def search(self, query: str) -> Hits:
        """Those that fit."""
        matcher = self.matcher(query)
        for act in self.acts():
            score = matcher.match(act.title)
            if score > 0:
                yield Hit(score, matcher.highlight(act.title), act.do, help=act.help)

    def acts(self) -> list[Act]:
        """What can be done now, then the ways to other screens, then what cannot be done now."""
        now: list[Act] = []
        later: list[Act] = []
        seen: set[str] = set()
        for binding in bindings_of(self.screen):
            words = binding.tooltip or binding.description
            name = binding.action.partition("(")[0]
            possible = self.screen.check_action(name, ())
            if not words or possible is False or binding.action in seen:
                continue
            seen.add(binding.action)
            refused = "" if possible else self._refusal(binding)
            key = f"key {key_words(self.app, binding)}"
            act = Act(
                words,
                f"{key} · not now: {refused}" if refused else key,
                partial(self._say, refused) if refused else partial(self._do, binding),
            )
            (later if refused else now).append(act)
        return [*now, *self._ways(), *self._colours(), *later]

    def _ways(self) -> list[Act]:
        if not isinstance(self.screen, IncidentScreen):
            return []
        return [Act(way.title, way.about, way.go) for way in ways_from(self.screen)]

    def _colours(self) -> list[Act]:
        return [Act(title, "appearance", partial(self._use, theme)) for title, theme in _THEMES]

    def _refusal(self, binding: Binding) -> str:
        reason = ""
        if isinstance(self.screen, IncidentScreen):
            reason = self.screen.unavailable(binding.action)
        return reason or "it does not apply."

    async def _do(self, binding: Binding) -> None:
        await self.screen.run_action(binding.action)

    def _say(self, words: str) -> None:
        self.app.notify(words, timeout=4, markup=False)

    def _use(self, theme: str) -> None:
        self.app.theme = theme
