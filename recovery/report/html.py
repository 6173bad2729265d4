"""The report as one HTML file: no scripts, nothing from outside, every text escaped by jinja2."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from recovery.report import shown, wording
from recovery.report.model import Report

if TYPE_CHECKING:
    from jinja2 import Template

LOG_CHARACTERS = 2_000_000
"""Of one node's log inside the file; a browser bears no more of many nodes."""


def report_html(report: Report) -> str:
    """The whole document."""
    return _template().render(
        report=report,
        shown=shown,
        wording=wording,
        summary=shown.summary_parts(report.summary),
        logs=[(log, *_cut(log.text)) for log in report.logs],
    )


def _cut(text: str) -> tuple[str, bool]:
    """A log's end, from the beginning of a line, and whether something is missing."""
    if len(text) <= LOG_CHARACTERS:
        return text, False
    return text[-LOG_CHARACTERS:].partition("\n")[2], True


@cache
def _template() -> Template:
    from jinja2 import Environment, StrictUndefined

    # Without a loader: the one template includes no other, and no name comes from outside.
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["command_spans"] = _command_spans
    text = Path(__file__).with_name("report.html.jinja").read_text(encoding="utf-8")
    return environment.from_string(text)


def _command_spans(words: str) -> list[tuple[bool, str]]:
    """Our sentences in parts; those between backticks are commands."""
    parts = words.split("`")
    if len(parts) % 2 == 0:
        return [(False, words)]
    return [(bool(odd % 2), part) for odd, part in enumerate(parts) if part]
