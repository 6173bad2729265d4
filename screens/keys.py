"""The keys of screens: each with an id, a word for the footer, and a sentence for the help."""

from __future__ import annotations

from dataclasses import dataclass

from textual.binding import Binding, BindingType

_COMMON = {
    "back": Binding("escape", "back", "back", show=False, id="back", key_display="esc"),
    "copy": Binding("y", "copy", "copy", show=False, id="copy"),
    "export": Binding("e", "export", "export", show=False, id="export"),
    "quit": Binding("q", "app.leave", "quit", show=False, id="quit"),
    "help": Binding("question_mark,f1", "help", "help", id="help", key_display="?"),
}
_SENTENCES = {
    "back": "Go back; nothing is lost",
    "copy": "Copy what is selected",
    "export": "Write this to a file",
    "quit": "Leave etcd-rescue",
    "help": "Explain this screen and its keys",
}


@dataclass(frozen=True, slots=True)
class KeysOf:
    """Makes the bindings of one screen, whose name begins their ids."""

    screen: str

    def __call__(
        self,
        keys: str,
        action: str,
        word: str,
        sentence: str,
        *,
        name: str = "",
        shown: str | None = None,
        hidden: bool = False,
    ) -> Binding:
        """`word` stands in the footer, `sentence` in help and palette; `shown` is how the key is
        written; `name` ends the id, where the action's own name does not do.
        """
        own = name or action.partition("(")[0].replace("_", "-")
        return Binding(
            keys,
            action,
            word,
            show=not hidden,
            key_display=shown,
            id=f"{self.screen}.{own}",
            tooltip=sentence,
        )


def common_keys(**worded: tuple[str, str]) -> list[BindingType]:
    """The keys that all screens have. Those that are given a word and a sentence of the screen's
    own come first, and stand in the footer.
    """
    first: list[BindingType] = [
        _with(_COMMON[name], word, sentence, show=True) for name, (word, sentence) in worded.items()
    ]
    others = [name for name in _COMMON if name not in worded]
    return [*first, *common_keys_only(*others)]


def common_keys_only(*names: str) -> list[BindingType]:
    """Some of the common keys, as they are."""
    return [
        _with(_COMMON[name], _COMMON[name].description, _SENTENCES[name], _COMMON[name].show)
        for name in names
    ]


def _with(binding: Binding, word: str, sentence: str, show: bool) -> Binding:
    return Binding(
        binding.key,
        binding.action,
        word,
        show=show,
        key_display=binding.key_display,
        id=binding.id,
        tooltip=sentence,
    )
