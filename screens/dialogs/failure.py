"""An action failed: what is known, what holds, and what can be done."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.widgets import Button, Input, Static

from recovery.restore.operator import ActionFailure, Choice, Decision, NodeFailure
from screens.dialogs.dialog import Dialog, answer_button
from screens.dialogs.reading import ReadingDialog
from screens.marks import Mark, line, stacked
from screens.wording import sentence

_TAIL = 4


class FailureDialog(Dialog[Choice]):
    """Retry, skip with a reason, or stop. Rests on retry, which repeats nothing already done."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("r", "retry", "retry", id="failure.retry"),
        Binding("s", "skip", "skip", id="failure.skip"),
        Binding("a", "abort", "stop here", id="failure.abort"),
        Binding("c", "commands", "command", id="failure.command"),
        Binding("o", "output", "output", id="failure.output"),
        Binding("escape", "leave_skipping", "", show=False, id="failure.back"),
        Binding("left", "app.focus_previous", "", show=False, id="failure.previous"),
        Binding("right", "app.focus_next", "", show=False, id="failure.next"),
        Binding("up", "read(-1)", "", show=False, id="failure.up"),
        Binding("down", "read(1)", "", show=False, id="failure.down"),
    ]

    def __init__(self, failure: ActionFailure, holds: str) -> None:
        super().__init__(classes="trouble")
        self.failure = failure
        self.holds = holds
        self.BOX_TITLE = "An action failed; the run waits"

    def compose_inside(self) -> ComposeResult:
        """Where it failed, how, what holds, what to do."""
        action = self.failure.action
        with VerticalScroll(classes="dialog-body", can_focus=False):
            attempt = f"  (try {self.failure.attempt})" if self.failure.attempt > 1 else ""
            yield Static(
                line(Mark.FAILED.say(sentence(action.title)[:-1], strong=True), (attempt, "$muted"))
            )
            for failed in self.failure.failures:
                yield Static(_of_node(failed), classes="node-failure")
            yield Static("")
            yield Static(line(("Holds now  ", "$muted"), self.holds), classes="paragraph")
        with Horizontal(id="skipping", classes="typed"):
            yield Static(Content("Skip, because: "), classes="typed-words")
            yield Input(compact=True, select_on_focus=False)
        yield Static("", id="typed-answer")
        with Horizontal(classes="answers"):
            yield answer_button("r: retry", answer="retry", resting=True)
            yield answer_button("s: skip", answer="skip")
            yield answer_button("a: stop", answer="abort")
            yield answer_button("o: output", answer="output")
            yield answer_button("c: command", answer="commands")

    def on_mount(self) -> None:
        """The reason is asked only for skipping."""
        self.query_one("#skipping").display = False

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """An answer by button."""
        actions = {
            "retry": self.action_retry,
            "skip": self.action_skip,
            "abort": self.action_abort,
            "output": self.action_output,
            "commands": self.action_commands,
        }
        actions[event.button.id or "output"]()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """A skip needs a reason; it goes into the journal."""
        reason = event.value.strip()
        if reason:
            self.dismiss(Choice(Decision.SKIP, reason))
        else:
            self.query_one("#typed-answer", Static).update(
                Mark.WARNING.say("Say why: the reason is kept in the journal.")
            )

    def action_retry(self) -> None:
        """Again, on the nodes where it failed."""
        self.dismiss(Choice(Decision.RETRY))

    def action_abort(self) -> None:
        """Stop the run here."""
        self.dismiss(Choice(Decision.ABORT))

    def action_skip(self) -> None:
        """Ask for the reason."""
        self.query_one("#skipping").display = True
        self.query_one(Input).focus()
        if self.failure.action.essential:
            self.query_one("#typed-answer", Static).update(
                Mark.WARNING.say("The restore needs this: skip only what you have done by hand.")
            )

    def action_leave_skipping(self) -> None:
        """No skip after all; the failure itself needs an answer."""
        self.query_one("#skipping").display = False
        self.query_one("#typed-answer", Static).update("")
        self.query_one("#retry", Button).focus()

    def action_output(self) -> None:
        """All that is known of the output."""
        text = "\n\n".join(f"{item.node}\n{item.output}" for item in self.failure.failures)
        self.app.push_screen(ReadingDialog("Last output", text))

    def action_commands(self) -> None:
        """The scripts that failed."""
        failed = {item.node for item in self.failure.failures}
        text = "\n\n".join(
            f"# on {work.node}\n{work.script}"
            for work in self.failure.action.works
            if work.node in failed
        )
        self.app.push_screen(ReadingDialog("The command", text, code="sh"))

    def action_read(self, direction: int) -> None:
        """Scroll the text where it is longer than the box."""
        self.query_one(".dialog-body", VerticalScroll).scroll_relative(y=direction, animate=False)


def _of_node(failed: NodeFailure) -> Content:
    status = "unknown" if failed.exit_status is None else str(failed.exit_status)
    lines = [line((failed.node, "bold"), ("  exit ", "$muted"), status)]
    lines.append(Content(sentence(failed.message)))
    tail = [text for text in failed.output.splitlines() if text.strip()][-_TAIL:]
    lines += [Content.styled(f"  {text}", "$muted") for text in tail]
    return stacked(lines)
