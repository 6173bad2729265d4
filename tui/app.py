"""The App: themes, style sheets, signals, leaving, and errors that nobody foresaw. Thin."""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from textual import work
from textual.binding import Binding, BindingType
from textual.command import Provider

from recovery.errors import RescueError
from screens.leaving import LeavesOnce
from screens.opening import OpeningScreen
from tui.containing import Faults, asked_of_what_is_gone, contain_faults, fault_words
from tui.terminal_app import TerminalApp
from tui.theme import DARK, THEMES

if TYPE_CHECKING:
    from recovery.incident import Incident
    from screens.case import Case
    from screens.first_run import FirstRunScreen

INTERRUPTED = 4
"""The exit code of a session that was left while a run was under way."""

_LOG = logging.getLogger("etcd_rescue")


def _palette() -> type[Provider]:
    from tui.command_palette import ScreenActions

    return ScreenActions


@dataclass(frozen=True, slots=True)
class Opening:
    """Incidents that are made only after the first paint: that needs most of the program."""

    what: str
    """What is being opened, for the screen that is shown meanwhile."""
    incidents: Callable[[], Sequence[Incident]]
    """Called in a thread. A RescueError that it raises ends the session, and is `failure`."""


@dataclass(frozen=True, slots=True)
class FirstRun:
    """There is no inventory: one is made with the person, and then opened."""

    screen: Callable[[Path | None], FirstRunScreen]
    """Makes the screen; it is given the path of the log."""
    opening: Callable[[Path], Opening]
    """What is opened once the inventory is written."""


def style_sheet() -> str:
    """All style sheets of the package, one after the other."""
    folder = resources.files("assets") / "styles"
    sheets = sorted(
        (item for item in folder.iterdir() if item.name.endswith(".tcss")),
        key=lambda item: item.name,
    )
    return "\n".join(item.read_text(encoding="utf-8") for item in sheets)


