"""What is said of a cluster that is proven healthy: what holds, and what is left to do."""

from __future__ import annotations

from textual.content import Content

from recovery.health.leftovers import Leftovers
from recovery.health.model import HealthReport
from recovery.health.proof import proven
from screens.leftovers_text import leftovers_line
from screens.marks import hanging, stacked
from screens.run_view import RunView
from screens.wording import sentence

_MOST = 3
"""Lines of each kind: the report has them all."""


def proof_text(
    report: HealthReport,
    leftovers: Leftovers | None,
    run: RunView | None,
    width: int,
    *,
    cleaned: bool,
) -> Content:
    """For so many columns. `run`: the one after which it is; `cleaned`: its old data is deleted."""
    left = list(dict.fromkeys(check.remedy for check in report.checks if check.remedy))
    if leftovers is not None and (told := leftovers_line(leftovers)):
        left.insert(0, told)
    if run is not None and not cleaned:
        left.append("once nobody needs the old data: clean up, from the runs: u")
    parts = [("Proven", list(proven(report))), ("Left to do", [sentence(text) for text in left])]
    if run is not None:
        aside = f"on every node, in .etcd-rescue-{run.plan.run_id}/aside"
        parts.append(("Old data", ["deleted: the run was cleaned up" if cleaned else aside]))
        parts.append(("Report", [f"{run.log}/report.html"]))
    lines = []
    for title, texts in parts:
        for head, text in zip([title, *[""] * len(texts)], texts[:_MOST], strict=False):
            lines += hanging(head, text, width - 1, 13)
    return stacked(lines)
