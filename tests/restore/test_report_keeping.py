"""What goes wrong with the report goes wrong beside the run: it changes nothing of how it ended."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import cast

import pytest

from recovery.errors import RescueError
from recovery.health.expected import Expected
from recovery.health.leftovers import Leftovers
from recovery.health.model import CLUSTER_SCOPE, HealthReport
from recovery.health.verdicts import ok
from recovery.restore import report_keeping, watching
from recovery.restore.events import Outcome, Output, RunEnded
from recovery.restore.node_work import NodeWorker
from recovery.restore.past_runs import RunState, read_run
from recovery.restore.plan import Watch
from recovery.restore.planner import PlanOptions, plan
from recovery.restore.report_keeping import ReportKeeper
from recovery.restore.run import PlanRun
from recovery.restore.watching import ClusterWatcher
from recovery.ssh.fleet import Fleet
from tests.restore.broken_cluster import SOURCE, cluster, facts
from tests.restore.test_run import Stage


def run_with(stage: Stage, write_report: Callable[[], None]) -> PlanRun:
    """The stage's run, with a report that is written so."""
    return PlanRun(
        stage.plan,
        stage.record,
        cast("NodeWorker", stage.worker),
        stage.watcher,
        stage.operator,
        stage.events.append,
        write_report=write_report,
    )


async def test_a_report_that_breaks_is_told_once_and_the_run_ends_as_it_would(
    tmp_path: Path,
) -> None:
    stage = Stage(tmp_path)

    def broken() -> None:
        raise LookupError("nobody had thought of this")

    assert await run_with(stage, broken).execute() is Outcome.DONE
    assert isinstance(stage.events[-1], RunEnded)
    told = [line for e in stage.events if isinstance(e, Output) for line in e.lines]
    assert sum("nobody had thought of this" in line for line in told) == 1


async def test_a_program_that_is_stopped_while_it_writes_the_report_leaves_a_run_that_is_over(
    tmp_path: Path,
) -> None:
    stage = Stage(tmp_path)
    writing, may_end = asyncio.Event(), threading.Event()
    loop = asyncio.get_running_loop()

    def slow() -> None:
        if read_run(stage.record.directory).ended_at:
            loop.call_soon_threadsafe(writing.set)
            may_end.wait(timeout=60)

    running = asyncio.create_task(run_with(stage, slow).execute())
    try:
        async with asyncio.timeout(60):
            await writing.wait()
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
    finally:
        may_end.set()
    assert read_run(stage.record.directory).state is RunState.SUCCEEDED


async def test_a_report_that_takes_for_ever_does_not_hold_the_end_of_the_run(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("recovery.restore.report_keeping._LAST_SECONDS", 0.01)
    may_end = threading.Event()
    said: list[str] = []

    def slow() -> None:
        may_end.wait(timeout=60)

    keeper = ReportKeeper(slow, said.append)
    try:
        await keeper.finish()
    finally:
        may_end.set()
    assert [words for words in said if "was not written" in words]


async def test_a_proof_that_cannot_be_written_down_is_a_proof_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def healthy(*_: object, **__: object) -> HealthReport:
        return HealthReport("prod-a", datetime.now(UTC), (ok("all", CLUSTER_SCOPE, "well"),), ())

    async def nothing(*_: object) -> Leftovers:
        return Leftovers("2026-11-24T12:00:00Z")

    def full(_: object) -> None:
        raise RescueError("the run's record cannot be written: No space left on device")

    monkeypatch.setattr(watching, "wait_until_healthy", healthy)
    monkeypatch.setattr(watching, "look_for_leftovers", nothing)
    watcher = ClusterWatcher(
        Fleet(cluster()),
        cluster(),
        {},
        Expected(1, 1),
        {},
        keep_final=full,
        keep_leftovers=full,
    )
    notes: list[str] = []
    reasons = await watcher.watch(
        Watch.HEALTH_PROVEN,
        plan(facts(), SOURCE, PlanOptions("run-1")),
        timeout=1,
        note=lambda _, words: notes.append(words),
    )
    assert not reasons
    assert any("No space left" in words for words in notes)


async def test_a_report_that_takes_long_does_not_hold_up_whoever_leaves(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(report_keeping, "_AT_ONCE_SECONDS", 0.05)
    may_end, ended = threading.Event(), threading.Event()

    def slow() -> None:
        may_end.wait(30)
        ended.set()

    ReportKeeper(slow, lambda words: None).at_once()
    assert not ended.is_set()
    may_end.set()
    assert ended.wait(30)
