"""What every screen has: the top line, the keys, help, copying, exporting, and errors in words."""

from __future__ import annotations

from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.widgets import Static
from textual.worker import Worker, WorkerState

from recovery.backups.model import Snapshot
from recovery.errors import RescueError
from screens.case import Case
from screens.dialogs.help import HelpDialog
from screens.dialogs.trouble import TroubleDialog, trouble_of
from screens.explained import Help
from screens.exporting import write_export
from screens.leaving import LeavesOnce
from screens.widgets.key_footer import KeyFooter
from screens.widgets.top_line import TopLine

SOON = 0.06
"""Seconds; nobody reads faster."""
WIDE = 120
"""From this many columns on, panes stand side by side."""
BESIDE = 140
"""From this many columns on, there is room for sentences beside a list."""


class Rule(Static):
    """A quiet line across the screen."""

    def render(self) -> str:
        """As long as the screen is wide."""
        return "─" * self.size.width


class IncidentScreen(LeavesOnce[None]):
    """A screen on one case. Subclasses give the body, the help text, and what `y` and `e` take."""

    EXPLAINED: ClassVar[Help] = Help("")
    """What this screen is for, and what its marks mean."""

    title_words: ClassVar[str] = ""
    """The screen's name, in the heading of its help and on the way to it."""

    def __init__(self, case: Case) -> None:
        super().__init__()
        self.case = case
        self._redraw_wanted = False

    def compose(self) -> ComposeResult:
        """Top line, body, keys."""
        yield TopLine(self.case)
        yield Rule(classes="rule")
        yield from self.compose_body()
        yield KeyFooter()

    def compose_body(self) -> ComposeResult:
        """What stands between the top line and the keys."""
        yield from ()

    def redraw(self) -> None:
        """Draw what is known. Subclasses that have more than widgets of their own give it."""

    def redraw_soon(self) -> None:
        """The same, once for all that comes within a moment: hundreds of answers may."""
        if not self._redraw_wanted:
            self._redraw_wanted = True
            self.set_timer(SOON, self._redraw_now)

    def _redraw_now(self) -> None:
        self._redraw_wanted = False
        self.redraw()

    @property
    def wide(self) -> bool:
        """Whether panes stand side by side."""
        return self.app.size.width >= WIDE

    @property
    def staying(self) -> str:
        """Why the screen cannot be left for another one now; empty where it can."""
        return ""

    @property
    def subject(self) -> Snapshot | None:
        """The snapshot that the screen is about; elsewhere the newest that verifies."""
        return self.case.newest_verified(self.case.incident.catalog)

    def place_beside(self) -> None:
        """What is chosen stands beside the list on wide terminals: called when the size is new."""
        self.set_class(self.app.size.width >= BESIDE, "-side")

    def copy_text(self) -> str:
        """What `y` copies; empty where there is nothing to copy."""
        return ""

    def export_text(self) -> tuple[str, str]:
        """What `e` writes: the beginning of the file's name, and Markdown; empty for nothing."""
        return "", ""

    def unavailable(self, action: str) -> str:
        """Why the action cannot be done now, in a sentence; empty where it can."""
        return ""

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Grey out what cannot be done now; pressing its key says why."""
        return None if self.unavailable(action) else True

    def on_key(self, event: events.Key) -> None:
        """A greyed-out key answers with its reason instead of silence."""
        for binding in self._bindings.key_to_bindings.get(event.key, ()):
            reason = self.unavailable(binding.action)
            if reason:
                self.say(reason)

    def say(self, words: str) -> None:
        """A passing remark, in plain text."""
        self.app.notify(words, timeout=4, markup=False)

    def show_trouble(self, error: BaseException) -> None:
        """An error as what, where and remedy; its raw output is one key away."""
        self.app.push_screen(TroubleDialog(trouble_of(error, self.case.log_path)))

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        """What a worker could not do is said, never swallowed."""
        if event.state is WorkerState.ERROR and event.worker.error is not None:
            self.show_trouble(event.worker.error)

    def top_line_changed(self) -> None:
        """Have the top line look again now."""
        self.query_one(TopLine).refresh_if_changed()

    def action_back(self) -> None:
        """To the screen before this one."""
        if len(self.app.screen_stack) > 2:
            self.dismiss()

    def action_help(self) -> None:
        """What the screen is for, and all its keys."""
        self.app.push_screen(HelpDialog(self, self.title_words, self.EXPLAINED))

    def action_copy(self) -> None:
        """Onto the person's own clipboard (OSC 52), also over SSH."""
        text = self.copy_text()
        if text:
            self.app.copy_to_clipboard(text)
            lines = text.count("\n") + 1
            self.say(f"Copied {lines} lines." if lines > 1 else f"Copied: {text}")
        else:
            self.say("There is nothing here to copy.")

    def action_export(self) -> None:
        """Into a file in the working directory."""
        self.write_out(*self.export_text())

    def write_out(self, name: str, text: str) -> None:
        """That text into a file of that name; where there is none, that is said."""
        if not text:
            self.say("There is nothing here to export yet.")
            return
        try:
            path = write_export(self.case.exports, name, text, self.case.clock())
        except RescueError as error:
            self.show_trouble(error)
        else:
            self.say(f"Written to {path}")
