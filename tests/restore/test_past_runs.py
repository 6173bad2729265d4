"""Earlier runs are told from their journals, however they ended."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from recovery.errors import UsageError
from recovery.restore.journal import Journal, JournalEntry, JournalEvent
from recovery.restore.past_runs import RunState, find_run, list_runs


def write_run(runs: Path, run_id: str, *, pid: int, outcome: str | None) -> None:
    journal = Journal(runs / run_id / "journal.jsonl")
    journal.append(JournalEntry(JournalEvent.RUN_STARTED, run_id=run_id, cluster="prod-a", pid=pid))
    journal.append(JournalEntry(JournalEvent.STEP_STARTED, step="stage"))
    if outcome is not None:
        journal.append(JournalEntry(JournalEvent.RUN_ENDED, outcome=outcome))
    journal.close()


@pytest.mark.parametrize(
    ("pid", "outcome", "state"),
    [
        (1, "done", RunState.SUCCEEDED),
        (1, "failed", RunState.FAILED),
        (1, "aborted", RunState.INTERRUPTED),
        (1, "refused", RunState.INTERRUPTED),
        (1, None, RunState.INTERRUPTED),
        (os.getpid(), None, RunState.RUNNING),
    ],
)
def test_a_run_without_an_end_was_interrupted_unless_its_program_lives(
    tmp_path: Path, pid: int, outcome: str | None, state: RunState
) -> None:
    write_run(tmp_path, "20261123-140512-7f3a", pid=pid, outcome=outcome)
    (run,) = list_runs(tmp_path)
    assert run.state is state
    assert run.step == "stage"
    assert run.cluster == "prod-a"


def test_runs_are_listed_newest_first_and_the_newest_is_meant_without_an_id(
    tmp_path: Path,
) -> None:
    for run_id in ("20261121-000000-aaaa", "20261123-000000-bbbb"):
        write_run(tmp_path, run_id, pid=1, outcome="done")
    (tmp_path / "not-a-run").mkdir()
    assert [run.id for run in list_runs(tmp_path)] == [
        "20261123-000000-bbbb",
        "20261121-000000-aaaa",
    ]
    assert find_run(tmp_path, None).id == "20261123-000000-bbbb"
    with pytest.raises(UsageError, match="there is no run x"):
        find_run(tmp_path, "x")


def test_a_machine_without_runs_has_none(tmp_path: Path) -> None:
    assert list_runs(tmp_path / "nothing") == ()
