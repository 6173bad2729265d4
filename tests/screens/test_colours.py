"""Terminals with few colours: the program uses those that they have, and says so in words too."""

from __future__ import annotations

import pytest
from rich.color import Color, ColorSystem
from rich.palette import Palette
from textual.theme import Theme

from tests.screens.looking import text_on_screen
from tests.screens.opening import at_home, canned_app
from tui.ascii_glyphs import ascii_text
from tui.theme import DARK, LIGHT, SIXTEEN, fitting_theme


def test_sixteen_colours_are_used_as_they_are() -> None:
    """A colour between them would become the nearest one, which may be that of the background."""
    from rich._palettes import STANDARD_PALETTE

    assert isinstance(STANDARD_PALETTE, Palette)
    named = [SIXTEEN.primary, SIXTEEN.success, SIXTEEN.error, *SIXTEEN.variables.values()]
    for colour in filter(None, named):
        if not colour.startswith("#") or " " in colour:
            continue
        number = Color.parse(colour).downgrade(ColorSystem.STANDARD).number
        assert number is not None
        assert STANDARD_PALETTE[number] == Color.parse(colour).triplet, colour


@pytest.mark.parametrize(
    ("system", "theme"),
    [("standard", SIXTEEN), ("256", DARK), ("truecolor", DARK), (None, DARK)],
)
def test_the_theme_fits_the_terminal(system: str | None, theme: Theme) -> None:
    assert fitting_theme(system) == theme.name


def test_bars_and_the_ends_of_scroll_bars_are_no_question_marks_in_ascii() -> None:
    assert "?" not in ascii_text("▁▂▃▄▅▆▇█▏▎▍▌▋▊▉▔▕▐▀●▲✖◐○–▸▾→←↑↓━─│")


async def test_states_are_words_and_shapes_without_any_colour(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    app = canned_app()
    async with app.run_test(size=(80, 24)) as pilot:
        await at_home(pilot)
        text = text_on_screen(app)
        for words in ("✖ QUORUM LOST 1/3", "● verified", "✖ corrupt", "○ not verified"):
            assert words in text
        app.theme = SIXTEEN.name
        await pilot.pause()
        assert "✖ QUORUM LOST 1/3" in text_on_screen(app)


@pytest.mark.parametrize("theme", [DARK, LIGHT], ids=lambda theme: theme.name)
def test_quiet_words_can_be_read_on_every_background_that_they_stand_on(theme: Theme) -> None:
    """The ratios are those of WCAG: 4.5 for text, 3 for what cannot be used now."""
    backgrounds = (theme.background, theme.surface, theme.panel, theme.variables["cursor-line"])
    for background in backgrounds:
        assert background is not None
        assert _contrast(theme.variables["muted"], background) >= 4.5, background
        assert _contrast(theme.variables["faint-text"], background) >= 3.0, background


def _contrast(one: str, other: str) -> float:
    darker, lighter = sorted((_luminance(one), _luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(colour: str) -> float:
    triplet = Color.parse(colour).triplet
    assert triplet is not None
    parts = [
        part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4
        for part in triplet.normalized
    ]
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]
