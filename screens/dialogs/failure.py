"""An action failed: what is known, what holds, and what can be done."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.content import Content
from textual.widgets import Button, Input, Static

from recovery.restore.operator import ActionFailure, Choice, Decision, NodeFailure
from screens.dialogs.asking import AskingDialog
from screens.dialogs.box import Answers, DialogText
from screens.dialogs.dialog import answer_button
from screens.dialogs.reading import ReadingDialog
from screens.marks import Mark, hanging, line, stacked
from screens.widgets.folded_lines import FoldedLines
from screens.widgets.typing_line import TypingLine
from screens.wording import listing, sentence

_TAIL = 4

BY_HAND = "by hand"
"""What a reason must say where the restore cannot do without the action."""


@dataclass(frozen=True, slots=True)
class FailureAnswer:
    """What a person decided; `roll_back`: stop, and then lead the run back."""

    choice: Choice
    roll_back: bool = False


class FailureDialog(AskingDialog[FailureAnswer]):
    """Retry, skip with a reason, go on without a node, stop, or roll back.

    Rests on retry, which repeats nothing already done. What the restore needs is skipped only by
    somebody who has typed that they did it by hand.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("r", "retry", "retry", id="failure.retry"),
        Binding("w", "without", "go on without", id="failure.without"),
        Binding("s", "skip", "skip", id="failure.skip"),
        Binding("R", "roll_back", "roll back", id="failure.roll-back"),
        Binding("a", "abort", "stop here", id="failure.abort"),
        Binding("c", "commands", "command", id="failure.command"),
        Binding("o", "output", "output", id="failure.output"),
        Binding("escape", "leave_skipping", "", show=False, id="failure.back"),
    ]

    def __init__(self, failure: ActionFailure, holds: str) -> None:
        super().__init__(classes="trouble")
        self.failure = failure
        self.holds = holds
        self.BOX_TITLE = "An action failed; the run waits"

    def compose_inside(self) -> ComposeResult:
        """Where it failed, how, what holds, what to do."""
        action = self.failure.action
        with DialogText():
            attempt = f"  (try {self.failure.attempt})" if self.failure.attempt > 1 else ""
            yield Static(
                line(Mark.FAILED.say(sentence(action.title)[:-1], strong=True), (attempt, "$muted"))
            )
            for failed in self.failure.failures:
                yield Static(_of_node(failed), classes="node-failure")
            yield Static("")
            yield FoldedLines(self._holds)
        with Horizontal(id="skipping", classes="typed"):
            yield Static(Content("Skip, because: "), classes="typed-words")
            yield TypingLine(compact=True, select_on_focus=False)
        yield Static("", id="typed-answer")
        with Answers():
            yield answer_button("r: retry", answer="retry", resting=True)
            if self.failure.can_go_on_without:
                yield answer_button("w: without", answer="without")
            yield answer_button("s: skip", answer="skip")
            yield answer_button("a: stop", answer="abort")
            yield answer_button("R: roll back", answer="roll-back")
            yield answer_button("o: output", answer="output")
            yield answer_button("c: command", answer="commands")

    def _holds(self, width: int) -> list[Content]:
        rows = hanging("Holds now", self.holds, width, 12)
        if self.failure.can_go_on_without:
            names = listing(item.node for item in self.failure.failures)
            words = f"The others are enough: w goes on without {names}; resume brings it in."
            rows += [Content(""), *hanging("Without", words, width, 12)]
        return rows

    def on_mount(self) -> None:
        """The reason is asked only for skipping."""
        self.query_one("#skipping").display = False

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """An answer by button."""
        actions = {
            "retry": self.action_retry,
            "without": self.action_without,
            "skip": self.action_skip,
            "roll-back": self.action_roll_back,
            "abort": self.action_abort,
            "output": self.action_output,
            "commands": self.action_commands,
        }
        actions[event.button.id or "output"]()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """A skip needs a reason; it goes into the journal."""
        reason = event.value.strip()
        trouble = ""
        if not reason:
            trouble = "Say why: the reason is kept in the journal."
        elif self.failure.action.essential and BY_HAND not in reason.lower():
            trouble = f"The restore needs this. Done {BY_HAND}? Then say so: “{BY_HAND}”"
        if not trouble:
            self.dismiss(FailureAnswer(Choice(Decision.SKIP, reason)))
            return
        self.query_one("#typed-answer", Static).update(Mark.WARNING.say(trouble))

    def action_retry(self) -> None:
        """Again, on the nodes where it failed."""
        self.dismiss(FailureAnswer(Choice(Decision.RETRY)))

    def action_without(self) -> None:
        """Leave the nodes on which it failed for later."""
        if self.failure.can_go_on_without:
            self.dismiss(FailureAnswer(Choice(Decision.WITHOUT, "left for later")))

    def action_roll_back(self) -> None:
        """Stop, and lead the run back."""
        self.dismiss(FailureAnswer(Choice(Decision.ABORT, "to roll back"), roll_back=True))

    def action_abort(self) -> None:
        """Stop the run here."""
        self.dismiss(FailureAnswer(Choice(Decision.ABORT)))

    def action_skip(self) -> None:
        """Ask for the reason."""
        self.query_one("#skipping").display = True
        self.query_one(Input).focus()
        if self.failure.action.essential:
            self.query_one("#typed-answer", Static).update(
                Mark.WARNING.say(f"The restore needs this: skip only what you did {BY_HAND}.")
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


def _of_node(failed: NodeFailure) -> Content:
    status = "unknown" if failed.exit_status is None else str(failed.exit_status)
    lines = [line((failed.node, "bold"), ("  exit ", "$muted"), status)]
    lines.append(Content(sentence(failed.message)))
    tail = [text for text in failed.output.splitlines() if text.strip()][-_TAIL:]
    lines += [Content.styled(f"  {text}", "$muted") for text in tail]
    return stacked(lines)