class RescueApp(TerminalApp):
    """The terminal interface on one or several incidents.

    The incidents are the caller's to open and to close. Exit codes: 0, or 4 when the session was
    left or killed while a run was under way, or 128 + the signal's number.
    """

    TITLE = "etcd-rescue"
    CSS = style_sheet()
    ENABLE_COMMAND_PALETTE = True
    COMMANDS: ClassVar[set[type[Provider] | Callable[[], type[Provider]]]] = {_palette}
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "ctrl+q", "leave", "quit", show=False, priority=True, id="app.quit", tooltip="Leave"
        ),
        Binding("ctrl+c", "leave_hint", "", show=False, id="app.interrupt"),
    ]

    def __init__(
        self,
        incidents: Sequence[Incident] = (),
        *,
        opening: Opening | None = None,
        first_run: FirstRun | None = None,
        ascii_only: bool = False,
        log_path: Path | None = None,
        cases: Sequence[Case] | None = None,
    ) -> None:
        """`cases` replaces the incidents' own, with a clock or a directory of one's choice."""
        contain_faults()
        super().__init__(ascii_only=ascii_only)
        self._faults = Faults()
        self.log_path = log_path
        self._log_handler: logging.Handler | None = None
        self.failure: RescueError | None = None
        """Why nothing could be opened."""
        self._opening = opening
        self._first_run = first_run
        self.cases: tuple[Case, ...] = tuple(cases or self._cases_of(incidents))
        for theme in THEMES:
            self.register_theme(theme)
        self.theme = DARK.name

    def get_theme_variable_defaults(self) -> dict[str, str]:
        """Our own variables, so that any theme can be used."""
        return dict(DARK.variables)

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
        if self._first_run is not None:
            await self.push_screen(self._first_run.screen(self.log_path))
        elif self._opening is not None:
            await self._show_opening(self._opening)
        else:
            await self.open_home()

    async def on_first_run_screen_written(self, event: FirstRunScreen.Written) -> None:
        """The first run has made an inventory: open the interface on it."""
        from screens.first_run import FirstRunScreen

        if self._first_run is not None and self._left(FirstRunScreen):
            await self._show_opening(self._first_run.opening(event.path))

    def _left(self, kind: type[LeavesOnce[None]]) -> bool:
        """Whether there was such a screen; it is gone now, and what lay above it."""
        there = [one for one in self.screen_stack if isinstance(one, kind)]
        for screen in reversed(there):
            screen.dismiss()
        return bool(there)

    async def _show_opening(self, opening: Opening) -> None:
        await self.push_screen(OpeningScreen(opening.what))
        self.call_after_refresh(self._open, opening)

    @work(group="opening", exit_on_error=True)
    async def _open(self, opening: Opening) -> None:
        """Everything that the first paint did not wait for."""
        try:
            self.cases = await asyncio.to_thread(lambda: self._cases_of(opening.incidents()))
        except RescueError as error:
            self.failure = error
            self._leave(1)
            return
        await self.open_home()

    def _cases_of(self, incidents: Sequence[Incident]) -> tuple[Case, ...]:
        if not incidents:
            return ()
        import screens.clusters
        import screens.snapshots  # noqa: F401
        from screens.case import Case

        return tuple(Case(incident, log_path=self.log_path) for incident in incidents)

    async def open_home(self) -> None:
        """The clusters to choose from, or the snapshots of the only one."""
        from screens.clusters import ClustersScreen
        from screens.snapshots import SnapshotsScreen

        home = ClustersScreen(self.cases) if len(self.cases) > 1 else None
        self._left(OpeningScreen)
        await self.push_screen(home or SnapshotsScreen(self.cases[0]))

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

    def action_command_palette(self) -> None:
        """Ours, once."""
        from tui.command_palette import Palette

        if not isinstance(self.screen, Palette):
            # Without a name: the one that is being left may still have it.
            self.push_screen(Palette())

    async def action_quit(self) -> None:
        """However it is asked for: leaving asks back while a run goes."""
        self.action_leave()

    def action_leave(self) -> None:
        """Leave; while a run goes, ask first."""
        if not self.run_under_way:
            self._leave(0)
            return
        from screens.dialogs.question import QuestionDialog

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

    def _handle_exception(self, error: Exception) -> None:
        """What nobody foresaw goes to the log; the person is told calmly, and goes on.

        Only where the screen is of no use any more does the program leave, and not while a run is
        under way: that goes on without a screen.
        """
        if asked_of_what_is_gone(error, self.screen_stack if self._screen_stack else ()):
            _LOG.debug("asked of a screen that was left", exc_info=error)
            return
        self._note(error)
        if self._faults.is_new(error):
            _LOG.error("unexpected error", exc_info=error)
        self.call_later(self._leave_what_is_empty)
        if self._nothing_to_go_on_with():
            self._give_up()
        elif self._faults.too_many and not self.run_under_way:
            self._retreat()
        elif self._faults.may_say():
            words = fault_words(self.log_path, run_under_way=self.run_under_way)
            self.notify(words, severity="error", timeout=15, markup=False)

    def _note(self, error: Exception) -> None:
        """A test that met a fault fails, as it would without all this."""
        if self._exception is None and self.is_headless:
            self._exception = error
            self._exception_event.set()

    def _nothing_to_go_on_with(self) -> bool:
        """Whether there is no screen yet, or none any more, on which to go on."""
        gone = not self._running or self._exit or not self._screen_stack
        return gone or isinstance(self.screen, OpeningScreen)

    def _leave_what_is_empty(self) -> None:
        """A screen that could not be built has nothing on it, not even a remark."""
        if len(self._screen_stack) > 2 and self.screen.is_mounted and not self.screen.children:
            self.screen.dismiss(None)

    def _retreat(self) -> None:
        """Home, where that is somewhere else; out, where it is home that does not work."""
        if len(self.screen_stack) > 2:
            self._faults.forget()
            self.screen_stack[2].dismiss(None)
        else:
            self._give_up()

    def _give_up(self) -> None:
        """Instead of a traceback on the terminal: one sentence."""
        _LOG.critical("leaving after an unexpected error")
        from rich.text import Text

        where = f"; the log has it: {self.log_path}" if self.log_path else ""
        self._return_code = 1
        self._exit_renderables[:] = [
            Text(f"etcd-rescue met an error that it did not foresee and had to leave{where}")
        ]
        self._close_messages_no_wait()
