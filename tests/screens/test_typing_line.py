"""What is typed faster than it is taken in arrives as it was typed."""

from __future__ import annotations

import pytest
from textual import events
from textual.app import App, ComposeResult
from textual.widgets import Input

from screens.widgets.typing_line import TypingLine


class _Typing(App[None]):
    def __init__(self) -> None:
        super().__init__()
        self.submitted: list[str] = []

    def compose(self) -> ComposeResult:
        yield TypingLine()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        self.submitted.append(event.value)


@pytest.mark.parametrize(
    ("struck", "meant"),
    [
        (["prod-b", "<backspace>", "a", "<enter>"], "prod-a"),
        (["ab", "<left>", "X", "<right>", "c", "<enter>"], "aXbc"),
        (["bc", "<home>", "a", "<end>", "d", "<enter>"], "abcd"),
        (["wrong", "<ctrl+u>", "right", "<enter>"], "right"),
        (["demo", "<enter>", "x"], "demo"),
    ],
)
async def test_a_burst_of_keys_is_taken_in_the_order_in_which_they_were_struck(
    struck: list[str], meant: str
) -> None:
    app = _Typing()
    async with app.run_test() as pilot:
        app.query_one(Input).focus()
        await pilot.pause()
        for word in struck:
            if word.startswith("<"):
                app.post_message(events.Key(word.strip("<>"), None))
                continue
            for letter in word:
                app.post_message(events.Key(letter, letter))
        await pilot.pause()
        assert app.submitted == [meant]
