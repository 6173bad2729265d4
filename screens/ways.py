"""The ways from the screen at hand to every other one, for the command palette.

Plan and restore are not among them: the way to a plan leads through the preflight.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from textual.screen import Screen

from recovery.backups.model import Snapshot
from screens.case import Case
from screens.snapshot_facts import title_of
from screens.wording import moment

if TYPE_CHECKING:
    from screens.incident_screen import IncidentScreen


@dataclass(frozen=True, slots=True)
class Way:
    """Where it leads, what is there, and how it is gone."""

    title: str
    about: str
    go: Callable[[], None]


def ways_from(screen: IncidentScreen) -> list[Way]:
    """All of them; none while something is under way that must not be left alone."""
    if screen.staying:
        return []
    ways = _of_cluster(screen, screen.case)
    if any(_is_clusters(each) for each in screen.app.screen_stack):
        ways.append(Way("Go to Clusters", "all of the inventory", lambda: _back(screen)))
    if screen.subject is not None:
        ways += _of_snapshot(screen, screen.case, screen.subject)
    return ways


def _of_cluster(screen: IncidentScreen, case: Case) -> list[Way]:
    from screens.backup import BackupScreen
    from screens.health import HealthScreen
    from screens.runs import RunsScreen
    from screens.snapshots import SnapshotsScreen

    kinds: list[tuple[type[IncidentScreen], str]] = [
        (SnapshotsScreen, "home: all that can be restored"),
        (HealthScreen, "the checks of nodes, members and API"),
        (BackupScreen, "their configuration, records and S3"),
        (RunsScreen, "resume, roll back, report, clean up"),
    ]
    return [
        Way(f"Go to {kind.title_words}", about, _go(screen, kind, partial(kind, case)))
        for kind, about in kinds
        if not isinstance(screen, kind)
    ]


def _of_snapshot(screen: IncidentScreen, case: Case, snapshot: Snapshot) -> list[Way]:
    from screens.preflight import PreflightScreen
    from screens.snapshot import SnapshotScreen
    from screens.snapshot_keys import SnapshotKeysScreen
    from screens.trial import TrialScreen

    kinds: list[type[SnapshotScreen | SnapshotKeysScreen | PreflightScreen | TrialScreen]]
    kinds = [SnapshotScreen]
    if snapshot.usable:
        kinds += [SnapshotKeysScreen, PreflightScreen, TrialScreen]
    label = moment(snapshot.taken_at) if snapshot.taken_at else title_of(snapshot)
    return [
        Way(
            f"Go to {kind.title_words}",
            f"of {label}",
            _go(
                screen,
                kind,
                partial(kind, case, snapshot),
                lambda there: there.subject == snapshot,
            ),
        )
        for kind in kinds
        if not isinstance(screen, kind)
    ]


def _go(
    screen: IncidentScreen,
    kind: type[IncidentScreen],
    make: Callable[[], IncidentScreen],
    fits: Callable[[IncidentScreen], bool] = lambda _there: True,
) -> Callable[[], None]:
    """Back to it where it is open already, so that nothing piles up; else it opens on top."""

    def go() -> None:
        stack = screen.app.screen_stack
        here = [each for each in stack if isinstance(each, kind) and fits(each)]
        if not here:
            screen.app.push_screen(make())
            return
        while screen.app.screen is not here[-1]:
            screen.app.pop_screen()

    return go


def _is_clusters(screen: Screen[Any]) -> bool:
    from screens.clusters import ClustersScreen

    return isinstance(screen, ClustersScreen)


def _back(screen: IncidentScreen) -> None:
    while not _is_clusters(screen.app.screen):
        screen.app.pop_screen()
