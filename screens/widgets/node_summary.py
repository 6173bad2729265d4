"""The control-plane nodes in a line or two, as they answer."""

from __future__ import annotations

from textual.content import Content
from textual.widget import Widget

from screens.case import Case
from screens.marks import Mark, cell, line, stacked
from screens.wording import clipped, cut, plural

MOST_LINES = 4
"""The snapshots need the rest of a small screen."""


class NodeSummary(Widget):
    """Each node's mark and words. As many lines as it needs."""

    def __init__(self, case: Case) -> None:
        super().__init__()
        self.case = case

    def render(self) -> Content:
        """All nodes, broken between nodes where a line is full; where that takes too many lines,
        shortened to two a line, and of very many those that are not well first."""
        names = self.case.node_names
        parts = [node_words(self.case, name) for name in names]
        rows = self._broken(parts)
        if len(rows) > MOST_LINES or any(part.cell_length >= self.size.width for part in parts):
            room = MOST_LINES * 2
            if len(names) > room:
                names = tuple(sorted(names, key=lambda name: self._mark(name) is Mark.OK))
            half = max(20, (self.size.width - 5) // 2)
            shown = [cell(node_words(self.case, name, half), half) for name in names[:room]]
            if len(names) > room:
                more = plural(len(names) - room + 1, "more node")
                shown[-1] = cell(Content.styled(f"and {more}", "$muted"), half)
            rows = [shown[start : start + 2] for start in range(0, len(shown), 2)]
        return stacked([line(" ", Content("   ").join(row)) for row in rows])

    def _broken(self, parts: list[Content]) -> list[list[Content]]:
        rows: list[list[Content]] = [[]]
        used = 0
        for part in parts:
            if rows[-1] and used + part.cell_length > self.size.width - 1:
                rows.append([])
                used = 0
            rows[-1].append(part)
            used += part.cell_length + 3
        return rows

    def _mark(self, name: str) -> Mark:
        return self.case.node_mark(name) if name in self.case.node_words else Mark.RUNNING


def node_words(case: Case, name: str, width: int | None = None) -> Content:
    """`etcd-1 ● etcd running`, as far as the node has answered; in `width` cells where given."""
    words = case.node_words.get(name)
    mark = case.node_mark(name) if words is not None else Mark.RUNNING
    if words is None and case.incident.facts is None:
        words = "asking"
    words = words or mark.word
    if width is not None:
        name = cut(name, max(9, width // 2))
        words = clipped(words, max(4, width - len(name) - 3))
    return line((name, "bold"), " ", (mark.shape, mark.colour), f" {words}")


def copies_digits(case: Case, places: dict[str, bool], s3: bool, *, has_s3: bool) -> Content:
    """`1 2 · S3`: the numbers of the nodes that have a copy, and S3."""
    parts: list[tuple[str, str]] = []
    for number, name in enumerate(case.node_names, 1):
        held = places.get(name, False)
        parts.append((f"{number} " if held else "· ", "" if held else "$faint-text"))
    if has_s3:
        parts.append(("S3", "") if s3 else ("· ", "$faint-text"))
    return Content.assemble(*parts)
