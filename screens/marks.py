"""States as a shape and a word, risks as badges, and columns: the vocabulary of every screen."""

from __future__ import annotations

import enum
from collections.abc import Sequence

from textual.content import Content

from recovery.backups.model import Integrity
from recovery.cluster.facts import ClusterState
from recovery.health.model import CheckStatus
from recovery.restore.events import Outcome
from recovery.restore.plan import Risk
from screens.wording import folded

ACCENT = "$accent"
MUTED = "$muted"
STRONG = "bold"
HEADING = "bold $heading"


class Mark(enum.Enum):
    """A state: its shape, its word, and the colour that repeats what both say."""

    OK = ("●", "ok", "$success")
    WARNING = ("▲", "warning", "$warning")
    FAILED = ("✖", "failed", "$error")
    RUNNING = ("◐", "running", "$accent")
    WAITING = ("○", "not yet", "$muted")
    SKIPPED = ("–", "skipped", "$muted")

    def __init__(self, shape: str, word: str, colour: str) -> None:
        self.shape = shape
        self.word = word
        self.colour = colour

    def say(self, words: str | None = None, *, strong: bool = False) -> Content:
        """The shape with the given words, or with the state's own word. Words are plain text."""
        text = self.word if words is None else words
        style = f"bold {self.colour}" if strong else self.colour
        return Content.styled(f"{self.shape} {text}".rstrip(), style)

    def beside(self, words: str) -> Content:
        """The coloured shape with words in the ordinary colour."""
        return Content.assemble((self.shape, self.colour), " ", words)


OF_STATUS = {
    CheckStatus.OK: Mark.OK,
    CheckStatus.WARNING: Mark.WARNING,
    CheckStatus.FAILED: Mark.FAILED,
    CheckStatus.SKIPPED: Mark.SKIPPED,
}

OF_OUTCOME = {
    Outcome.DONE: Mark.OK,
    Outcome.ALREADY_DONE: Mark.OK,
    Outcome.FAILED: Mark.FAILED,
    Outcome.SKIPPED: Mark.SKIPPED,
    Outcome.REFUSED: Mark.SKIPPED,
    Outcome.ABORTED: Mark.WARNING,
    Outcome.SHORT: Mark.WARNING,
}

OF_CLUSTER = {
    ClusterState.HEALTHY: Mark.OK,
    ClusterState.DEGRADED: Mark.WARNING,
    ClusterState.API_DOWN: Mark.WARNING,
    ClusterState.DIVERGED: Mark.FAILED,
    ClusterState.STARTABLE: Mark.FAILED,
    ClusterState.QUORUM_LOST: Mark.FAILED,
    ClusterState.UNREACHABLE: Mark.FAILED,
    ClusterState.UNKNOWN: Mark.RUNNING,
}

OF_INTEGRITY = {
    Integrity.VERIFIED: (Mark.OK, "verified"),
    Integrity.NO_HASH: (Mark.WARNING, "no hash"),
    Integrity.UNVERIFIED: (Mark.WAITING, "not verified"),
    Integrity.CORRUPT: (Mark.FAILED, "corrupt"),
}

_BADGES = {
    Risk.READ: "$muted",
    Risk.CHANGE: "bold $warning",
    Risk.DESTROY: "bold $danger-text on $danger",
}


def badge(risk: Risk) -> Content:
    """The risk's word as a badge eight cells wide; only DANGER is inverse."""
    return Content.styled(f" {risk.badge:<6} ", _BADGES[risk])


def cell(content: Content | str, width: int, *, right: bool = False) -> Content:
    """The content in exactly `width` cells."""
    content = Content(content) if isinstance(content, str) else content
    if content.cell_length > width:
        return content.truncate(width, ellipsis=True)
    spaces = width - content.cell_length
    return content.pad_left(spaces) if right else content.pad_right(spaces)


def line(*parts: Content | str | tuple[str, str]) -> Content:
    """Parts one after the other; strings are plain text, pairs are (text, style)."""
    return Content.assemble(*parts)


def spread(left: Content | str, right: Content | str, width: int) -> Content:
    """Left and right at the two ends of a line; the left one yields where room is short."""
    left = Content(left) if isinstance(left, str) else left
    right = Content(right) if isinstance(right, str) else right
    room = width - right.cell_length
    if room < 8:
        return cell(left, width)
    return cell(left, room) + right


def hanging(label: str, text: str, width: int, indent: int) -> list[Content]:
    """A muted label and a text beside it, folded under itself, in lines of `width` cells."""
    rows = folded(text, width - indent - 1)
    first = line(" ", cell(Content.styled(label, MUTED), indent - 1), rows[0])
    return [first, *(line(" " * indent, row) for row in rows[1:])]


def stacked(lines: Sequence[Content]) -> Content:
    """The lines under each other."""
    return Content("\n").join(lines)
