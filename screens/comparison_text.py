"""What lies between two snapshots, in words: what restoring the older one would lose."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from recovery.backups.model import Integrity, Snapshot
from recovery.backups.newest_state import RAISED
from recovery.snapshots.comparison import Change, ChangeCount, Comparison
from recovery.snapshots.model import FetchedSnapshot
from screens.exporting import markdown_table
from screens.marks import Mark
from screens.wording import cut, listing, moment, plural, span, thousands

SIGNS = {Change.ADDED: "+", Change.REMOVED: "-", Change.CHANGED: "~"}
COLOURS = {Change.ADDED: "$success", Change.REMOVED: "$error", Change.CHANGED: "$warning"}

NOT_KUBERNETES = "not Kubernetes'"
"""Stands for the resource of a key that has none."""
NO_NAMESPACE = "in no namespace"
"""Stands for the namespace of what lies in none."""

_CONSEQUENCES = {
    Change.ADDED: ("created since", "lost"),
    Change.CHANGED: ("changed since", "back to what they were"),
    Change.REMOVED: ("deleted since", "there again"),
}
_BRIEF = {
    Change.ADDED: ("created", "lost"),
    Change.CHANGED: ("changed", "as before"),
    Change.REMOVED: ("deleted", "there again"),
}
_RENEWED = ("leases", "events", "masterleases")


def label_of(snapshot: Snapshot, width: int = 30) -> str:
    """A snapshot in few words: when it was taken, whose own data it is, or its name."""
    if snapshot.member is not None:
        return cut(f"{snapshot.member}'s own data", width)
    if snapshot.taken_at is not None:
        return moment(snapshot.taken_at)
    return cut(snapshot.name, width)


def labels_of(older: Snapshot, newer: Snapshot, width: int = 30) -> tuple[str, str]:
    """Both in few words that tell them apart."""
    labels = label_of(older, width), label_of(newer, width)
    return labels if labels[0] != labels[1] else (cut(older.name, width), cut(newer.name, width))


def older_first(one: Snapshot, other: Snapshot) -> tuple[Snapshot, Snapshot]:
    """The two in the order of their times, or of their revisions, as far as these are known."""
    if one.written_at is not None and other.written_at is not None:
        turned = other.written_at < one.written_at
    else:
        known = one.revision is not None and other.revision is not None
        turned = known and (other.revision or 0) < (one.revision or 0)
    return (other, one) if turned else (one, other)


@dataclass(frozen=True, slots=True)
class Figures:
    """A comparison counted, once."""

    totals: dict[Change, int]
    resources: tuple[ChangeCount, ...]
    """With a last one of no name for keys that are not Kubernetes'."""
    namespaces: tuple[ChangeCount, ...]
    """With a last one of no name for what lies in none."""

    @classmethod
    def of(cls, comparison: Comparison) -> Figures:
        """Count; takes a tenth of a second for a hundred thousand keys."""
        totals = {change: comparison.count(change) for change in Change}
        return cls(
            totals,
            _with_rest(comparison.by_resource(), totals),
            _with_rest(comparison.by_namespace(), totals),
        )

    @property
    def total(self) -> int:
        """How many keys differ."""
        return sum(self.totals.values())


