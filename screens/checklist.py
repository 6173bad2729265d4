"""Checks as lines: those that agree on all nodes share one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from textual.content import Content

from recovery.health.model import CLUSTER_SCOPE, Check, CheckStatus
from screens.marks import OF_STATUS, Mark, cell, line, stacked
from screens.wording import plural, sentence

_WORST_FIRST = [CheckStatus.FAILED, CheckStatus.WARNING, CheckStatus.SKIPPED, CheckStatus.OK]

_NAME = 22
"""Letters: no check's name has more."""
_ALL = 10_000
"""Lines: more than any check has."""


@dataclass(frozen=True, slots=True)
class CheckGroup:
    """Checks of one name and one status."""

    name: str
    status: CheckStatus
    checks: tuple[Check, ...]

    @property
    def key(self) -> str:
        """Tells it from other lines."""
        return f"{self.name}/{self.status.value}"

    @property
    def scopes(self) -> tuple[str, ...]:
        """The nodes it speaks of, or the cluster."""
        return tuple(check.scope for check in self.checks)

    @property
    def message(self) -> str:
        """What was seen; named by node where nodes differ."""
        messages = {check.message for check in self.checks}
        if len(messages) == 1:
            return self.checks[0].message
        return "; ".join(f"{check.scope} {check.message}" for check in self.checks)


def grouped(
    checks: Sequence[Check], nodes: Sequence[str], *, worst_first: bool
) -> list[CheckGroup]:
    """Lines in the order in which checks came, or the worst first."""
    groups: dict[tuple[str, CheckStatus], list[Check]] = {}
    for check in checks:
        groups.setdefault((check.name, check.status), []).append(check)
    rank = {name: index for index, name in enumerate(nodes)}
    lines = [
        CheckGroup(
            name,
            status,
            tuple(sorted(members, key=lambda item: rank.get(item.scope, len(rank)))),
        )
        for (name, status), members in groups.items()
    ]
    if worst_first:
        lines.sort(key=lambda group: _WORST_FIRST.index(group.status))
    return lines


def worst_of(checks: Sequence[Check]) -> CheckGroup:
    """Of checks of one name, those that are worst."""
    worst = max(checks, key=lambda check: list(OF_STATUS).index(check.status))
    same = tuple(check for check in checks if check.status is worst.status)
    return CheckGroup(worst.name, worst.status, same)


def draw_group(group: CheckGroup, nodes: Sequence[str]) -> Callable[[int], Content]:
    """The line, for any width."""

    def draw(width: int) -> Content:
        mark = OF_STATUS[group.status]
        # What passed is calm, so that the eye falls on what did not.
        colour = "$muted" if group.status is CheckStatus.OK else ""
        where_width = 14 if width < 100 else 26
        return line(
            " ",
            cell(mark.say(), 11),
            cell(Content.styled(group.name, colour), _NAME),
            " ",
            cell(Content.styled(_where(group, nodes), "$muted"), where_width),
            " ",
            cell(
                Content.styled(group.message, colour),
                max(8, width - _NAME - where_width - 14),
            ),
        )

    return draw


def explain(group: CheckGroup) -> Content:
    """What was seen where, what it means, and the remedy."""
    first = group.checks[0]
    mark = OF_STATUS[group.status]
    lines = [
        line(" ", (mark.shape, mark.colour), " ", (group.name, "bold"), f": {group.message}"),
    ]
    meanings = list(dict.fromkeys(check.meaning for check in group.checks if check.meaning))
    lines += [line("   ", sentence(meaning)) for meaning in meanings]
    remedies = list(dict.fromkeys(check.remedy for check in group.checks if check.remedy))
    lines += [line("   ", ("Remedy: ", "$accent"), sentence(remedy)) for remedy in remedies]
    if not meanings and not remedies and first.scope == CLUSTER_SCOPE:
        lines.append(line("   ", ("It speaks of the whole cluster.", "$muted")))
    return stacked(lines)


def explain_within(group: CheckGroup, width: int, height: int) -> Content:
    """The same in so many cells and lines, wrapped under its indent; it says where it is cut."""
    lines: list[Content] = []
    for number, one in enumerate(explain(group).split("\n")):
        indent = 1 if number == 0 else 3
        text = one[indent:] if one.plain[:indent].isspace() else one
        first, *others = text.wrap(max(20, width - 4)) or [text]
        lines += [Content(" " * indent) + first, *(Content("   ") + other for other in others)]
    if len(lines) > height:
        more = line("   ", ("… i: read it in full", "$accent"))
        lines = [*lines[: max(1, height - 1)], more]
    return stacked(lines)


def in_full(group: CheckGroup, width: int) -> str:
    """All of it, folded for a box on a screen of so many cells."""
    return explain_within(group, min(100, width - 8), _ALL).plain


def counts_in_words(checks: Sequence[Check], *, complete: bool) -> Content:
    """`● 15 ok  ▲ 2 warnings  ✖ 1 failed`."""
    parts = [] if complete else [Mark.RUNNING.say("checking")]
    for status in reversed(_WORST_FIRST):
        number = sum(1 for check in checks if check.status is status)
        if number:
            word = status.value
            if status is CheckStatus.WARNING:
                word = plural(number, "warning").split("\u00a0")[1]
            parts.append(OF_STATUS[status].say(f"{number} {word}"))
    return Content("   ").join(parts)


def _where(group: CheckGroup, nodes: Sequence[str]) -> str:
    scopes = group.scopes
    if scopes == (CLUSTER_SCOPE,):
        return "cluster"
    if len(scopes) > 1 and set(scopes) >= set(nodes):
        return f"all {len(scopes)} nodes"
    return ", ".join(scopes)
