"""The private keys that lead to the nodes, where others on this machine may read them."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from recovery.inventory.model import Node

_OTHERS = stat.S_IRWXG | stat.S_IRWXO
_BEGINNING = 100
"""Bytes in which a private key says that it is one; a public key's file may be read by all."""


@dataclass(frozen=True, slots=True)
class OpenKey:
    """A private key's file, and its permission bits."""

    path: Path
    mode: int


def open_keys(nodes: Iterable[Node]) -> tuple[OpenKey, ...]:
    """The identity files that the inventory names for these nodes and OpenSSH would refuse.

    As OpenSSH does, only files of one's own are judged. What cannot be read is left to the login,
    which says so.
    """
    named = {node.ssh.identity_file for node in nodes}
    found = []
    for path in sorted(path for path in named if path is not None):
        try:
            seen = path.stat()
            mode = stat.S_IMODE(seen.st_mode)
            if seen.st_uid == os.getuid() and mode & _OTHERS and _is_private(path):
                found.append(OpenKey(path, mode))
        except OSError:
            continue
    return tuple(found)


def _is_private(path: Path) -> bool:
    with path.open("rb") as file:
        return b"PRIVATE KEY" in file.read(_BEGINNING)
