"""What home reads on its own: the newest few backups, members' own data, and what differs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from recovery.backups.best_first import best_first
from recovery.backups.model import Integrity, Snapshot
from recovery.backups.same_backup import by_backup
from recovery.errors import RescueError
from screens.case import Case

NEWEST_FEW = 3
"""How many of the newest usable backups are read without being asked for."""

MOVED_UNASKED = 64 << 20
"""Bytes in all that may be brought here for a comparison that nobody asked for."""


@dataclass
class BackgroundReading:
    """A queue of snapshots to be read, one after another. `changed` is called as things happen."""

    case: Case
    changed: Callable[[], None]
    wanted: list[str] = field(default_factory=list)

    def want_the_newest(self) -> None:
        """The newest usable backups, and what stopped members hold."""
        snapshots = self._snapshots()
        backups = by_backup(one for one in best_first(snapshots) if one.usable)
        if not backups:
            # Names may carry other addresses than the nodes have: what is in them tells.
            doubted = (one for one in snapshots if one.member is None and one.usable)
            backups = by_backup(doubted)
        newest = [files[0] for files in backups[:NEWEST_FEW]]
        # Only what is in one that is dated in the future tells whether it is the newest.
        newest += [one for one in snapshots if one.ahead and one.strange is None][:1]
        own = [one for one in snapshots if one.usable and one.member is not None]
        still = [one for one in own if not one.copies[0].in_use]
        self.wanted += [one.name for one in (*newest, *still) if one.name not in self.wanted]

    def want(self, name: str) -> bool:
        """Read this one next; whether the queue has to be started."""
        idle = not self.wanted
        self.wanted = [*self.wanted[:1], name, *self.wanted[1:]]
        return idle

    def drop(self) -> None:
        """Want nothing any more."""
        self.wanted = []

    async def run(self) -> None:
        """Read what is wanted, first come first served; then compare what is lost at least."""
        while self.wanted:
            snapshot = self._find(self.wanted[0])
            try:
                if snapshot is not None and self._unread(snapshot):
                    await self._read(snapshot)
            finally:
                self.wanted = self.wanted[1:]
            self.changed()
        await self._compare_best()

    def _unread(self, snapshot: Snapshot) -> bool:
        return (
            snapshot.name not in self.case.judged
            and snapshot.name not in self.case.failures
            and self.case.integrity(snapshot) is not Integrity.CORRUPT
        )

    async def _read(self, snapshot: Snapshot) -> None:
        try:
            await self.case.judge(snapshot)
        except RescueError:
            # The row says so, and opening the snapshot shows the error in full.
            self.changed()

    async def _compare_best(self) -> None:
        """What restoring the newest good backup loses, where telling that moves little."""
        newest, best = self.case.newest, self.case.newest_verified(self.case.incident.catalog)
        if newest is None or newest.snapshot is None or best is None:
            return
        alive = self.case.incident.diagnosis.state.has_quorum
        pair = (best.name, newest.snapshot.name)
        moved = best.size + newest.snapshot.size
        if alive or pair[0] == pair[1] or pair in self.case.comparisons or moved > MOVED_UNASKED:
            return
        try:
            old = await self.case.verified(best)
            new = await self.case.verified(newest.snapshot)
            self.case.comparisons[pair] = await self.case.incident.compare(old, new)
        except RescueError as error:
            # Nobody asked for it; the comparison's own screen tells the reason.
            self.case.failures.setdefault(newest.snapshot.name, error)
        self.changed()

    def _find(self, name: str) -> Snapshot | None:
        return next((one for one in self._snapshots() if one.name == name), None)

    def _snapshots(self) -> tuple[Snapshot, ...]:
        catalog = self.case.incident.catalog
        return catalog.snapshots if catalog is not None else ()
