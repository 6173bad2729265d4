"""The parser of the command line: help that fits the terminal, errors that lead on."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Any, NoReturn

_KEPT = re.compile(r"^(?: |\S.*:$)", re.MULTILINE)
"""A paragraph with an indented line, or one that opens a list, is laid out by hand."""


class HelpText(argparse.HelpFormatter):
    """Folds sentences at the terminal's width, and keeps what is laid out by hand."""

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        paragraphs = [
            part if _KEPT.search(part) else "\n".join(_folded(part, width))
            for part in text.split("\n\n")
        ]
        return "\n\n".join(paragraphs)

    def _split_lines(self, text: str, width: int) -> list[str]:
        return _folded(text, width)


class Parser(argparse.ArgumentParser):
    """Says what is wrong in one sentence, what may have been meant, and where help is.

    No option may be shortened: `--quorum` must not become a yes to `--quorum-is-alive`.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"allow_abbrev": False, "formatter_class": HelpText, **options})

    def error(self, message: str) -> NoReturn:
        """Leave with 2, having said what is wrong."""
        self.exit(2, f"{self.prog}: {message}\n  → {self.prog} --help\n")

    def exit(self, status: int = 0, message: str | None = None) -> NoReturn:
        """Leave, once what was printed has arrived."""
        sys.stdout.flush()
        super().exit(status, message)

    def parse_args(  # type: ignore[override]
        self, args: Sequence[str] | None = None, namespace: argparse.Namespace | None = None
    ) -> argparse.Namespace:
        """The arguments; one that is not known is named with the nearest that is."""
        parsed, unknown = self.parse_known_args(args, namespace)
        if unknown:
            below = next((one for one in self._below() if one.prog == _command(parsed)), self)
            below.error(_unknown(unknown[0], list(self.all_options())))
        return parsed

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        if action.choices is None or value in action.choices:
            return
        choices = [str(choice) for choice in action.choices]
        if action.option_strings:
            what = f"{' or '.join(action.option_strings)} cannot be {str(value)!r}"
        else:
            what = f"{str(value)!r} is none of {self.prog}'s commands"
        raise argparse.ArgumentError(None, what + _meant(str(value), choices))

    def _below(self) -> Iterator[Parser]:
        for action in self._actions:
            if isinstance(action, argparse._SubParsersAction):
                for parser in action.choices.values():
                    yield parser
                    yield from parser._below()

    def all_options(self) -> Iterator[str]:
        """Every option of this command and of those below it."""
        for parser in (self, *self._below()):
            yield from parser._option_string_actions


def _command(parsed: argparse.Namespace) -> str:
    """The command that was understood, as its parser calls itself."""
    return str(getattr(parsed, "called", ""))


def _unknown(word: str, options: Iterable[str]) -> str:
    if word.startswith("-"):
        name = word.partition("=")[0]
        return f"there is no option {name!r}{_meant(name, options)}"
    return f"{word!r} is one argument too many"


def _meant(word: str, known: Iterable[str]) -> str:
    import difflib

    known = list(dict.fromkeys(known))
    near = difflib.get_close_matches(word, known, n=1)
    if near:
        return f"; is {near[0]!r} meant?"
    return "" if known and known[0].startswith("-") else f"; there are: {', '.join(known)}"


def _folded(text: str, width: int) -> list[str]:
    import textwrap

    return textwrap.wrap(" ".join(text.split()), width, break_on_hyphens=False)
