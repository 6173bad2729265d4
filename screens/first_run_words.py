"""What the first run says: of each node, and of what stands in the way."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from textual.content import Content

from recovery.errors import NotRootError, RescueError, UnknownHostKeyError
from recovery.inventory.discovery import FoundNode, Reach
from screens.first_search import FirstSearch
from screens.marks import Mark, cell, hanging, line, stacked
from screens.wording import clipped, cut, plural, sentence

_MARKS = {Reach.ASKING: Mark.RUNNING, Reach.REACHED: Mark.OK, Reach.FAILED: Mark.FAILED}

INTRODUCTION = (
    "There is no inventory yet: nothing says which cluster this is about, and how to reach "
    "it. Name one control-plane node, as you would to ssh. The others are found from "
    "there, and each is tried. Nothing is changed on any node."
)


OTHER_WAYS = (
    ("Else", "etcd-rescue --inventory FILE opens an inventory that you have,"),
    ("", "etcd-rescue demo a broken cluster made on this machine, to try it all."),
)


def state_of(known: FirstSearch) -> Content:
    """How far the search has come, for the top line."""
    if known.found is not None:
        failed = any(known.failed)
        mark, words = (Mark.WARNING, "FOUND IN PART") if failed else (Mark.OK, "FOUND")
        return mark.say(words, strong=True)
    if known.failure is not None:
        return Mark.FAILED.say("NOT YET", strong=True)
    if known.first is not None:
        return Mark.RUNNING.say("LOOKING", strong=True)
    return Mark.WAITING.say("FIRST RUN", strong=True)


def heading_of(known: FirstSearch) -> Content:
    """The cluster's name, and how many of its nodes answered."""
    if known.found is None:
        return Content("")
    name = (
        line((known.called, "bold"))
        if known.called
        else Content.styled("no name yet: n gives it one", "$warning")
    )
    answered = f"   {known.reached} of {plural(len(known.met), 'node')} answered"
    return line(" ", name, answered)


def remarks_of(known: FirstSearch, place: Path, width: int) -> Content:
    """What is to be known of what was found, and the way on; before it, the other ways."""
    if known.first is None:
        lines = [part for head, text in OTHER_WAYS for part in hanging(head, text, width, 7)]
        return stacked(lines)
    if known.found is None:
        return Content("")
    lines = [line(" ", Mark.WARNING.beside(remark)) for remark in known.found.remarks[:3]]
    if len(known.found.remarks) > 3:
        lines.append(line("   ", ("v shows all remarks", "$muted")))
    lines += hanging("Enter", f"writes it to {place}", width, 7)
    return stacked(lines)


def row_of(found: FoundNode, longest: int) -> Callable[[int], Content]:
    """A node in one line; `longest` is the length of the longest name."""

    def draw(width: int) -> Content:
        node = found.node
        mark = _MARKS[found.reach]
        name_width = min(40, longest, max(12, width // 4)) + 1
        host_width = min(30, max(15, width // 5))
        words = found.error.what if found.error is not None else _words(found)
        room = max(8, width - name_width - host_width - 19)
        return line(
            " ",
            (mark.shape, mark.colour),
            " ",
            cell(Content.styled(cut(node.name, name_width), "bold"), name_width),
            " ",
            cell(cut(node.host, host_width), host_width),
            " ",
            cell(Content.styled(node.role.value, "$muted"), 14),
            clipped(words, room),
        )

    return draw


def trouble(error: RescueError, width: int) -> Content:
    """What stands in the way, and the way on: here where that can be."""
    rows = hanging("What", sentence(error.what), width, 7)
    rows += hanging("Next", sentence(_next(error)), width, 7)
    return stacked(rows)


def _next(error: RescueError) -> str:
    if isinstance(error, UnknownHostKeyError):
        return "press t: it shows how to compare the fingerprint, and accepts the key after a yes"
    if isinstance(error, NotRootError) and error.sudo_works:
        return "press s to try again with sudo, which works there without a password"
    return error.remedy or "correct the address, and press enter"


def _words(found: FoundNode) -> str:
    return "asking …" if found.reach is Reach.ASKING else "answers"
