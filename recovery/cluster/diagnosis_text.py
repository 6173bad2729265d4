"""A diagnosis as plain text, to be read, copied and taken along."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator

from recovery.cluster.facts import ClusterFacts, ClusterState, Diagnosis, NodeCommand


def diagnosis_lines(facts: ClusterFacts, diagnosis: Diagnosis, width: int) -> Iterator[str]:
    """What is wrong, what to do, what that rests on, and the commands; prose is folded."""
    yield f"{facts.cluster.name}: {diagnosis.label}   {facts.gathered_at:%Y-%m-%d %H:%M:%S}Z"
    yield ""
    yield from folded(diagnosis.sentence, width)
    yield from folded(diagnosis.advice, width, "→ ")
    yield from _listed("BECAUSE", diagnosis.because, width)
    yield from _listed("ALSO", diagnosis.remarks, width)
    if diagnosis.commands:
        yield from ("", f"BY HAND  nothing of this was run{_caution(diagnosis)}")
        yield from _commands(diagnosis.commands)


def folded(text: str, width: int, first: str = "", later: str | None = None) -> list[str]:
    """Lines of at most so many characters, the later ones indented like the first."""
    indent = later if later is not None else " " * len(first)
    return textwrap.wrap(
        text,
        max(width, 40),
        initial_indent=first,
        subsequent_indent=indent,
        break_on_hyphens=False,
        break_long_words=False,
    )


def _caution(diagnosis: Diagnosis) -> str:
    careful = diagnosis.state in (ClusterState.DEGRADED, ClusterState.DIVERGED)
    return "; one line after the other, and only if each succeeds" if careful else ""


def _commands(commands: Iterable[NodeCommand]) -> Iterator[str]:
    for command in commands:
        yield f"  # {command.node}: {command.why}"
        # Never folded: it is meant to be copied.
        yield from (f"  {line}" for line in command.text.splitlines())


def _listed(heading: str, lines: Iterable[str], width: int) -> Iterator[str]:
    told = list(lines)
    if told:
        yield from ("", heading)
    for line in told:
        yield from folded(line, width, "  ", "      ")
