"""Text from outside made fit for a table, a log or a document: one line, nothing that steers."""

from __future__ import annotations

from recovery.ssh.plain_text import plain_line, plain_text


def one_line(text: object, limit: int = 300) -> str:
    """The text on one line without control sequences; cut, ending in `…`, beyond `limit`.

    Takes anything, because what comes from outside may not be text at all.
    """
    words = " ".join(plain_text(str(text)).split())
    return words if len(words) <= limit else f"{words[: limit - 1]}…"


def is_plain_name(name: str) -> bool:
    """Whether a file's name may be shown as it is: not empty, nothing in it steers a terminal."""
    return bool(name) and not {"\n", "\t"} & set(name) and plain_line(name) == name
