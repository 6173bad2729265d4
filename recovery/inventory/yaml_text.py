"""Reads a YAML file into its tree of nodes, which still know their lines."""

from __future__ import annotations

from pathlib import Path

import yaml

from recovery.errors import InventoryError

LARGEST_FILE = 2**20
"""Bytes. An inventory of a thousand nodes has a tenth of it."""


def read_tree(path: Path) -> tuple[yaml.SafeLoader, yaml.Node]:
    """The loader and the root node of a file's only document.

    Raises InventoryError with file and line where there is none.
    """
    text = _read(path)
    try:
        loader = yaml.SafeLoader(text)
        root = loader.get_single_node()
    except yaml.reader.ReaderError as error:
        raise InventoryError(
            "there is a control character",
            where=f"{path}:{text.count(chr(10), 0, error.position) + 1}",
            remedy="remove it",
        ) from error
    except yaml.YAMLError as error:
        raise _syntax_error(path, error) from error
    except RecursionError as error:
        raise InventoryError("it is nested too deeply", where=str(path)) from error
    if root is None:
        raise InventoryError(
            "the inventory is empty",
            where=str(path),
            remedy="it needs at least: clusters, with a name and one controlPlane node; if a "
            "`discover` that failed has left it, remove it",
        )
    return loader, root


def _read(path: Path) -> str:
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST_FILE + 1)
    except OSError as error:
        raise InventoryError(
            f"the inventory cannot be read: {error.strerror}",
            where=str(path),
            remedy="check its path and permissions",
        ) from error
    if len(content) > LARGEST_FILE:
        raise InventoryError("this is too large for an inventory", where=str(path))
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise InventoryError(
            "this is not text in UTF-8", where=f"{path}:{line}", remedy="save it as UTF-8"
        ) from error


def _syntax_error(path: Path, error: yaml.YAMLError) -> InventoryError:
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or getattr(error, "reason", None) or str(error)
    where = f"{path}:{mark.line + 1}" if mark is not None else str(path)
    remedy = "correct the line, or the one above it"
    if "'\\t'" in problem:
        problem, remedy = "there is a tab", "YAML is indented with spaces"
    elif "expected a single document" in (getattr(error, "context", None) or ""):
        problem, remedy = "there is a second document", "keep one; clusters is a list"
    elif "duplicate anchor" in problem or "undefined alias" in problem:
        remedy = "correct the anchor or alias"
    return InventoryError(f"this is not YAML: {problem}", where=where, remedy=remedy)
