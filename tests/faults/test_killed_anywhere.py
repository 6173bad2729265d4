"""Killed with SIGKILL anywhere, a restore is resumed to its end, or led back to where it began."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.faults.alarmed_snapshot import alarmed_snapshot
from tests.faults.lab import KillPoint, Lab

EVERY = os.environ.get("ETCD_RESCUE_FAULTS") == "every"
"""Every point takes more than an hour; without it, the points that differ most."""

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(7200 if EVERY else 600)]

RESUMED = (
    KillPoint("before", "action-ended", "restore-member", 1),
    KillPoint("after", "action-started", "place-member", 3),
    KillPoint("before", "action-ended", "disarm-alarm", 1),
)
LED_BACK = (
    KillPoint("before", "action-ended", "set-data-aside", 1),
    KillPoint("before", "action-ended", "start-kubelet", 1),
)


def points(lab: Lab, chosen: Sequence[KillPoint]) -> list[KillPoint]:
    """The points to try."""
    every = lab.kill_points()
    assert set(chosen) <= set(every)
    return every if EVERY else list(chosen)


def test_a_restore_killed_at_any_action_is_resumed_to_exactly_the_snapshot(
    lab: Lab, tmp_path: Path
) -> None:
    """From a snapshot with an alarm inside, so that there is one more step to be killed in."""
    alarmed = alarmed_snapshot(lab.demo, tmp_path / "alarmed")
    lab = Lab(lab.demo, tmp_path / "scratch", str(alarmed))
    for number, point in enumerate(points(lab, RESUMED)):
        if number:
            lab.leave_mark(f"resume-{number}")
        lab.restore_killed(point)
        assert lab.newest_run()["state"] == "interrupted", str(point)
        sys.stdout.write(f"killed {point}\n")
        lab.good("runs", "resume")
        assert lab.newest_run()["state"] == "succeeded", str(point)
        lab.has_exactly_the_snapshot()
        assert lab.gateway().call("/v3/maintenance/alarm", {}).get("alarms", []) == []
        lab.good("runs", "clean")


def test_a_restore_killed_at_any_action_is_led_back_to_what_was_there(
    healthy_lab: Lab,
) -> None:
    lab = healthy_lab
    for number, point in enumerate(points(lab, LED_BACK)):
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
