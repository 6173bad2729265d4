"""The first run: one address, and everything else is found, tried, shown and written down."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import ClassVar

from textual import work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal
from textual.content import Content
from textual.message import Message
from textual.screen import Screen
from textual.widgets import Input, Static
from textual.worker import Worker, WorkerState

from recovery.errors import NodeError, NotRootError, RescueError, UnknownHostKeyError
from recovery.inventory import wording
from recovery.inventory.address import parse_address
from recovery.inventory.discovery import Discovered, FoundNode, Reach, TellNode, discover
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
from screens.first_run_words import INTRODUCTION, row_of, trouble
from screens.keys import KeysOf, common_keys_only
from screens.marks import Mark, hanging, line, spread, stacked
from screens.widgets.key_footer import KeyFooter
from screens.widgets.row_list import Row, RowList
from screens.wording import plural

Search = Callable[[Node, TellNode], Awaitable[Discovered]]


def utc_now() -> datetime:
    """The clock."""
    return datetime.now(UTC)


async def search_by_ssh(first: Node, tell: TellNode) -> Discovered:
    """The real search."""
    await warmed("recovery.ssh.connection", "recovery.cluster.etcd_door")
    return await discover(first, os.environ, tell)


_key = KeysOf("first")


class FirstRunScreen(Screen[None]):
    """An address to type, the nodes as they are found, and what stands in the way of each."""

    HELP_TEXT: ClassVar[str] = (
        "Makes an inventory: the file that says which nodes a cluster has and how to log in to "
        "them. One control-plane node is asked who the others are (its API server, its etcd "
        "member, its manifests, its backups); then each is logged in to, as ssh would: with "
        "~/.ssh/config, the agent and known_hosts. A host key that is not known is shown, to be "
        "compared and accepted; a changed one is refused. Nothing is changed on any node, and "
        "nothing is written here before you say so."
    )
    title_words: ClassVar[str] = "First run"
    TYPING_WORDS: ClassVar[str] = "enter look   ctrl+q quit"
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
        self._first: Node | None = None
        self._met: dict[str, FoundNode] = {}
        self._found: Discovered | None = None
        self._failure: RescueError | None = None
        self._called = ""
        self._rows = RowList("found-nodes")

    def compose(self) -> ComposeResult:
        """Address above, nodes in the middle, what stands in the way below."""
        yield Static("", id="first-top")
        yield Static(Content(INTRODUCTION), id="first-introduction")
        with Horizontal(id="first-address"):
            yield Static(Content.styled(" node ", "bold"), id="first-label")
            yield Input(placeholder="[USER@]HOST[:PORT], for example root@10.0.0.11", compact=True)
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
        self._rows.show_rows([Row(name, row_of(each)) for name, each in self._met.items()])
        self._rows.display = bool(self._met)
        top = spread(
            line(" ", ("etcd-rescue", "bold"), "   ", self._state()),
            line((f"  {self._clock():%H:%M}Z ", "$muted")),
            self.size.width,
        )
        self.query_one("#first-top", Static).update(top)
        self.query_one("#first-state", Static).update(self._heading())
        error = self._shown_error()
        words = self._remarks() if error is None else trouble(error, self.size.width)
        self.query_one("#first-trouble", Static).update(words)
        self.refresh_bindings()

    def _state(self) -> Content:
        if self._found is not None:
            failed = any(each.reach is Reach.FAILED for each in self._met.values())
            mark, words = (Mark.WARNING, "FOUND IN PART") if failed else (Mark.OK, "FOUND")
            return mark.say(words, strong=True)
        if self._failure is not None:
            return Mark.FAILED.say("NOT YET", strong=True)
        if self._first is not None:
            return Mark.RUNNING.say("LOOKING", strong=True)
        return Mark.WAITING.say("FIRST RUN", strong=True)

    def _heading(self) -> Content:
        if self._found is None:
            return Content("")
        reached = sum(each.reach is Reach.REACHED for each in self._met.values())
        name = (
            line((self._called, "bold"))
            if self._called
            else Content.styled("no name yet", "$warning")
        )
        return line(" ", name, f"   {reached} of {plural(len(self._met), 'node')} answered")

    def _remarks(self) -> Content:
        if self._found is None:
            return Content("")
        lines = [line(" ", Mark.WARNING.beside(remark)) for remark in self._found.remarks[:3]]
        if len(self._found.remarks) > 3:
            lines.append(line("   ", ("v shows all remarks", "$muted")))
        lines += hanging("Enter", f"writes it to {self.place}", self.size.width, 7)
        return stacked(lines)

    @property
    def chosen(self) -> FoundNode | None:
        """The node under the cursor."""
        return self._met.get(self._rows.key or "")

    def _shown_error(self) -> RescueError | None:
        chosen = self.chosen
        if chosen is not None and chosen.error is not None:
            return chosen.error
        return self._failure

    def on_row_list_highlighted(self) -> None:
        """Another node's trouble."""
        self.redraw()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Look from this address."""
        try:
            address = parse_address(event.value)
        except RescueError as error:
            self._forget()
            self._failure = error
            self.redraw()
            return
        ssh = SshOptions(user=address.user, port=address.port)
        self._first = Node(address.host, address.host, ssh=ssh)
        self._begin()

    def _forget(self) -> None:
        self._met, self._found, self._failure = {}, None, None

    def _begin(self) -> None:
        self._forget()
        self._rows.display = True
        self._rows.focus()
        self.look()

    @work(group="look", exclusive=True, exit_on_error=False)
    async def look(self) -> None:
        """Search, from the address that was typed."""
        first = self._first
        if first is None:
            return
        self.redraw()
        try:
            self._found = await self._search(first, self._heard)
        except RescueError as error:
            self._failure = error
            known = self._met.get(first.name)
            if known is not None and isinstance(error, NodeError):
                self._met = {first.name: FoundNode(known.node, Reach.FAILED, error)}
        else:
            self._met = {each.node.name: each for each in self._found.nodes}
            self._called = self._called or self._found.name
        self.redraw()
        failed = (name for name, each in self._met.items() if each.reach is Reach.FAILED)
        self._rows.move_to(next(failed, ""))

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        """What nobody foresaw goes to the log, and is said."""
        if event.state is WorkerState.ERROR and event.worker.error is not None:
            self._failure = trouble_of(event.worker.error, self._log_path)
            self.redraw()

    def _heard(self, found: FoundNode) -> None:
        # Its own name comes after the address that it was asked by.
        if self._first is not None and found.node.host == self._first.host:
            self._met.pop(self._first.name, None)
        self._met[found.node.name] = found
        self.redraw()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Only what can be done now."""
        error = self._shown_error()
        possible = {
            "write": self._found is not None,
            "view": self._found is not None,
            "name": self._found is not None,
            "again": self._first is not None,
            "address": self._first is not None,
            "trust": isinstance(error, UnknownHostKeyError),
            "sudo": isinstance(error, NotRootError) and error.sudo_works,
        }
        return possible.get(action, True)

    def action_address(self) -> None:
        """Back to the address; what was found stays until another one is tried."""
        self.query_one(Input).focus()

    def action_again(self) -> None:
        """Ask all of them once more."""
        self._begin()

    def action_sudo(self) -> None:
        """The same address, with sudo."""
        if self._first is not None:
            self._first = replace(self._first, ssh=replace(self._first.ssh, sudo=True))
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
        if self._found is not None:
            self.app.push_screen(ReadingDialog(str(self.place), self._text()))

    @work(group="ask", exclusive=True, exit_on_error=False)
    async def action_write(self) -> None:
        """Ask, write, and open the interface on it."""
        if self._found is None or (not self._called and not await self._ask_name()):
            return
        question = QuestionDialog(
            f"Write the inventory of {self._called}?",
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
        self.app.push_screen(HelpDialog(self, self.title_words, self.HELP_TEXT))

    async def _ask_name(self) -> bool:
        dialog = NamingDialog(
            "What is this cluster called?",
            "The name stands at the top of every screen, and is typed out before anything "
            "dangerous: one that says which cluster it is, such as prod-a.",
            self._called,
            wording.cluster_name,
        )
        name = await self.app.push_screen_wait(dialog)
        self._called = name or self._called
        self.redraw()
        return bool(name)

    def _text(self) -> str:
        assert self._found is not None
        origin = f"Made by the first run of etcd-rescue on {self._clock():%Y-%m-%d %H:%M} UTC."
        return discovered_text(self._found, self._called or "unnamed", origin)
