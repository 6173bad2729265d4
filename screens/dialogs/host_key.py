"""A host key that nobody has seen before: compare the fingerprint, then type yes."""

from __future__ import annotations

import shlex
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.content import Content
from textual.widgets import Button, Input, Static

from recovery.errors import UnknownHostKeyError
from screens.dialogs.box import Answers, DialogText
from screens.dialogs.dialog import Dialog, answer_button
from screens.marks import MUTED, Mark, line, stacked
from screens.widgets.typing_line import TypingLine

WANTED = "yes"


class HostKeyDialog(Dialog[bool]):
    """Only `yes`, typed out with the fingerprint in view, accepts the key."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "refuse", "no, go back", id="host-key.no"),
    ]

    def __init__(self, node: str, unknown: UnknownHostKeyError) -> None:
        super().__init__()
        self.BOX_TITLE = "Is this really that host?"
        self._node, self._unknown = node, unknown

    def compose_inside(self) -> ComposeResult:
        """What was shown, how to compare it, and the line to type in."""
        key = self._unknown
        fingerprint, _, kind = key.fingerprint.partition(" ")
        words = [
            line(("Host  ", MUTED), (key.host, "bold"), f"  ({self._node})"),
            line(("Key   ", MUTED), (fingerprint, "bold"), f" {kind}"),
            Content(""),
            Content("This machine does not know that key. Compare it with the host's own:"),
            line("  on its console  ", "ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub"),
            line("  from here       ", _keyscan(key.host)),
            Content("The second asks the network again, which proves nothing by itself."),
            Content(""),
            Content(f"Accepting adds one line to {key.file}:"),
            Content.styled(f"  {key.line}", MUTED),
        ]
        with DialogText():
            yield Static(stacked(words))
        with Horizontal(classes="typed"):
            yield Static(Content("Type yes to accept it:  "), classes="typed-words")
            yield TypingLine(classes="resting", compact=True, select_on_focus=False)
        yield Static("", id="typed-answer")
        with Answers():
            yield answer_button("No, go back", answer="no")

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Anything but the exact word changes nothing."""
        if event.value.strip() == WANTED:
            self.dismiss(True)
            return
        words = f"“{event.value}” is not yes: nothing was accepted."
        self.query_one("#typed-answer", Static).update(Mark.WARNING.say(words))

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """The only button says no."""
        self.dismiss(False)

    def action_refuse(self) -> None:
        """No."""
        self.dismiss(False)


def _keyscan(host: str) -> str:
    """The command for a host as known_hosts names it."""
    if host.startswith("["):
        name, _, port = host[1:].partition("]:")
        return f"ssh-keyscan -p {shlex.quote(port)} {shlex.quote(name)}"
    return f"ssh-keyscan {shlex.quote(host)}"
