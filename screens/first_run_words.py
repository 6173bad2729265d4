"""What the first run says: of each node, and of what stands in the way."""

from __future__ import annotations

from collections.abc import Callable

from textual.content import Content

from recovery.errors import NotRootError, RescueError, UnknownHostKeyError
from recovery.inventory.discovery import FoundNode, Reach
from screens.marks import Mark, cell, hanging, line, stacked
from screens.wording import cut, sentence

_MARKS = {Reach.ASKING: Mark.RUNNING, Reach.REACHED: Mark.OK, Reach.FAILED: Mark.FAILED}

INTRODUCTION = (
    "There is no inventory yet: nothing says which cluster this is about, and how to reach "
    "it. Name one control-plane node, as you would to ssh. The others are found from "
    "there, and each is tried. Nothing is changed on any node."
)


def row_of(found: FoundNode) -> Callable[[int], Content]:
    """A node in one line."""

    def draw(width: int) -> Content:
        node = found.node
        mark = _MARKS[found.reach]
        name_width = min(28, max(12, width // 4))
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
            cell(words, room),
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
