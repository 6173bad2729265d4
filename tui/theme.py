"""Two quiet themes: one accent, four state colours, and a red that is kept for DANGER."""

from __future__ import annotations

from textual.theme import Theme

DARK = Theme(
    name="rescue-dark",
    dark=True,
    primary="#7aa2d6",
    secondary="#7aa2d6",
    accent="#86b4ea",
    success="#84bf8b",
    warning="#dfb460",
    error="#e8786f",
    foreground="#d5dae1",
    background="#12161c",
    surface="#171c23",
    panel="#1c222b",
    variables={
        "muted": "#8792a2",
        "faint": "#333c49",
        "faint-text": "#6a7688",
        "heading": "#eef1f5",
        "bar": "#55799f",
        "cursor-line": "#212b38",
        "danger": "#b3312c",
        "danger-text": "#ffffff",
        "scrollbar": "#333c49",
        "scrollbar-hover": "#465264",
        "scrollbar-active": "#86b4ea",
        "scrollbar-background": "#12161c",
        "scrollbar-background-hover": "#12161c",
        "scrollbar-background-active": "#12161c",
        "scrollbar-corner-color": "#12161c",
        "input-cursor-background": "#d5dae1",
        "input-cursor-foreground": "#12161c",
        "input-selection-background": "#86b4ea 35%",
        "border": "#333c49",
        "border-blurred": "#333c49",
    },
)

LIGHT = Theme(
    name="rescue-light",
    dark=False,
    primary="#2a62a4",
    secondary="#2a62a4",
    accent="#1f5fa8",
    success="#2c7a3f",
    warning="#8a5a00",
    error="#b3261e",
    foreground="#1f2731",
    background="#fbfbf9",
    surface="#f3f3ef",
    panel="#ecece7",
    variables={
        "muted": "#5d6875",
        "faint": "#cfd3d8",
        "faint-text": "#747d88",
        "heading": "#0d131b",
        "bar": "#5b89bd",
        "cursor-line": "#e2eaf4",
        "danger": "#b3261e",
        "danger-text": "#ffffff",
        "scrollbar": "#cfd3d8",
        "scrollbar-hover": "#b3bac2",
        "scrollbar-active": "#1f5fa8",
        "scrollbar-background": "#fbfbf9",
        "scrollbar-background-hover": "#fbfbf9",
        "scrollbar-background-active": "#fbfbf9",
        "scrollbar-corner-color": "#fbfbf9",
        "input-cursor-background": "#1f2731",
        "input-cursor-foreground": "#fbfbf9",
        "input-selection-background": "#1f5fa8 25%",
        "border": "#cfd3d8",
        "border-blurred": "#cfd3d8",
    },
)

SIXTEEN = Theme(
    name="rescue-16",
    dark=True,
    primary="#55ffff",
    secondary="#55ffff",
    accent="#55ffff",
    success="#55ff55",
    warning="#ffff55",
    error="#ff5555",
    foreground="#ffffff",
    background="#000000",
    surface="#000000",
    panel="#555555",
    variables={
        **DARK.variables,
        "muted": "#aaaaaa",
        "faint": "#555555",
        "faint-text": "#aaaaaa",
        "heading": "#ffffff",
        "bar": "#00aaaa",
        "cursor-line": "#0000aa",
        "danger": "#aa0000",
        "danger-text": "#ffffff",
        "scrollbar": "#555555",
        "scrollbar-hover": "#aaaaaa",
        "scrollbar-active": "#55ffff",
        "scrollbar-background": "#000000",
        "scrollbar-background-hover": "#000000",
        "scrollbar-background-active": "#000000",
        "scrollbar-corner-color": "#000000",
        "input-cursor-background": "#ffffff",
        "input-cursor-foreground": "#000000",
        "input-selection-background": "#00aaaa",
        "border": "#555555",
        "border-blurred": "#555555",
    },
)
"""For terminals with sixteen colours: those themselves, so that none is guessed at by nearness."""

THEMES = (DARK, LIGHT, SIXTEEN)


def fitting_theme(color_system: str | None) -> str:
    """The theme to begin with, by what Rich knows of the terminal."""
    return SIXTEEN.name if color_system == "standard" else DARK.name
