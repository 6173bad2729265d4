"""A frame around what a node prints, so that noise around it or inside it does no harm.

A script prints a line `<marker> <name>` before each part. The marker is random for every script,
so a file's contents, a login banner or a program's output cannot pass for one.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from dataclasses import dataclass

SECTION_SH = 'section() { printf \'\\n%s %s\\n\' "$MARKER" "$1"; }'
"""The shell function `section NAME`; it needs the variable MARKER."""


def fresh_marker() -> str:
    """A marker that nothing else prints."""
    return f"----{secrets.token_hex(8)}"


@dataclass(frozen=True, slots=True)
class Section:
    """One part of a node's answer, without the line break that ends it."""

    name: str
    text: str


def read_sections(output: str, marker: str) -> Iterator[Section]:
    """The sections in order; anything before the first one is left out."""
    for part in ("\n" + output).split(f"\n{marker} ")[1:]:
        name, _, text = part.partition("\n")
        yield Section(name.strip(), text)
