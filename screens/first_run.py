"""The first run: one address, and everything else is found, tried, shown and written down."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import ClassVar

from textual import work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal
from textual.content import Content
from textual.message import Message
from textual.widgets import Input, Static
from textual.worker import Worker, WorkerState

from recovery.errors import RescueError, UnknownHostKeyError
from recovery.inventory import wording
from recovery.inventory.address import parse_address
from recovery.inventory.discovery import Discovered, FoundNode, TellNode, discover
from recovery.inventory.model import Node, SshOptions
from recovery.inventory.writing import discovered_text, write_inventory
from recovery.ssh.accepting import accept_host_key
from recovery.warming import warmed
from screens.dialogs.help import HelpDialog
from screens.dialogs.host_key import HostKeyDialog
from screens.dialogs.naming import NamingDialog
from screens.dialogs.question import QuestionDialog
from screens.dialogs.reading import ReadingDialog
from screens.dialogs.trouble import TroubleDialog, trouble_of
from screens.explained import FIRST_RUN, Help
from screens.first_run_words import (
    INTRODUCTION,
    heading_of,
    remarks_of,
    row_of,
    state_of,
    trouble,
)
from screens.first_search import FirstSearch
from screens.keys import KeysOf, common_keys_only
from screens.leaving import LeavesOnce
from screens.marks import line, spread
from screens.widgets.key_footer import KeyFooter
from screens.widgets.row_list import Row, RowList
from screens.widgets.typing_line import TypingLine

Search = Callable[[Node, TellNode], Awaitable[Discovered]]


def utc_now() -> datetime:
    """The clock."""
    return datetime.now(UTC)


async def search_by_ssh(first: Node, tell: TellNode) -> Discovered:
    """The real search."""
    await warmed("recovery.ssh.connection", "recovery.cluster.etcd_door")
    return await discover(first, os.environ, tell)


_key = KeysOf("first")


class FirstRunScreen(LeavesOnce[None]):
    """An address to type, the nodes as they are found, and what stands in the way of each."""

    EXPLAINED: ClassVar[Help] = FIRST_RUN
    title_words: ClassVar[str] = "First run"
    TYPING_WORDS: ClassVar[str] = "enter look   f1 help   ctrl+q quit"
    """What the footer says while the address is typed."""

    BINDINGS: ClassVar[list[BindingType]] = [
        _key("enter", "write", "write it", "Write the inventory"),
        _key("t", "trust", "host key", "Compare the host key, and accept it"),
        _key("s", "sudo", "use sudo", "Try again through sudo -n"),
        _key("n", "name", "name", "What the cluster is called"),
        _key("v", "view", "view", "The inventory as it would be"),
        _key("a", "again", "again", "Ask all nodes again"),
        _key("escape", "address", "address", "Another address", shown="esc"),
        *common_keys_only("quit", "help"),
    ]

    class Written(Message):
        """The inventory is there."""

        def __init__(self, path: Path) -> None:
            super().__init__()
            self.path = path

    def __init__(
        self,
        place: Path,
        *,
        search: Search = search_by_ssh,
        clock: Callable[[], datetime] = utc_now,
        log_path: Path | None = None,
    ) -> None:
        """`place` is where the inventory will be written."""
        super().__init__()
        self._clock = clock
        self.place = place
        self._search = search
        self._log_path = log_path
        self._known = FirstSearch()
        self._rows = RowList("found-nodes")

    def compose(self) -> ComposeResult:
        """Address above, nodes in the middle, what stands in the way below."""
        yield Static("", id="first-top")
        yield Static(Content(INTRODUCTION), id="first-introduction")
        with Horizontal(id="first-address"):
            yield Static(Content.styled(" node ", "bold"), id="first-label")
            yield TypingLine(
                placeholder="[USER@]HOST[:PORT], for example root@10.0.0.11", compact=True
            )
        yield Static("", id="first-state")
        yield self._rows
        yield Static("", id="first-trouble")
        yield KeyFooter()

    def on_mount(self) -> None:
        """The address first."""
        self.query_one(Input).focus()
        self.redraw()

    def on_resize(self) -> None:
        """Fold anew."""
        self.call_after_refresh(self.redraw)

    def redraw(self) -> None:
        """All that depends on what was found."""
        if not self.drawable:
            return
        known, width = self._known, self.app.size.width
        names = max([12, *(len(name) for name in known.met)])
        rows = [Row(name, row_of(each, names)) for name, each in known.met.items()]
        self._rows.show_rows(rows)
        self._rows.display = bool(rows)
        top = spread(
            line(" ", ("etcd-rescue", "bold"), "   ", state_of(known)),
            line((f"  {self._clock():%H:%M}Z ", "$muted")),
            width,
        )
        self.query_one("#first-top", Static).update(top)
        self.query_one("#first-state", Static).update(heading_of(known))
        error = self._shown_error()
        words = remarks_of(known, self.place, width) if error is None else trouble(error, width)
        self.query_one("#first-trouble", Static).update(words)
        self.refresh_bindings()

    def _shown_error(self) -> RescueError | None:
        return self._known.error_of(self._rows.key)

    def on_row_list_highlighted(self) -> None:
        """Another node's trouble."""
        self.redraw()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Look from this address."""
        try:
            address = parse_address(event.value)
        except RescueError as error:
            self._known.forget()
            self._known.failure = error
            self.redraw()
            return
        ssh = SshOptions(user=address.user, port=address.port)
        self._known.first = Node(address.host, address.host, ssh=ssh)
        self._begin()

    def _begin(self) -> None:
        self._known.forget()
        self._rows.display = True
        self._rows.focus()
        self.look()

    @work(group="look", exclusive=True, exit_on_error=False)
    async def look(self) -> None:
        """Search, from the address that was typed."""
        known = self._known
        if known.first is None:
            return
        self.redraw()
        try:
            known.take(await self._search(known.first, self._heard))
        except RescueError as error:
            known.fail(error)
        self.redraw()
        self._rows.move_to(next(known.failed, ""))

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        """What nobody foresaw goes to the log, and is said."""
        if event.state is WorkerState.ERROR and event.worker.error is not None:
            self._known.failure = trouble_of(event.worker.error, self._log_path)
            self.redraw()

    def _heard(self, found: FoundNode) -> None:
        self._known.hear(found)
        self.redraw()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Only what can be done now."""
        return self._known.allows(action, self._shown_error())

    def action_address(self) -> None:
        """Back to the address; what was found stays until another one is tried."""
        self.query_one(Input).focus()

    def action_again(self) -> None:
        """Ask all of them once more."""
        self._begin()

    def action_sudo(self) -> None:
        """The same address, with sudo."""
        if self._known.first is not None:
            self._known.use_sudo()
            self._begin()

    @work(group="ask", exclusive=True, exit_on_error=False)
    async def action_trust(self) -> None:
        """Show the key; accept it after a typed yes; then go on."""
        error = self._shown_error()
        if not isinstance(error, UnknownHostKeyError):
            return
        if not await self.app.push_screen_wait(HostKeyDialog(error.where, error)):
            return
        try:
            await asyncio.to_thread(accept_host_key, error)
        except RescueError as wrong:
            self.app.push_screen(TroubleDialog(wrong))
            return
        self._begin()

    @work(group="ask", exclusive=True, exit_on_error=False)
    async def action_name(self) -> None:
        """Call the cluster something else."""
        await self._ask_name()

    def action_view(self) -> None:
        """The inventory as it would be written."""
        if self._known.found is not None:
            self.app.push_screen(ReadingDialog(str(self.place), self._text()))

    @work(group="ask", exclusive=True, exit_on_error=False)
    async def action_write(self) -> None:
        """Ask, write, and open the interface on it."""
        if self._known.found is None or (not self._known.called and not await self._ask_name()):
            return
        question = QuestionDialog(
            f"Write the inventory of {self._known.called}?",
            f"It becomes {self.place}, readable only by you, and holds no secrets. A file that is "
            "there already is never overwritten. No node is changed.",
            yes="write it",
        )
        if not await self.app.push_screen_wait(question):
            return
        try:
            await asyncio.to_thread(write_inventory, self.place, self._text())
        except RescueError as error:
            self.app.push_screen(TroubleDialog(error))
            return
        self.post_message(self.Written(self.place))

    def action_help(self) -> None:
        """What the screen is for, and its keys."""
        self.app.push_screen(HelpDialog(self, self.title_words, self.EXPLAINED))

    async def _ask_name(self) -> bool:
        dialog = NamingDialog(
            "What is this cluster called?",
            "The name stands at the top of every screen, and is typed out before anything "
            "dangerous: one that says which cluster it is, such as prod-a.",
            self._known.called,
            wording.cluster_name,
        )
        name = await self.app.push_screen_wait(dialog)
        self._known.called = name or self._known.called
        self.redraw()
        return bool(name)

    def _text(self) -> str:
        assert self._known.found is not None
        origin = f"Made by the first run of etcd-rescue on {self._clock():%Y-%m-%d %H:%M} UTC."
        return discovered_text(self._known.found, self._known.called or "unnamed", origin)
