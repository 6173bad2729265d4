"""The App: themes, style sheets, signals, leaving, and errors that nobody foresaw. Thin."""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import Callable, Sequence
from importlib import resources
from pathlib import Path
from typing import ClassVar

from rich.text import Text
from textual.app import App
from textual.binding import Binding, BindingType
from textual.command import Provider
from textual.filter import LineFilter

from recovery.incident import Incident
from screens.case import Case
from screens.clusters import ClustersScreen
from screens.dialogs.question import QuestionDialog
from screens.snapshots import SnapshotsScreen
from tui.command_palette import ScreenActions
from tui.line_filters import AsciiFilter, ControlFilter
from tui.screenshots import without_leading_blanks
from tui.theme import DARK, THEMES

INTERRUPTED = 4
"""The exit code of a session that was left while a run was under way."""

_LOG = logging.getLogger("etcd_rescue")


def style_sheet() -> str:
    """All style sheets of the package, one after the other."""
    folder = resources.files("assets") / "styles"
    sheets = sorted(
        (item for item in folder.iterdir() if item.name.endswith(".tcss")),
        key=lambda item: item.name,
    )
    return "\n".join(item.read_text(encoding="utf-8") for item in sheets)


class RescueApp(App[int]):
    """The terminal interface on one or several incidents.

    The incidents are the caller's to open and to close. Exit codes: 0, or 4 when the session was
    left or killed while a run was under way, or 128 + the signal's number.
    """

    TITLE = "etcd-rescue"
    CSS = style_sheet()
    ENABLE_COMMAND_PALETTE = True
    COMMANDS: ClassVar[set[type[Provider] | Callable[[], type[Provider]]]] = {
        ScreenActions,
    }
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "ctrl+q", "leave", "quit", show=False, priority=True, id="app.quit", tooltip="Leave"
        ),
        Binding("ctrl+c", "leave_hint", "", show=False, id="app.interrupt"),
    ]

    def __init__(
        self,
        incidents: Sequence[Incident],
        *,
        ascii_only: bool = False,
        log_path: Path | None = None,
        cases: Sequence[Case] | None = None,
    ) -> None:
        """`cases` replaces the incidents' own, with a clock or a directory of one's choice."""
        super().__init__()
        self._last_filters = [ControlFilter(), *([AsciiFilter()] if ascii_only else [])]
        self.log_path = log_path
        self._log_handler: logging.Handler | None = None
        self.cases = tuple(cases or (Case(incident, log_path=log_path) for incident in incidents))
        for theme in THEMES:
            self.register_theme(theme)
        self.theme = DARK.name

    def get_theme_variable_defaults(self) -> dict[str, str]:
        """Our own variables, so that any theme can be used."""
        return dict(DARK.variables)

    def export_screenshot(self, *, title: str | None = None, simplify: bool = False) -> str:
        """The screen as SVG, drawn alike by every renderer."""
        return without_leading_blanks(super().export_screenshot(title=title, simplify=simplify))

    def get_line_filters(self) -> Sequence[LineFilter]:
        """Ours last, over everything that is drawn."""
        return [*super().get_line_filters(), *self._last_filters]

    async def on_mount(self) -> None:
        """Open the home screen; leave in good order when told to from outside."""
        self._keep_log()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGHUP):
            try:
                loop.add_signal_handler(number, self._told_to_leave, number)
            except (NotImplementedError, RuntimeError, ValueError):
                # Only the main thread of a Unix process can take signals.
                break
        if len(self.cases) > 1:
            await self.push_screen(ClustersScreen(self.cases))
        else:
            await self.push_screen(SnapshotsScreen(self.cases[0]))

    def _keep_log(self) -> None:
        """Warnings and errors of every library go to the log: a line of text on the terminal
        would tear the screen.
        """
        logging.captureWarnings(True)
        handler: logging.Handler = logging.NullHandler()
        if self.log_path is not None:
            try:
                self.log_path.touch(mode=0o600)
                handler = logging.FileHandler(self.log_path, encoding="utf-8")
            except OSError as error:
                self.notify(f"No log is kept: {error}", severity="warning", markup=False)
        handler.setLevel(logging.WARNING)
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
        logging.getLogger().addHandler(handler)
        self._log_handler = handler

    def on_unmount(self) -> None:
        """Give the log back."""
        if self._log_handler is not None:
            logging.getLogger().removeHandler(self._log_handler)
            self._log_handler.close()
            logging.captureWarnings(False)

    @property
    def run_under_way(self) -> bool:
        """Whether any cluster is being restored."""
        return any(case.run_under_way for case in self.cases)

    async def action_quit(self) -> None:
        """However it is asked for: leaving asks back while a run goes."""
        self.action_leave()

    def action_leave(self) -> None:
        """Leave; while a run goes, ask first."""
        if not self.run_under_way:
            self._leave(0)
            return
        if isinstance(self.screen, QuestionDialog):
            return
        dialog = QuestionDialog(
            "Leave while the restore goes on?",
            "The run would be interrupted: what runs on a node now may go on there, and nothing "
            "new is started. The journal keeps how far it came.",
            yes="leave",
            no="No, stay",
        )
        self.push_screen(dialog, self._leave_answered)

    def _leave_answered(self, yes: bool | None) -> None:
        if yes:
            self._leave(INTERRUPTED if self.run_under_way else 0)

    def _leave(self, code: int) -> None:
        self.exit(code, return_code=code)

    def action_leave_hint(self) -> None:
        """ctrl+c neither kills nor copies here by accident."""
        self.notify("q leaves etcd-rescue.", timeout=3, markup=False)

    def _told_to_leave(self, number: int) -> None:
        _LOG.warning("leaving on signal %d", number)
        self._leave(INTERRUPTED if self.run_under_way else 128 + number)

    def _fatal_error(self) -> None:
        """Instead of a traceback on the terminal: one sentence, and the traceback in the log."""
        _LOG.critical("unexpected error, leaving", exc_info=True)
        where = f"; the log has it: {self.log_path}" if self.log_path else ""
        self._exit_renderables.append(
            Text(f"etcd-rescue met an error that it did not foresee and had to leave{where}")
        )
        self._close_messages_no_wait()
