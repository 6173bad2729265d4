"""The control-plane nodes in a line or two, as they answer."""

from __future__ import annotations

from textual.content import Content
from textual.widget import Widget

from screens.case import Case
from screens.marks import Mark, line, stacked


class NodeSummary(Widget):
    """Each node's mark and words. As many lines as it needs."""

    def __init__(self, case: Case) -> None:
        super().__init__()
        self.case = case

    def render(self) -> Content:
        """All nodes, broken between nodes where a line is full."""
        rows: list[list[Content]] = [[]]
        used = 0
        for part in self._parts():
            if rows[-1] and used + part.cell_length > self.size.width - 1:
                rows.append([])
                used = 0
            rows[-1].append(part)
            used += part.cell_length + 3
        return stacked([line(" ", Content("   ").join(row)) for row in rows])

    def _parts(self) -> list[Content]:
        return [node_words(self.case, name) for name in self.case.node_names]


def node_words(case: Case, name: str) -> Content:
    """`etcd-1 ● etcd running`, as far as the node has answered."""
    words = case.node_words.get(name)
    mark = case.node_mark(name) if words is not None else Mark.RUNNING
    if words is None and case.incident.facts is None:
        words = "asking"
    return line((name, "bold"), " ", (mark.shape, mark.colour), f" {words or mark.word}")


def copies_digits(case: Case, places: dict[str, bool], s3: bool, *, has_s3: bool) -> Content:
    """`1 2 · S3`: the numbers of the nodes that have a copy, and S3."""
    parts: list[tuple[str, str]] = []
    for number, name in enumerate(case.node_names, 1):
        held = places.get(name, False)
        parts.append((f"{number} " if held else "· ", "" if held else "$faint-text"))
    if has_s3:
        parts.append(("S3", "") if s3 else ("· ", "$faint-text"))
    return Content.assemble(*parts)
