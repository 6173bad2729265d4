"""Where the bytes of a file lie besides this machine, so that they need not be sent from it."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class LinkedObject:
    """An object that a node can fetch by itself through a link that is good for minutes."""

    name: str
    """The object as a person names it: `s3://bucket/key`."""
    make_link: Callable[[], Coroutine[Any, Any, str]]
    """Makes a fresh link: a secret, to be shown and kept nowhere. Raises RescueError."""
    verify_tls: bool = True


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """Other places of a file. None is trusted: the file that comes out is compared by sha256."""

    wrappings: tuple[str, ...] = ()
    """What must be taken off there, outermost first: `tar`, `gzip`, `zstd`."""
    on_nodes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Paths on a node, by the node's name."""
    linked: LinkedObject | None = None


NOWHERE = Elsewhere()
"""Only this machine has it."""
