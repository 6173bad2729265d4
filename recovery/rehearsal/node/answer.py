"""What a command on a node prints, and its exit status."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Answer:
    """Standard output, standard error, exit status."""

    out: str = ""
    err: str = ""
    exit: int = 0


def refused(program: str, what: str) -> Answer:
    """The loud failure for anything that the rehearsal node does not know."""
    return Answer(err=f"{program}: the rehearsal node does not know {what}\n", exit=64)
