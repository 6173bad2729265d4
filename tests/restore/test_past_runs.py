"""Earlier runs are told from their journals, however they ended."""

from __future__ import annotations

import errno
from dataclasses import replace
from pathlib import Path

import pytest

from recovery.errors import DiskError, UsageError
from recovery.restore.journal import Journal, JournalEntry, JournalEvent
from recovery.restore.past_runs import RunState, find_run, list_runs, no_such_run
from recovery.restore.process_identity import ProcessIdentity

MINE = ProcessIdentity.mine()
GONE = replace(MINE, started="1")
ANOTHER_BOOT = replace(MINE, boot="another")
ELSEWHERE = replace(MINE, machine="bastion-2")


def write_run(
    runs: Path,
    run_id: str,
    *,
    process: ProcessIdentity = GONE,
    outcome: str | None,
    event: JournalEvent = JournalEvent.RUN_STARTED,
) -> None:
    journal = Journal(runs / run_id / "journal.jsonl")
    if event is not JournalEvent.RUN_STARTED:
        journal.append(JournalEntry(JournalEvent.RUN_STARTED, run_id=run_id, cluster="prod-a"))
        journal.append(JournalEntry(JournalEvent.RUN_ENDED, outcome="done"))
    journal.append(
        JournalEntry(
            event,
            run_id=run_id,
            cluster="prod-a",
            pid=process.pid,
            machine=process.machine,
            boot=process.boot,
            process_started=process.started,
        )
    )
    journal.append(JournalEntry(JournalEvent.STEP_STARTED, step="stage"))
    if outcome is not None:
        journal.append(JournalEntry(JournalEvent.RUN_ENDED, outcome=outcome))
    journal.close()


@pytest.mark.parametrize(
    ("process", "outcome", "state"),
    [
        (GONE, "done", RunState.SUCCEEDED),
        (GONE, "failed", RunState.FAILED),
        (GONE, "aborted", RunState.INTERRUPTED),
        (GONE, "refused", RunState.INTERRUPTED),
        (GONE, "short", RunState.INTERRUPTED),
        (GONE, None, RunState.INTERRUPTED),
        (ANOTHER_BOOT, None, RunState.INTERRUPTED),
        (ELSEWHERE, None, RunState.INTERRUPTED),
        (MINE, None, RunState.RUNNING),
    ],
)
def test_a_run_without_an_end_was_interrupted_unless_its_program_lives(
    tmp_path: Path, process: ProcessIdentity, outcome: str | None, state: RunState
) -> None:
    write_run(tmp_path, "20261123-140512-7f3a", process=process, outcome=outcome)
    (run,) = list_runs(tmp_path)
    assert run.state is state
    assert run.step == "stage"
    assert run.cluster == "prod-a"


def test_runs_are_listed_newest_first_and_the_newest_is_meant_without_an_id(
    tmp_path: Path,
) -> None:
    for run_id in ("20261121-000000-aaaa", "20261123-000000-bbbb"):
        write_run(tmp_path, run_id, outcome="done")
    (tmp_path / "not-a-run").mkdir()
    assert [run.id for run in list_runs(tmp_path)] == [
        "20261123-000000-bbbb",
        "20261121-000000-aaaa",
    ]
    assert find_run(tmp_path, None).id == "20261123-000000-bbbb"
    with pytest.raises(UsageError, match="there is no run x") as caught:
        find_run(tmp_path, "x")
    assert caught.value.remedy == "there are: 20261123-000000-bbbb, 20261121-000000-aaaa"


def test_a_machine_without_runs_has_none(tmp_path: Path) -> None:
    assert list_runs(tmp_path / "nothing") == ()
    with pytest.raises(UsageError, match="there is no run"):
        find_run(tmp_path / "nothing", None)


def test_records_that_may_not_be_looked_at_are_not_taken_for_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def closed(_: Path) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(Path, "iterdir", closed)
    with pytest.raises(DiskError, match="cannot be looked at: Permission denied"):
        list_runs(tmp_path)


def test_that_there_is_no_run_is_not_said_of_nodes_that_could_not_be_asked(tmp_path: Path) -> None:
    error = no_such_run(None, tmp_path, (), "prod-a", {"etcd-2"})
    assert error.what == "there is no run of prod-a here, and etcd-2 could not be asked for one"
    assert not isinstance(error, UsageError)


@pytest.mark.parametrize(
    ("event", "outcome", "state"),
    [
        (JournalEvent.RUN_RESUMED, "done", RunState.SUCCEEDED),
        (JournalEvent.RUN_RESUMED, None, RunState.INTERRUPTED),
        (JournalEvent.ROLLBACK_STARTED, "done", RunState.ROLLED_BACK),
        (JournalEvent.ROLLBACK_STARTED, None, RunState.INTERRUPTED),
        (JournalEvent.ROLLBACK_STARTED, "failed", RunState.FAILED),
    ],
)
def test_a_run_is_as_the_last_program_that_took_it_up_has_left_it(
    tmp_path: Path, event: JournalEvent, outcome: str | None, state: RunState
) -> None:
    write_run(tmp_path, "20261123-140512-7f3a", outcome=outcome, event=event)
    (run,) = list_runs(tmp_path)
    assert run.state is state
