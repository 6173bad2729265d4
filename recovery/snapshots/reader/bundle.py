"""The reader as one file, to be sent to a node and run by its python3."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

_PACKAGE = "recovery.snapshots.reader"

MODULES = (
    "file_format",
    "shown",
    "protobuf",
    "tar",
    "pages",
    "identity",
    "keyspace",
    "kubernetes",
    "contents",
    "side_by_side",
    "whole_file",
    "answer",
    "program",
)
"""In an order in which each needs only those before it."""


_VALUES = (
    "file_format",
    "shown",
    "protobuf",
    "tar",
    "pages",
    "identity",
    "keyspace",
    "kubernetes",
    "contents",
    "stored_values",
)


@cache
def one_file() -> bytes:
    """The whole reader as one Python program; its arguments are those of `program.main`."""
    return _joined(MODULES)


@cache
def values_file() -> bytes:
    """The program that gives some keys' values; its arguments are those of `stored_values.main`."""
    return _joined(_VALUES)


def _joined(modules: tuple[str, ...]) -> bytes:
    here = Path(__file__).parent
    parts = [_without_own_imports((here / f"{name}.py").read_text()) for name in modules]
    return "\n\n".join([*parts, "run()\n"]).encode()


def _without_own_imports(source: str) -> str:
    """A module's text without what it imports from its neighbours: it stands behind them."""
    lines = source.splitlines()
    for node in ast.parse(source).body:
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(_PACKAGE):
            for number in range(node.lineno, (node.end_lineno or node.lineno) + 1):
                lines[number - 1] = ""
    return "\n".join(lines)
