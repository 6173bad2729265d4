"""The lines above and below the lists of a comparison."""

from __future__ import annotations

from collections.abc import Mapping

from textual.content import Content

from recovery.backups.model import Snapshot
from recovery.errors import RescueError
from recovery.snapshots.comparison import Change, KeyChange
from recovery.snapshots.model import FetchedSnapshot
from screens.case import Moving
from screens.comparison_text import COLOURS, SIGNS, Pair, labels_of
from screens.marks import HEADING, Mark, cell, line, spread, stacked
from screens.saying import hint, moving_line, said
from screens.wording import cut, plural, sentence

_TALL = 30
_FATES = {
    Change.ADDED: "created since: restoring {old} loses it",
    Change.REMOVED: "deleted since: restoring {old} brings it back",
    Change.CHANGED: "changed since: restoring {old} takes it back to what it was",
}


def heading(older: Snapshot, newer: Snapshot, state: Content, width: int) -> Content:
    """The two, and how far it is."""
    old, new = labels_of(older, newer, max(16, (width - 34) // 2))
    names = line((old, "bold"), ("  →  ", "$muted"), (new, "bold"))
    return spread(line(" ", ("COMPARISON", HEADING), "  ", names), line(state, " "), width)


def state_of(pair: Pair | None, problem: RescueError | None) -> Content:
    """The mark of the heading."""
    if problem is not None:
        return Mark.FAILED.say("not compared")
    if pair is None:
        return Mark.RUNNING.say("comparing")
    total = pair.figures.total
    differs = "differs" if total == 1 else "differ"
    return Mark.OK.say(f"{plural(total, 'key')} {differs}" if total else "no key differs")


def same_words(width: int) -> Content:
    """A snapshot was to be compared with itself."""
    return said(Mark.OK, "This is one snapshot: there is nothing to compare.", width)


def problem_words(problem: RescueError, width: int) -> Content:
    """Why there is no comparison."""
    words = f"{sentence(problem.what)} a tries again, esc goes back."
    return said(Mark.FAILED, words, width)


def progress_words(
    older: Snapshot,
    newer: Snapshot,
    known: Mapping[str, FetchedSnapshot],
    moving: Mapping[str, Moving],
    comparing: Moving | None,
    width: int,
) -> Content:
    """Both on their way here, then one beside the other."""
    lines = []
    for snapshot, label in zip((older, newer), labels_of(older, newer), strict=True):
        if snapshot.name in known:
            lines.append(moving_line(label, None, width, Mark.OK, "read"))
        else:
            lines.append(moving_line(label, moving.get(snapshot.name), width))
    lines.append(moving_line("what differs", comparing, width))
    return stacked([*lines, Content(""), hint("esc stops and goes back.")])


def answer_words(pair: Pair, width: int, height: int) -> Content:
    """What restoring the older one would lose, and how that is known."""
    mark, words = pair.headline()
    lines = [said(mark, words, width)]
    if pair.figures.total:
        lines += _consequences(pair, width, height)
        lines += [hint(pair.renewed())] if pair.renewed() else []
    lines += [said(Mark.WARNING, sentence(text), width) for text in pair.warnings()]
    if height >= _TALL or not pair.figures.total:
        lines.append(hint(pair.how()))
    return stacked(lines)


def fate_of(key: KeyChange, pair: Pair, width: int) -> Content:
    """The whole key, and what restoring the older snapshot does to it."""
    old, _ = labels_of(pair.older, pair.newer)
    fate = sentence(_FATES[key.change].format(old=old))
    return stacked([line(" ", cut(key.key, width - 2)), cell(line(" ", (fate, "$muted")), width)])


def _consequences(pair: Pair, width: int, height: int) -> list[Content]:
    if height < _TALL:
        joined = line("   ", Content("   ").join(_parts(pair, brief=True)))
        if joined.cell_length <= width:
            return [joined]
    return [line("   ", part) for part in _parts(pair, brief=False)]


def _parts(pair: Pair, *, brief: bool) -> list[Content]:
    return [
        line((f"{SIGNS[change]} {count}", COLOURS[change]), f": {end}")
        for change, count, end in pair.consequences(brief=brief)
    ]
