"""A hundred nodes, hundreds of snapshots, a hundred clusters, long names: readable and quick."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from statistics import median
from typing import Any

import pytest
from textual import events
from textual.pilot import Pilot

from recovery.cluster.facts import ClusterFacts
from recovery.errors import NodeUnreachableError
from recovery.health.model import Check, CheckStatus
from recovery.inventory.model import Node, Role
from screens.case import Case
from screens.clusters import ClustersScreen
from screens.snapshots import SnapshotsScreen
from screens.widgets.row_list import RowList
from tests.screens.canned import Answers, CannedIncident
from tests.screens.canned_cluster import NOW, canned_clock, canned_snapshots
from tests.screens.looking import shows, text_on_screen
from tests.screens.opening import at_home, canned_app, to_preflight
from tui.app import RescueApp

LONG = "control-plane-{}.zone-b.rack-{}.datacentre-frankfurt-2.infrastructure.example.com"
SECONDS = 0.05
"""Of the program's own time for a key: what other processes take does not count."""


class LargeIncident(CannedIncident):
    """Seven control-plane nodes with long names, and ninety-three workers."""

    def __init__(self, answers: Answers) -> None:
        super().__init__(answers)
        names = [LONG.format(n, n) for n in range(1, 8)]
        nodes = tuple(Node(name, f"10.0.0.{n}") for n, name in enumerate(names, 1))
        workers = tuple(Node(f"worker-{n:03}", f"10.0.1.{n}", Role.WORKER) for n in range(93))
        self.cluster = replace(self.cluster, control_plane=nodes, workers=workers)

    async def look(
        self, on_node: Callable[[str, str], None] | None = None, *, hasty: bool = False
    ) -> ClusterFacts:
        """None of them answers."""
        for node in self.cluster.control_plane:
            if on_node:
                on_node(node.name, "unreachable: 10.0.0.1:22 does not answer within 10 s")
        silent = {n.name: "unreachable" for n in self.cluster.control_plane}
        errors = {name: NodeUnreachableError("silent", where=name) for name in silent}
        self.facts = ClusterFacts(self.cluster, NOW, {}, dict(errors), {}, silent)
        return self.facts


def many_snapshots(count: int) -> Answers:
    """One every six hours, each with copies in three places."""
    model = canned_snapshots()[1]
    assert model.taken_at is not None
    snapshots = []
    for number in range(count):
        taken = model.taken_at - timedelta(hours=6 * number)
        name = f"snapshot-etcd-{taken:%Y-%m-%d-%H%M%S}-{LONG.format(1, number)}.tar"
        snapshots.append(replace(model, name=name, taken_at=taken))
    return Answers(snapshots=tuple(snapshots))


def large_app(count: int = 400) -> RescueApp:
    """The app on it."""
    answers = many_snapshots(count)
    names = [LONG.format(n, n) for n in range(1, 8)]
    checks = [
        Check(name, node, CheckStatus.OK if number % 3 else CheckStatus.WARNING, f"{number} ms")
        for name in ("login", "disk space", "restore program", "etcd.yaml", "clock")
        for number, node in enumerate(names)
    ]
    answers = replace(answers, checks=tuple(checks))
    case = Case(
        LargeIncident(answers),
        clock=canned_clock,
        seconds=lambda: 0.0,
        exports=Path("nowhere"),
        tick=0.1,
    )
    return RescueApp([case.incident], cases=[case])


async def seconds_a_key(pilot: Pilot[Any], rows: RowList, key: str, times: int = 15) -> float:
    """The median of the program's own time between a key and the row that it leads to."""
    took = []
    for _ in range(times):
        before, asked = rows.key, time.thread_time()
        pilot.app.post_message(events.Key(key, None))
        while rows.key == before:  # noqa: ASYNC110 - the wait itself is measured
            await asyncio.sleep(0)
        await pilot.pause()
        took.append(time.thread_time() - asked)
    return median(took)


@pytest.mark.parametrize("size", [(80, 24), (160, 48)])
async def test_home_with_hundreds_of_snapshots_answers_a_key_at_once(
    size: tuple[int, int],
) -> None:
    app = large_app()
    async with app.run_test(size=size) as pilot:
        await at_home(pilot)
        assert isinstance(app.screen, SnapshotsScreen)
        rows = app.screen.query_one(RowList)
        assert len(rows.keys) == 400
        assert await seconds_a_key(pilot, rows, "down") < SECONDS
        # A page is drawn anew as a whole.
        assert await seconds_a_key(pilot, rows, "pagedown", 5) < 3 * SECONDS
        text = text_on_screen(app)
        assert "SNAPSHOTS" in text
        assert "2026" in text
        # However many nodes there are, the catalog keeps most of the screen.
        assert sum("verified" in line for line in text.splitlines()) >= 6


async def test_a_preflight_of_many_nodes_says_what_differs() -> None:
    app = large_app(12)
    async with app.run_test(size=(80, 24)) as pilot:
        await to_preflight(pilot)
        text = text_on_screen(app)
        assert "disk space" in text
        assert all(len(line) <= 80 for line in text.splitlines())
        rows = app.screen.query_one(RowList)
        assert await seconds_a_key(pilot, rows, "down", 5) < SECONDS


async def test_a_hundred_clusters_are_a_list_that_answers_at_once() -> None:
    names = tuple(f"prod-{n:03}-{'europe-west-' * (n % 4)}cluster" for n in range(100))
    app = canned_app(names=names)
    async with app.run_test(size=(80, 24)) as pilot:
        await shows(pilot, "QUORUM LOST")
        assert isinstance(app.screen, ClustersScreen)
        rows = app.screen.query_one(RowList)
        await pilot.pause()
        assert await seconds_a_key(pilot, rows, "down") < SECONDS
        text = text_on_screen(app)
        # A long name is cut in the middle: both its ends tell it apart.
        assert any(line.strip(" ▌").startswith("prod-003") and "…" in line for line in
                   text.splitlines())  # fmt: skip
