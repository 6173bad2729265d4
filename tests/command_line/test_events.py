"""`--events json`: every line of stderr is one JSON document, whatever happens."""

from __future__ import annotations

import argparse
import asyncio
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import pytest

from recovery.backups.model import Snapshot
from recovery.incident import Incident
from recovery.restore.events import TransferProgress
from recovery.restore.lock import HolderState
from recovery.restore.planner import PlanOptions
from recovery.restore.planner import plan as make_plan
from recovery.restore.run_control import RestoreRun
from tests.restore.broken_cluster import SOURCE, facts
from tui import command_line
from tui.commands import opening
from tui.commands.executing import execute, require_unlocked
from tui.commands.run_events import EventPrinter


class Interrupted:
    """A run in the middle of which Ctrl-C is pressed."""

    run_id = "20261123-140512-7f3a"
    log_path = Path("/state/runs/20261123-140512-7f3a")

    plan = make_plan(facts(), SOURCE, PlanOptions(run_id))

    async def execute(self) -> None:
        raise asyncio.CancelledError


def test_a_snapshot_that_a_node_had_itself_is_not_told_as_sent(
    capsys: pytest.CaptureFixture[str],
) -> None:
    printer = EventPrinter(Interrupted.plan, as_json=False)
    at = datetime(2026, 11, 23, 14, 5, tzinfo=UTC)
    printer.hear(TransferProgress(at, "etcd-1", "snapshot", 70, 100))
    printer.hear(TransferProgress(at, "etcd-1", "snapshot", 100, 100))
    told = capsys.readouterr().err.splitlines()
    assert told == ["14:05:00Z etcd-1  snapshot: all 100 bytes are there"]


class Holder:
    """Somebody else, at work."""

    state = HolderState.ALIVE

    def in_words(self) -> str:
        return "alice@bastion-2 works on it"


class TakenOver:
    """A cluster that is taken over from them."""

    async def lock_holder(self) -> Holder:
        return Holder()

    async def take_over(self, holder: Holder) -> None:
        pass


def documents(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    told = capsys.readouterr()
    assert told.out == ""
    return [json.loads(line) for line in told.err.splitlines()]


async def test_an_interrupted_run_ends_with_an_event(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(asyncio.CancelledError):
        await execute(cast("RestoreRun", Interrupted()), as_json=True)
    (ended,) = documents(capsys)
    assert (ended["event"], ended["outcome"]) == ("run-ended", "aborted")
    command = f"runs resume {Interrupted.run_id} --confirm {Interrupted.plan.cluster}`"
    assert command in ended["message"]


def test_a_command_that_is_interrupted_says_so_in_json(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(_: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(command_line, "_obey", interrupted)
    words = ["restore", "latest", "--confirm", "prod-a", "--events", "json"]
    assert command_line.main(words) == 4
    assert [one["event"] for one in documents(capsys)] == ["interrupted"]


async def test_taking_over_is_an_event(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = argparse.Namespace(take_over=True, events="json")
    await require_unlocked(cast("Incident", TakenOver()), arguments)
    (told,) = documents(capsys)
    assert told["event"] == "taking-over"
    assert "alice@bastion-2" in told["message"]


def test_a_backup_that_is_passed_over_is_an_event(capsys: pytest.CaptureFixture[str]) -> None:
    opening._passed_over_as_json(Snapshot("x.tar", None, ()), "cut short")
    (told,) = documents(capsys)
    assert (told["event"], told["snapshot"], told["message"]) == (
        "passed-over",
        "x.tar",
        "cut short",
    )
