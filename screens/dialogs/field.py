"""One field or several, typed one under the other, each checked before it is taken."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import ClassVar, NamedTuple

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.content import Content
from textual.widgets import Input, Static

from screens.dialogs.box import DialogText
from screens.dialogs.dialog import Dialog
from screens.marks import Mark, stacked
from screens.widgets.typing_line import TypingLine

Answers = Mapping[str, str]


class Asked(NamedTuple):
    """A field to type."""

    key: str
    label: str
    value: str = ""
    hint: str = ""
    secret: bool = False
    """Typed without echo."""


class FieldsDialog(Dialog[dict[str, str] | None]):
    """Enter goes to the next field, and from the last one takes them all; esc takes none."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "back", id="fields.back"),
        Binding("up", "app.focus_previous", "", show=False, id="fields.up"),
        Binding("down", "app.focus_next", "", show=False, id="fields.down"),
    ]
    AUTO_FOCUS = "Input"

    def __init__(
        self,
        title: str,
        asked: Sequence[Asked],
        wrong: Callable[[dict[str, str]], Sequence[str]],
        *,
        words: str = "",
        take: str = "take it",
    ) -> None:
        """`wrong` says what is wrong with the answers, in sentences; `words` stand above."""
        super().__init__(classes="fields")
        self.BOX_TITLE = title
        self._asked, self._wrong, self._words, self._take = asked, wrong, words, take

    def compose_inside(self) -> ComposeResult:
        """The fields, what is wrong, the keys."""
        with DialogText():
            if self._words:
                yield Static(Content(self._words), classes="paragraph")
            for one in self._asked:
                with Horizontal(classes="field"):
                    yield Static(Content(one.label), classes="field-label")
                    yield TypingLine(
                        one.value,
                        password=one.secret,
                        placeholder=one.hint,
                        id=f"field-{one.key}",
                        compact=True,
                        select_on_focus=False,
                    )
            yield Static("", id="fields-wrong")
        last = self._take if len(self._asked) == 1 else f"next, then {self._take}"
        keys = f"enter {last}   esc back"
        yield Static(Content.styled(keys, "$muted"), classes="dialog-keys")

    @property
    def answers(self) -> dict[str, str]:
        """What stands in the fields; nothing is cut off a secret but the ends' blanks."""
        return {
            one.key: self.query_one(f"#field-{one.key}", Input).value.strip() for one in self._asked
        }

    def on_input_changed(self) -> None:
        """What is wrong is said while it is typed, once something was."""
        self._tell(self._wrong(self.answers) if len(self._asked) == 1 else ())

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """On to the next, or take them all where nothing is wrong."""
        ids = [f"field-{one.key}" for one in self._asked]
        place = ids.index(event.input.id or "")
        if place + 1 < len(ids):
            # At once: what is typed ahead, a secret perhaps, must not land in this field.
            self.set_focus(self.query_one(f"#{ids[place + 1]}", Input))
            return
        wrong = self._wrong(self.answers)
        if wrong:
            self._tell(wrong)
        else:
            self.dismiss(self.answers)

    def _tell(self, wrong: Sequence[str]) -> None:
        lines = [Mark.WARNING.beside(words) for words in wrong]
        self.query_one("#fields-wrong", Static).update(stacked(lines))

    def action_leave(self) -> None:
        """Nothing is taken."""
        self.dismiss(None)
