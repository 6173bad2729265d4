"""The path from launch to Recovered, by keyboard alone."""

from __future__ import annotations

from pathlib import Path

from screens.case import Case
from screens.health import HealthScreen
from screens.snapshots import SnapshotsScreen
from tests.screens.canned import CannedIncident
from tests.screens.canned_cluster import canned_clock
from tests.screens.looking import settled, shows
from tui.app import RescueApp


async def test_a_person_who_follows_the_highlighted_choice_gets_to_recovered(
    tmp_path: Path,
) -> None:
    incident = CannedIncident()
    case = Case(incident, clock=canned_clock, exports=tmp_path, tick=0.1, health_pause=0.01)
    app = RescueApp([incident], cases=[case])
    async with app.run_test(size=(80, 24)) as pilot:
        screen = app.screen
        assert isinstance(screen, SnapshotsScreen)
        await settled(pilot, lambda: case.newest_verified(incident.catalog) is not None)
        await pilot.press("enter")
        await shows(pilot, "RESOURCES")
        await pilot.press("enter")
        await shows(pilot, "press w to acknowledge")
        await pilot.press("w", "enter")
        await shows(pilot, "nothing changed yet")
        await pilot.press("enter")
        await shows(pilot, "Write to the nodes")
        await pilot.press("y")
        await shows(pilot, "Type the cluster's name")
        await pilot.press("p", "r", "o", "d", "minus", "a", "enter")
        await shows(pilot, "Restart kubelet")
        await pilot.press("y")
        await shows(pilot, "RECOVERED 3/3")
        assert isinstance(app.screen, HealthScreen)
        assert case.recovered
