"""Somebody else works on this cluster: who, since when, doing what."""

from __future__ import annotations

import enum
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widgets import Button, Static

from recovery.restore.lock import HolderState, LockHolder
from screens.dialogs.asking import AskingDialog
from screens.dialogs.box import Answers, DialogText
from screens.dialogs.dialog import answer_button
from screens.marks import Mark, hanging
from screens.widgets.folded_lines import FoldedLines
from screens.wording import moment_of, span

_STATES = {
    HolderState.ALIVE: (Mark.RUNNING, "Somebody else works on this cluster now"),
    HolderState.SILENT: (Mark.WARNING, "Somebody else may be working on this cluster"),
    HolderState.DEAD: (Mark.WARNING, "A program that is gone has left its lock"),
}


class Locked(enum.Enum):
    """What to do about somebody else's lock."""

    WATCH = "watch"
    TAKE_OVER = "take-over"
    BACK = "back"


class LockedDialog(AskingDialog[Locked]):
    """Rests on watching, which changes nothing."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("w", "answer('watch')", "watch", id="locked.watch"),
        Binding("t", "answer('take-over')", "take over", id="locked.take-over"),
        Binding("escape", "answer('back')", "go back", id="locked.back"),
    ]

    def __init__(self, holder: LockHolder) -> None:
        super().__init__(classes="trouble")
        self.holder = holder
        self.BOX_TITLE = f"{holder.cluster} is locked"

    def compose_inside(self) -> ComposeResult:
        """Who it is, and the ways on."""
        mark, words = _STATES[self.holder.state]
        with DialogText():
            yield Static(mark.say(words, strong=True), classes="paragraph")
            yield FoldedLines(self._facts, classes="paragraph")
            yield Static(
                Content(
                    "Nothing was done from here. Two programs at once could destroy the cluster: "
                    "speak to each other before you take over."
                )
            )
        with Answers():
            yield answer_button("w: watch their run", answer="watch", resting=True)
            yield answer_button("t: take over", answer="take-over")
            yield answer_button("esc: go back", answer="back")

    def _facts(self, width: int) -> list[Content]:
        holder = self.holder
        pairs = [
            ("who", holder.operator),
            ("since", moment_of(holder.since)),
            ("doing", holder.doing or "nobody knows"),
            ("run", holder.run_id),
            ("sign of life", f"{span(holder.heard)} ago, seen on {holder.node}"),
        ]
        return [row for label, text in pairs for row in hanging(label, text, width, 16)]

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """An answer by button."""
        self.dismiss(Locked(event.button.id))

    def action_answer(self, answer: str) -> None:
        """By key."""
        self.dismiss(Locked(answer))
