"""Reading what is on the screen, and waiting for it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from textual._context import visible_screen_stack
from textual.app import App
from textual.pilot import Pilot

PATIENCE = 30.0


def text_on_screen(app: App[Any]) -> str:
    """All that is drawn, as text, no-break spaces as spaces."""
    width, height = app.size
    # As Textual sets it before it draws. Without it what lies beneath a question would be drawn
    # empty, kept, and be seen so by whoever looks next.
    visible_screen_stack.set(app._background_screens)
    strips = app.screen._compositor.render_strips()
    lines = ["".join(segment.text for segment in strip) for strip in strips[:height]]
    return "\n".join(text[:width].rstrip() for text in lines).replace("\u00a0", " ")


async def settled(pilot: Pilot[Any], condition: Callable[[], bool]) -> None:
    """Wait until the condition holds; fail with what is on the screen where it never does."""
    deadline = asyncio.get_running_loop().time() + PATIENCE
    while not condition():
        if asyncio.get_running_loop().time() > deadline:
            raise AssertionError(f"never seen; on the screen is:\n{text_on_screen(pilot.app)}")
        await pilot.pause(0.01)


async def shows(pilot: Pilot[Any], words: str) -> None:
    """Wait until the words are on the screen."""
    await settled(pilot, lambda: words in text_on_screen(pilot.app))
