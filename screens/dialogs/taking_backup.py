"""A backup being taken while one watches, and what came of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import ClassVar, NamedTuple

from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widgets import Button, Static

from recovery.errors import RescueError
from screens.dialogs.box import Answers, DialogText
from screens.dialogs.dialog import Dialog, answer_button
from screens.marks import Mark, hanging, stacked

_WIDTH = 72


class Taken(NamedTuple):
    """What came of it: good or not, in a sentence, and what is to be said about it."""

    good: bool
    sentence: str
    pairs: tuple[tuple[str, str], ...]


Taking = Callable[[Callable[[str], None]], Awaitable[Taken]]


class TakingBackupDialog(Dialog[Taken | None]):
    """esc stops waiting: the platform goes on with what it does, a backup of ours is given up."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,enter", "close", "close", id="taking-backup.close"),
    ]

    def __init__(self, taking: Taking) -> None:
        super().__init__(classes="taking-backup")
        self.BOX_TITLE = "Back up now"
        self._taking = taking
        self._stages: list[str] = []
        self._taken: Taken | None = None
        self._error: RescueError | None = None

    def compose_inside(self) -> ComposeResult:
        """What happens, and one way on."""
        with DialogText():
            yield Static("", id="taking-backup-words")
        with Answers():
            yield answer_button("esc: stop waiting", answer="close", resting=True)

    def on_mount(self) -> None:
        """Begin."""
        self._draw()
        self.take_backup()

    @work(group="taking-backup", exclusive=True, exit_on_error=False)
    async def take_backup(self) -> None:
        """Stage by stage."""

        def heard(words: str) -> None:
            self._stages.append(words)
            self._draw()

        try:
            self._taken = await self._taking(heard)
        except RescueError as error:
            self._error = error
        self._draw()
        button = self.query_one("#close", Button)
        button.label = Content("Enter: close")
        button.refresh(layout=True)

    def _draw(self) -> None:
        if not self.drawable:
            return
        over = self._taken is not None or self._error is not None
        lines = [Mark.OK.beside(words) for words in self._stages]
        if lines and not over:
            lines[-1] = Mark.RUNNING.beside(f"{self._stages[-1]} …")
        if self._error is not None:
            lines += [Content(""), Mark.FAILED.say(self._error.what, strong=True)]
            lines += hanging("next", self._error.remedy, _WIDTH, 13)
        if self._taken is not None:
            lines += _outcome(self._taken)
        self.query_one("#taking-backup-words", Static).update(stacked(lines))

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """Back to the screen."""
        self.action_close()

    def action_close(self) -> None:
        """With what came of it so far."""
        self.dismiss(self._taken)


def _outcome(taken: Taken) -> list[Content]:
    mark = Mark.OK if taken.good else Mark.FAILED
    lines = [Content(""), mark.say(taken.sentence, strong=True)]
    for label, text in taken.pairs:
        lines += hanging(label, text, _WIDTH, 13)
    return lines
