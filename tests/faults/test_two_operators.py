"""Two programs on one cluster: the second sees the first, watches, or takes over; never both."""

from __future__ import annotations

import json
import signal

import pytest

from tests.faults.lab import ROLL_BACK, KillPoint, Lab

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(420)]


@pytest.fixture(name="other")
def other_fixture(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Lab:
    return lab.elsewhere(tmp_path_factory.mktemp("other-home"))


def test_a_second_operator_is_told_who_works_on_the_cluster_and_changes_nothing(
    lab: Lab, other: Lab
) -> None:
    first = lab.start("restore", "latest", *ROLL_BACK, "--events", "json")
    lab.wait_for_event(first, "step-started", "stop")
    second = other.run("restore", "latest", *ROLL_BACK)
    assert second.returncode == 3, second.stderr
    assert "has been working on demo since" in second.stderr
    assert "--take-over" in second.stderr
    assert not other.demo.runs.exists()
    _, err = first.communicate(timeout=200)
    assert first.returncode == 0, err[-3000:]
    lab.has_exactly_the_snapshot()


def test_the_lock_is_free_once_the_run_is_over(lab: Lab) -> None:
    lab.leave_mark("unlocked")
    lab.good("runs", "clean")


def test_a_run_left_by_a_dead_program_is_resumed_from_another_bastion(lab: Lab, other: Lab) -> None:
    lab.restore_killed(KillPoint("after", "action-started", "set-data-aside", 3))
    assert not other.demo.runs.exists()
    said = other.good("runs", "resume")
    assert "left by a program that is gone" in said
    other.has_exactly_the_snapshot()
    assert other.newest_run()["state"] == "succeeded"
    other.good("runs", "clean")


def test_whoever_takes_over_ends_the_run_and_the_first_program_stops(lab: Lab, other: Lab) -> None:
    first = lab.start("restore", "latest", *ROLL_BACK, "--events", "json")
    lab.wait_for_event(first, "action-ended", "restore-member")
    # It must not come to its end before somebody else has got the lock.
    first.send_signal(signal.SIGSTOP)
    second = other.start("runs", "resume", "--take-over", "--events", "json")
    assert second.stderr is not None
    assert json.loads(second.stderr.readline())["event"] == "taking-over"
    lab.wait_for_event(second, "step-started", "stop")
    first.send_signal(signal.SIGCONT)
    _, err = first.communicate(timeout=120)
    assert first.returncode == 4, err[-3000:]
    last = json.loads(err.splitlines()[-1])
    assert "taken" in last["message"]
    _, said = second.communicate(timeout=200)
    assert second.returncode == 0, said[-3000:]
    other.has_exactly_the_snapshot()
    assert other.newest_run()["state"] == "succeeded"
    other.good("runs", "clean")
