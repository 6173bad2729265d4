"""Whether the members that serve hold the same data, from what each said. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from recovery.cluster.etcd_answers import ListedMember


@dataclass(frozen=True, slots=True)
class Reading:
    """One member, after a read that a majority agreed to."""

    before: int
    """Its revision before any of these reads."""
    after: int
    hash: int | None = None
    """HashKV at the agreement's revision; None where it gave none."""
    compact_revision: int = 0


@dataclass(frozen=True, slots=True)
class Agreement:
    """What the members that serve say when they are compared."""

    revision: int
    """The revision that the hashes are of."""
    readings: Mapping[str, Reading]
    listed: tuple[ListedMember, ...] = ()
    """The member list, as one that serves has it."""

    @property
    def groups(self) -> tuple[tuple[str, ...], ...]:
        """The members that agree with each other, the largest group first."""
        groups: list[list[str]] = []
        for name, reading in self.readings.items():
            fitting = (g for g in groups if not any(_apart(reading, self.readings[m]) for m in g))
            group = next(fitting, None)
            if group is None:
                groups.append([name])
            else:
                group.append(name)
        return tuple(tuple(group) for group in sorted(groups, key=len, reverse=True))


def _apart(one: Reading, other: Reading) -> bool:
    if one.after < other.before or other.after < one.before:
        return True
    comparable = None not in (one.hash, other.hash) and (
        one.compact_revision == other.compact_revision
    )
    return comparable and one.hash != other.hash
