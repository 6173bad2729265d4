"""Checks as a matrix of names and nodes, and as Markdown."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from textual.content import Content

from recovery.health.model import CLUSTER_SCOPE, Check, HealthReport
from screens.exporting import markdown_table
from screens.marks import OF_STATUS, Mark, cell, line
from screens.run_view import RunView
from screens.wording import clipped, cut, stopwatch

Draw = Callable[[int], Content]
_NAME = 22


def matrix_heads(nodes: Sequence[str], width: int) -> Content:
    """The nodes' names above their columns."""
    name, column = _widths(nodes, width)
    heads = [cell(Content.styled(cut(node, column - 2), "bold"), column) for node in nodes]
    return line(" ", cell("", name), *heads)


def cells_of(checks: Sequence[Check], nodes: Sequence[str]) -> dict[str, dict[str, Check]]:
    """By check name, then node; checks of other scopes are left out."""
    cells: dict[str, dict[str, Check]] = {}
    for check in checks:
        if check.scope in nodes:
            cells.setdefault(check.name, {})[check.scope] = check
    return cells


def line_of(cells: dict[str, Check], nodes: Sequence[str]) -> Draw:
    """One check on all nodes; what has not answered is *not yet*."""

    def draw(width: int) -> Content:
        name, column = _widths(nodes, width)
        title = next(iter(cells.values())).name
        parts = [cell(_answer(cells.get(node), column - 2), column) for node in nodes]
        return line(" ", cell(cell(title, name - 1), name), *parts)

    return draw


def other_lines(checks: Sequence[Check], nodes: Sequence[str]) -> list[tuple[str, Draw]]:
    """Checks on workers and on the whole cluster, a line each."""
    others = [check for check in checks if check.scope not in nodes]
    others.sort(key=lambda check: check.scope == CLUSTER_SCOPE)
    return [(f"{check.scope}/{check.name}", _other(check)) for check in others]


def health_markdown(
    report: HealthReport, nodes: Sequence[str], verdict: str, run: RunView | None
) -> str:
    """The report to take along."""
    text = f"# Health of {report.cluster}\n\n**{verdict}**, {report.at:%Y-%m-%d %H:%M:%S}Z.\n\n"
    if run is not None:
        source = run.plan.source
        text += (
            f"Restored from `{source.name}` (revision {source.revision}, run `{run.plan.run_id}`)"
        )
        text += f" in {stopwatch(run.total(report.at))}"
        down = run.api_down()
        text += f", API down {stopwatch(down)}.\n\n" if down is not None else ".\n\n"
    rows = []
    for name, cells in cells_of(report.checks, nodes).items():
        rows.append([name, *(_plain(cells.get(node)) for node in nodes)])
    text += markdown_table(["Check", *nodes], rows)
    others = [check for check in report.checks if check.scope not in nodes]
    if others:
        rows = [[check.name, check.scope, _plain(check)] for check in others]
        text += "\n" + markdown_table(["Check", "Where", "Answer"], rows)
    if report.members:
        rows = [
            [
                member.name,
                member.version,
                "yes" if member.leader else "",
                str(member.revision),
                str(member.raft_term),
                "–" if member.hash is None else f"{member.hash:08x}",
            ]
            for member in report.members
        ]
        heads = ["Member", "etcd", "Leader", "Revision", "Term", "HashKV"]
        text += "\n" + markdown_table(heads, rows)
    left = list(dict.fromkeys(check.remedy for check in report.checks if check.remedy))
    if left:
        text += "\n## Left to do\n\n" + "".join(f"- {item}\n" for item in left)
    return text


def _widths(nodes: Sequence[str], width: int) -> tuple[int, int]:
    name = min(_NAME if width < 120 else 34, max(14, width // 3))
    return name, max(8, min(30, (width - name - 1) // max(1, len(nodes))))


def _answer(check: Check | None, width: int) -> Content:
    if check is None:
        return Mark.WAITING.say()
    mark = OF_STATUS[check.status]
    return line((mark.shape, mark.colour), " ", _shortened(check.message or mark.word, width - 2))


def _shortened(words: str, width: int) -> str:
    """A number or a hash differs at its end, words say most at their beginning."""
    number = any(character.isdigit() for character in words.split(" ", maxsplit=1)[0])
    return cut(words, width) if number else clipped(words, width)


def _other(check: Check) -> Draw:
    def draw(width: int) -> Content:
        name = min(_NAME if width < 120 else 34, max(14, width // 3))
        where = "" if check.scope == CLUSTER_SCOPE else f"{check.scope}: "
        return line(
            " ",
            cell(cell(check.name, name - 1), name),
            (where, "$muted"),
            cell(_answer(check, width - name - len(where) - 2), width - name - len(where) - 2),
        )

    return draw


def _plain(check: Check | None) -> str:
    return "–" if check is None else f"{check.status.value}: {check.message}"
