"""Earlier runs as rows, with the names of their columns."""

from __future__ import annotations

from collections.abc import Callable

from textual.content import Content

from recovery.restore.past_runs import PastRun
from screens.marks import cell, line
from screens.run_standing import OF_STATE
from screens.wording import cut, moment_of

_BEGUN, _OUTCOME, _BY = 18, 22, 17


def run_heads(width: int) -> Content:
    """The names of the columns, where their contents stand."""
    heads = f" {'Begun (UTC)':<{_BEGUN}}{'Outcome':<{_OUTCOME}}{'By':<{_BY}}Snapshot"
    return cell(Content.styled(heads, "$muted"), width)


def run_row(run: PastRun) -> Callable[[int], Content]:
    """The run's row, for any width."""

    def draw(width: int) -> Content:
        mark, word = OF_STATE[run.state]
        if run.cleaned:
            word = f"{word}, cleaned"
        room = max(8, width - _BEGUN - _OUTCOME - _BY - 1)
        return line(
            " ",
            cell(moment_of(run.started_at), _BEGUN),
            cell(mark.say(word), _OUTCOME),
            cell(Content.styled(cut(run.operator, _BY - 1), "$muted"), _BY),
            cut(run.snapshot, room),
        )

    return draw
