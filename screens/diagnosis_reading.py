"""The diagnosis in full: sentence, advice, the facts that it rests on, and commands."""

from __future__ import annotations

from recovery.cluster.diagnosis_text import diagnosis_lines
from screens.case import Case
from screens.dialogs.reading import ReadingDialog


def diagnosis_dialog(case: Case, width: int) -> ReadingDialog | None:
    """To be read on a terminal of that width; None while the nodes are still being asked."""
    facts = case.incident.facts
    if facts is None:
        return None
    lines = diagnosis_lines(facts, case.incident.diagnosis, width - 8)
    return ReadingDialog(f"Diagnosis of {case.cluster_name}", "\n".join(lines))
