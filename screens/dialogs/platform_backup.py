"""A backup by the platform while one watches, and what came of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import ClassVar

from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.widgets import Button, Static

from recovery.backups.platform_backup import PlatformBackup
from recovery.errors import RescueError
from screens.dialogs.dialog import Dialog, answer_button
from screens.marks import Mark, hanging, stacked

Taking = Callable[[Callable[[str], None]], Awaitable[PlatformBackup]]
_WIDTH = 72


class PlatformBackupDialog(Dialog[PlatformBackup | None]):
    """esc stops waiting; the platform goes on with what it does."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,enter", "close", "close", id="platform-backup.close"),
    ]

    def __init__(self, taking: Taking) -> None:
        super().__init__(classes="platform-backup")
        self.BOX_TITLE = "Back up now"
        self._taking = taking
        self._stages: list[str] = []
        self._backup: PlatformBackup | None = None
        self._error: RescueError | None = None

    def compose_inside(self) -> ComposeResult:
        """What happens, and one way on."""
        with VerticalScroll(classes="dialog-body", can_focus=False):
            yield Static("", id="platform-backup-words")
        with Horizontal(classes="answers"):
            yield answer_button("esc: stop waiting", answer="close", resting=True)

    def on_mount(self) -> None:
        """Begin."""
        self._draw()
        self.take_backup()

    @work(group="platform-backup", exclusive=True, exit_on_error=False)
    async def take_backup(self) -> None:
        """Stage by stage."""

        def heard(words: str) -> None:
            self._stages.append(words)
            self._draw()

        try:
            self._backup = await self._taking(heard)
        except RescueError as error:
            self._error = error
        self._draw()
        self.query_one("#close", Button).label = Content("Enter: close")

    def _draw(self) -> None:
        if not self.is_mounted:
            return
        over = self._backup is not None or self._error is not None
        lines = [Mark.OK.beside(words) for words in self._stages]
        if lines and not over:
            lines[-1] = Mark.RUNNING.beside(f"{self._stages[-1]} …")
        if self._error is not None:
            lines += [Content(""), Mark.FAILED.say(self._error.what, strong=True)]
            lines += hanging("next", self._error.remedy, _WIDTH, 13)
        if self._backup is not None:
            lines += self._outcome(self._backup)
        self.query_one("#platform-backup-words", Static).update(stacked(lines))

    def _outcome(self, backup: PlatformBackup) -> list[Content]:
        if backup.succeeded:
            where = " and in the bucket" if backup.object is not None else ""
            head = Mark.OK.say(f"It is recorded{where}.", strong=True)
        else:
            head = Mark.FAILED.say("It is not where it should be.", strong=True)
        lines = [Content(""), head]
        for label, text in backup.in_words():
            lines += hanging(label, text, _WIDTH, 13)
        return lines

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """Back to the screen."""
        self.action_close()

    def action_close(self) -> None:
        """With what came of it so far."""
        self.dismiss(self._backup)
