"""Home, where another cluster writes its backups to the same place, and a clock was wrong."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from textual.pilot import Pilot

from recovery.backups.model import Snapshot, Strange
from tests.screens.canned import Answers
from tests.screens.canned_cluster import canned_snapshots
from tests.screens.looking import shows
from tests.screens.opening import at_home, canned_app

SIZES = [pytest.param((80, 24), id="80x24"), pytest.param((160, 48), id="160x48")]


def with_strangers() -> tuple[Snapshot, ...]:
    """One of the future, two of other clusters, and then what there always is."""
    newest, *_ = canned_snapshots()
    sure = Strange("it is another cluster's: its nodes are db-1, db-2", certain=True)
    maybe = Strange("its name carries 10.9.0.1, which no node of this cluster has", certain=False)
    at = datetime(2027, 3, 1, tzinfo=UTC)
    return (
        replace(newest, name="snapshot-etcd-ahead.tar", taken_at=at, ahead=True, record=None),
        replace(newest, name="snapshot-etcd-sure.tar", strange=sure, record=None),
        replace(newest, name="snapshot-etcd-maybe.tar", strange=maybe, record=None),
        *canned_snapshots(),
    )


@pytest.mark.parametrize("size", SIZES)
def test_what_is_anothers_is_marked_and_not_chosen(
    snap_compare: Callable[..., bool], size: tuple[int, int]
) -> None:
    async def walk(pilot: Pilot[Any]) -> None:
        await at_home(pilot)
        await pilot.press("down", "down")
        await shows(pilot, "Choose another one.")

    app = canned_app(Answers(snapshots=with_strangers()))
    assert snap_compare(app, terminal_size=size, run_before=walk)
