"""Writes the report beside the journal, as Markdown and as one HTML file."""

from __future__ import annotations

import os
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from recovery.errors import RescueError
from recovery.report.making import report_of
from recovery.report.model import Report
from recovery.report.record import read_record
from recovery.restore.record_facts import rfc3339

MARKDOWN_NAME = "report.md"
HTML_NAME = "report.html"


def read_report(directory: Path, now: datetime | None = None) -> Report:
    """The report of the run whose record lies there, however it ended. Raises RescueError."""
    return report_of(read_record(directory), rfc3339(now or datetime.now(UTC)))


def write_report(directory: Path, now: datetime | None = None) -> tuple[Path, Path]:
    """Write both files anew; returns their paths, Markdown first.

    Raises RescueError where the record cannot be read or the directory cannot be written.
    """
    from recovery.report.html import report_html
    from recovery.report.markdown import report_markdown

    report = read_report(directory, now)
    markdown, html = directory / MARKDOWN_NAME, directory / HTML_NAME
    _write(markdown, report_markdown(report))
    _write(html, report_html(report))
    return markdown, html


def _write(path: Path, text: str) -> None:
    """Whole or not at all, and readable by its owner alone."""
    try:
        number, partial = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        try:
            with os.fdopen(number, "w", encoding="utf-8", errors="replace") as file:
                file.write(text)
            Path(partial).replace(path)
        except BaseException:
            Path(partial).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise RescueError(
            f"the report cannot be written: {error.strerror}",
            where=str(path),
            remedy="make room there; `etcd-rescue runs report` prints it all the same",
        ) from error
