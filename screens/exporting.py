"""Writing what a screen shows to a file, as Markdown."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from recovery.errors import RescueError


def write_export(directory: Path, name: str, text: str, now: datetime) -> Path:
    """Write the text to a new file, readable by its owner alone; returns its path.

    The file's name is the given one, made safe, with the UTC time; an existing file is never
    replaced. Raises RescueError where it cannot be written.
    """
    safe = re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-.") or "etcd-rescue"
    stem = f"{safe}-{now:%Y%m%dT%H%M%SZ}"
    for attempt in range(1, 100):
        path = directory / (f"{stem}.md" if attempt == 1 else f"{stem}-{attempt}.md")
        try:
            number = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            continue
        except OSError as error:
            raise _cannot(path, error) from error
        try:
            with os.fdopen(number, "w", encoding="utf-8") as file:
                file.write(text if text.endswith("\n") else f"{text}\n")
        except OSError as error:
            raise _cannot(path, error) from error
        return path
    raise RescueError("there are too many exports of this second", where=str(directory))


def markdown_table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table; cells are outside text and cannot break out of it."""
    lines = [_row(heads), _row(["---"] * len(heads))]
    return "\n".join([*lines, *(_row(row) for row in rows)]) + "\n"


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(" ".join(cell.split()).replace("|", "\\|") for cell in cells) + " |"


def _cannot(path: Path, error: OSError) -> RescueError:
    return RescueError(
        f"the file cannot be written: {error.strerror}",
        where=str(path),
        remedy="start etcd-rescue in a directory that you can write to",
    )
