"""In which order backups come into question for a restore, whatever their names say. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from recovery.backups.model import Integrity, Snapshot


def best_first(backups: Iterable[Snapshot]) -> tuple[Snapshot, ...]:
    """The backups that nothing says to be another cluster's, the newest first.

    The order given is that of their times. One whose time has not come yet stands in front only
    where its revision is known, and is beyond those of all others that are known; otherwise behind
    all others.
    """
    own = [each for each in backups if each.member is None and each.strange is None]
    dated = [each for each in own if not each.ahead]
    ahead = [each for each in own if each.ahead]
    if not dated:
        return tuple(sorted(ahead, key=lambda each: -(each.revision or 0)))
    reached = _reached(dated)
    beyond = [each for each in ahead if reached and (each.revision or 0) > reached]
    beyond.sort(key=lambda each: -(each.revision or 0))
    return (*beyond, *dated, *(each for each in ahead if each not in beyond))


def _reached(dated: Sequence[Snapshot]) -> int:
    """The highest revision of those that are known to be sound; 0 where none is."""
    sound = (one for one in dated if one.integrity in (Integrity.VERIFIED, Integrity.NO_HASH))
    return max((each.revision or 0 for each in sound), default=0)
