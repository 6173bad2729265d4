"""Killed with SIGKILL anywhere, a restore is resumed to its end, or led back to where it began."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator

import pytest

from tests.end_to_end.demo_cluster import running_demo
from tests.faults.lab import KillPoint, Lab

EVERY = os.environ.get("ETCD_RESCUE_FAULTS") == "every"
"""Every point takes more than an hour; without it, the points that differ most."""

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(7200 if EVERY else 600)]

CHOSEN = (
    KillPoint("before", "action-ended", "restore-member", 1),
    KillPoint("before", "action-ended", "set-data-aside", 1),
    KillPoint("after", "action-started", "place-member", 3),
    KillPoint("before", "action-ended", "start-kubelet", 1),
)


@pytest.fixture(name="lab", scope="module")
def lab_fixture(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with running_demo(tmp_path_factory.mktemp("home")) as demo:
        yield Lab(demo, tmp_path_factory.mktemp("scratch"))


def points(lab: Lab) -> list[KillPoint]:
    """The points to try."""
    every = lab.kill_points()
    assert set(CHOSEN) <= set(every)
    return every if EVERY else list(CHOSEN)


def test_a_restore_killed_at_any_action_is_resumed_to_exactly_the_snapshot(lab: Lab) -> None:
    for number, point in enumerate(points(lab)):
        if number:
            lab.leave_mark(f"resume-{number}")
        lab.restore_killed(point)
        assert lab.newest_run()["state"] == "interrupted", str(point)
        sys.stdout.write(f"killed {point}\n")
        lab.good("runs", "resume")
        assert lab.newest_run()["state"] == "succeeded", str(point)
        lab.has_exactly_the_snapshot()
        lab.good("runs", "clean")


def test_a_restore_killed_at_any_action_is_led_back_to_what_was_there(lab: Lab) -> None:
    for number, point in enumerate(points(lab)):
        lab.leave_mark(f"back-{number}")
        lab.restore_killed(point)
        sys.stdout.write(f"killed {point}\n")
        before_any_write = point.action in ("recheck-node",) or (
            point.action == "make-directories" and str(point).startswith("before action-started")
        )
        ran = lab.run("runs", "rollback")
        if before_any_write:
            assert ran.returncode == 3, (str(point), ran.stderr)
            continue
        assert ran.returncode == 0, (str(point), ran.stderr[-4000:])
        assert lab.newest_run()["state"] == "rolled-back", str(point)
        lab.old_data_came_back_unchanged()
        assert lab.has_mark(f"back-{number}"), str(point)
        lab.good("runs", "clean")
