"""What can be done with a snapshot, wherever one is chosen."""

from __future__ import annotations

from textual import work
from textual.binding import Binding

from recovery.backups.model import Snapshot
from screens.comparing import choose_other
from screens.incident_screen import IncidentScreen
from screens.keys import KeysOf

ON_A_USABLE_ONE = ("restore", "compare", "rehearse")
"""Actions that need a snapshot that nothing speaks against."""


def snapshot_keys(key: KeysOf) -> list[Binding]:
    """The keys for comparing and rehearsing, made by the screen's own."""
    return [
        key("d", "compare", "compare", "See what restoring it loses"),
        key("t", "rehearse", "rehearse", "Try the restore on this machine, with real etcd"),
    ]


class SnapshotActions(IncidentScreen):
    """A screen on which a snapshot is chosen."""

    @property
    def chosen(self) -> Snapshot | None:
        """The snapshot that the keys are about."""
        raise NotImplementedError

    @property
    def subject(self) -> Snapshot | None:
        """The chosen one."""
        return self.chosen

    def action_restore(self) -> None:
        """On to the preflight: whether it can be restored."""
        from screens.preflight import PreflightScreen

        if self.chosen is not None:
            self.app.push_screen(PreflightScreen(self.case, self.chosen))

    @work(group="choose", exclusive=True, exit_on_error=False)
    async def action_compare(self) -> None:
        """Choose another snapshot, and see what restoring the older one would lose."""
        from screens.comparison import ComparisonScreen

        one = self.chosen
        if one is None:
            return
        other = await choose_other(self, one)
        if other is not None:
            self.app.push_screen(ComparisonScreen(self.case, one, other))

    def action_rehearse(self) -> None:
        """Try the restore on this machine."""
        from screens.trial import TrialScreen

        if self.chosen is not None:
            self.app.push_screen(TrialScreen(self.case, self.chosen))
