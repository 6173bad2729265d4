"""The first thing that is offered where a run was left in the middle."""

from __future__ import annotations

import enum
from datetime import datetime
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widgets import Button, Static

from recovery.restore.standing import RunStanding
from screens.dialogs.asking import AskingDialog
from screens.dialogs.box import Answers, DialogText
from screens.dialogs.dialog import answer_button
from screens.marks import Mark
from screens.run_standing import OF_STATE, begun_words, summary_lines
from screens.widgets.folded_lines import FoldedLines


class Interrupted(enum.Enum):
    """What to do about a run that was left in the middle."""

    RESUME = "resume"
    ROLL_BACK = "roll-back"
    LOOK = "look"
    NOT_NOW = "not-now"


class InterruptedDialog(AskingDialog[Interrupted]):
    """Resume, which rests; roll back; look; or not now. Nothing is done before consent."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("r", "answer('resume')", "resume", id="interrupted.resume"),
        Binding("R", "answer('roll-back')", "roll back", id="interrupted.back"),
        Binding("l", "answer('look')", "look", id="interrupted.look"),
        Binding("escape,n", "answer('not-now')", "not now", id="interrupted.no"),
    ]

    def __init__(self, standing: RunStanding, now: datetime) -> None:
        super().__init__(classes="trouble")
        self.standing = standing
        self.now = now
        self.BOX_TITLE = f"A restore of {standing.run.cluster} is not finished"

    def compose_inside(self) -> ComposeResult:
        """What is known of it, and the ways on."""
        standing = self.standing
        mark, word = OF_STATE[standing.run.state]
        with DialogText():
            yield Static(mark.say(f"run {standing.run.id}: {word}", strong=True))
            yield FoldedLines(self._summary)
            if standing.resume_refused:
                yield Static("")
                yield Static(Mark.WARNING.say(f"It cannot be resumed: {standing.resume_refused}."))
        with Answers():
            resting = not standing.resume_refused
            if resting:
                yield answer_button("r: resume", answer="resume", resting=True)
            if not standing.roll_back_refused:
                yield answer_button("R: roll back", answer="roll-back")
            yield answer_button("l: look", answer="look", resting=not resting)
            yield answer_button("esc: not now", answer="not-now")

    def _summary(self, width: int) -> list[Content]:
        begun = begun_words(self.standing.run, self.now)
        return summary_lines(self.standing, begun, width)

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """An answer by button."""
        self.action_answer(event.button.id or "")

    def action_answer(self, answer: str) -> None:
        """By key; what cannot be done is not an answer."""
        refused = {
            Interrupted.RESUME: self.standing.resume_refused,
            Interrupted.ROLL_BACK: self.standing.roll_back_refused,
        }
        if refused.get(Interrupted(answer)):
            return
        if Interrupted(answer) in refused and self.too_soon():
            return
        self.dismiss(Interrupted(answer))
