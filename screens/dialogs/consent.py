"""The question before a risky part of a plan. A refusal changes nothing."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.content import Content
from textual.widgets import Button, Input, Static

from recovery.restore.plan import Gate, Plan, Risk
from screens.dialogs.asking import ENTER_GOES_ON, AskingDialog
from screens.dialogs.box import Answers, DialogText
from screens.dialogs.dialog import answer_button
from screens.dialogs.reading import ReadingDialog
from screens.marks import Mark, badge, line, stacked
from screens.plan_text import commands_of, nodes_of, steps_in_words
from screens.widgets.typing_line import TypingLine
from screens.wording import listing, sentence


class ConsentDialog(AskingDialog[bool]):
    """CHANGE: rests on no, `y` for yes. DANGER: the cluster's name, typed out exactly."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "refuse", "no, go back", id="consent.no"),
        Binding("n", "refuse", "no, go back", show=False, id="consent.no-too"),
        Binding("y", "agree", "yes", id="consent.yes"),
        Binding("c,f2", "commands", "all commands", id="consent.commands"),
    ]

    def __init__(self, plan: Plan, gate: Gate) -> None:
        super().__init__()
        self.plan = plan
        self.gate = gate
        self.danger = gate.risk is Risk.DESTROY
        self.set_class(self.danger, "danger")
        self.BOX_TITLE = ""

    def compose_inside(self) -> ComposeResult:
        """What will be done, what it costs, and the answers."""
        with DialogText():
            yield Static(line(badge(self.gate.risk), "  ", (sentence(self.gate.title), "bold")))
            yield Static(self._where(), classes="paragraph")
            for word, text in self._consequences():
                with Horizontal(classes="consequence"):
                    yield Static(Content.styled(word, "$muted"), classes="consequence-word")
                    yield Static(Content(text), classes="consequence-text")
        if self.danger:
            yield from self._typed_answer()
        else:
            yield Static("")
            yield Static(
                line(("Enter", "bold"), " leaves things as they are.  ", ("y", "bold"), " goes on.")
            )
        with Answers():
            yield answer_button("No, go back", answer="no", resting=not self.danger)
            if not self.danger:
                yield answer_button("y: yes, go on", answer="yes")
            shortcut = "F2" if self.danger else "c"
            yield answer_button(f"{shortcut}: show all commands", answer="commands")

    def _typed_answer(self) -> ComposeResult:
        with Horizontal(classes="typed"):
            yield Static(Content("Type the cluster's name to go on: "), classes="typed-words")
            yield TypingLine(classes="resting", compact=True, select_on_focus=False)
        yield Static("", id="typed-answer")

    def _where(self) -> Content:
        return stacked(
            [
                line(
                    f"{steps_in_words(self.plan, self.gate)} of ",
                    (self.plan.cluster, "bold"),
                ),
                line(("on ", "$muted"), listing(nodes_of(self.plan, self.gate))),
            ]
        )

    def _consequences(self) -> list[tuple[str, str]]:
        pairs = [
            ("stops", self.gate.stops),
            ("replaces", self.gate.replaces),
            ("keeps", self.gate.keeps),
            ("loses", self.gate.loses),
            ("way back", self.gate.undo),
        ]
        return [(word, text) for word, text in pairs if text]

    def on_input_changed(self, event: Input.Changed) -> None:
        """Typing alone is no yes: say which key is, once the name stands there."""
        words = ENTER_GOES_ON if event.value == self.plan.cluster else ""
        self.query_one("#typed-answer", Static).update(words)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Only the exact name is a yes; anything else changes nothing and says so."""
        if event.value == self.plan.cluster:
            self.dismiss(True)
            return
        words = (
            f"“{event.value}” is not the cluster's name: nothing has happened."
            if event.value
            else "Nothing was typed: nothing has happened."
        )
        self.query_one("#typed-answer", Static).update(Mark.WARNING.say(words))

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """An answer by button."""
        match event.button.id:
            case "yes":
                self.action_agree()
            case "commands":
                self.action_commands()
            case _:
                self.dismiss(False)

    def action_agree(self) -> None:
        """Yes by one key, where one key is enough."""
        if not self.danger and not self.too_soon():
            self.dismiss(True)

    def action_refuse(self) -> None:
        """No."""
        self.dismiss(False)

    def action_commands(self) -> None:
        """Everything that would run, node by node."""
        self.app.push_screen(
            ReadingDialog(
                f"All commands of {steps_in_words(self.plan, self.gate).lower()}",
                commands_of(self.plan, self.gate),
                code="sh",
            )
        )