@dataclass(frozen=True, slots=True)
class Pair:
    """Two snapshots that were read, and what differs."""

    older: Snapshot
    newer: Snapshot
    before: FetchedSnapshot
    after: FetchedSnapshot
    comparison: Comparison
    figures: Figures

    def headline(self) -> tuple[Mark, str]:
        """What restoring the older one would lose, in a sentence or two."""
        if self.before.sha256 == self.after.sha256:
            return Mark.OK, "Both hold the same, byte for byte: restoring either loses nothing."
        amounts, remark = self._between()
        if not self.figures.total:
            words = f"Both hold the same objects; {listing(amounts)} lie between them."
            return (
                Mark.OK,
                f"{words}{remark}" if amounts else f"Both hold the same objects.{remark}",
            )
        old, new = labels_of(self.older, self.newer)
        words = f"Restoring {old} loses what {new} has beyond it"
        between = f": {', '.join(amounts)}" if amounts else ""
        return Mark.WARNING, f"{words}{between}.{remark}"

    def consequences(self, *, brief: bool = False) -> list[tuple[Change, str, str]]:
        """For each kind of change: how many, and what restoring the older one does to them."""
        totals = self.figures.totals
        words = _BRIEF if brief else _CONSEQUENCES
        return [
            (change, f"{thousands(totals[change])} {done}", end)
            for change, (done, end) in words.items()
        ]

    def renewed(self) -> str:
        """How many of the differences the cluster makes by itself; empty where there are none."""
        number = sum(
            each.added + each.removed + each.changed
            for each in self.figures.resources
            if each.name in _RENEWED
        )
        if not number:
            return ""
        words = "is a lease or an event" if number == 1 else "are leases and events"
        return f"{thousands(number)} of these {words}, which the cluster renews by itself."

    def warnings(self) -> list[str]:
        """What makes the comparison less than certain."""
        return [
            f"{label} is corrupt: what is shown of it may be wrong"
            for label, fetched in zip(
                labels_of(self.older, self.newer), (self.before, self.after), strict=True
            )
            if fetched.verdict.integrity is Integrity.CORRUPT
        ]

    def how(self) -> str:
        """How far one can trust that nothing was missed."""
        if self.comparison.in_full:
            return "Every key was compared with its value."
        return "The newer one goes on from the older one: what is new was read."

    def _between(self) -> tuple[list[str], str]:
        """Time and revisions, as far as they mean something; and why revisions do not."""
        amounts = []
        if self.older.written_at is not None and self.newer.written_at is not None:
            seconds = (self.newer.written_at - self.older.written_at).total_seconds()
            amounts = [span(seconds)] if seconds else []
        first, second = revision_in(self.before), revision_in(self.after)
        if first is None or second is None:
            return amounts, ""
        if second < first:
            figures = f"{thousands(second)} after {thousands(first)}"
            remark = f" Its revision is the lower one ({figures}): a restore lies between."
            return amounts, remark
        if second - first > RAISED:
            return amounts, " A restore between them raised the revisions."
        if second > first:
            amounts.append(plural(second - first, "revision"))
        return amounts, ""


def revision_in(fetched: FetchedSnapshot) -> int | None:
    """A snapshot's revision, as it was read."""
    contents = fetched.verdict.contents
    return contents.revision if contents is not None else fetched.verdict.revision


def _with_rest(
    counts: tuple[ChangeCount, ...], totals: dict[Change, int]
) -> tuple[ChangeCount, ...]:
    rest = ChangeCount(
        "",
        totals[Change.ADDED] - sum(each.added for each in counts),
        totals[Change.REMOVED] - sum(each.removed for each in counts),
        totals[Change.CHANGED] - sum(each.changed for each in counts),
    )
    return (*counts, rest) if rest.added or rest.removed or rest.changed else counts


def comparison_markdown(cluster: str, pair: Pair, at: datetime) -> str:
    """Counts, then every key with its sign; keys are outside text and stay in a code block."""
    _, words = pair.headline()
    text = f"# {cluster}: what changed between two snapshots\n\nAs of {at:%Y-%m-%d %H:%M}Z.\n\n"
    rows = [
        [word, snapshot.name, fetched.location, _shown(revision_in(fetched)), fetched.sha256]
        for word, snapshot, fetched in (
            ("older", pair.older, pair.before),
            ("newer", pair.newer, pair.after),
        )
    ]
    text += markdown_table(["", "Name", "Read from", "Revision", "sha256"], rows)
    text += f"\n**{words}**\n\n"
    if pair.figures.total:
        text += "".join(
            f"- `{SIGNS[change]}` {count}: {end}\n" for change, count, end in pair.consequences()
        )
    text += f"\n{pair.renewed()}\n" if pair.renewed() else ""
    text += "".join(f"\n**{warning}**\n" for warning in pair.warnings())
    text += f"\n{pair.how()}\n"
    for title, counts, rest in (
        ("Resource", pair.figures.resources, NOT_KUBERNETES),
        ("Namespace", pair.figures.namespaces, NO_NAMESPACE),
    ):
        text += f"\n## By {title.lower()}\n\n" + _counts_table(title, counts, rest)
    keys = "\n".join(f"{SIGNS[each.change]} {each.key}" for each in pair.comparison.keys)
    return text + f"\n## Keys\n\n```diff\n{keys}\n```\n" if keys else text


def _counts_table(title: str, counts: Sequence[ChangeCount], rest: str) -> str:
    rows = [
        [each.name or rest, str(each.added), str(each.removed), str(each.changed)]
        for each in counts
    ]
    return markdown_table([title, "+ added", "- removed", "~ changed"], rows)


def _shown(revision: int | None) -> str:
    return "–" if revision is None else str(revision)
