"""The journal survives a crash at any byte."""

from __future__ import annotations

import resource
from pathlib import Path

import pytest

from recovery.errors import RescueError
from recovery.restore.journal import Journal, JournalEntry, JournalEvent, read_journal


def write_some(path: Path) -> bytes:
    journal = Journal(path)
    journal.append(JournalEntry(JournalEvent.RUN_STARTED, run_id="r1", cluster="prod-a"))
    journal.append(JournalEntry(JournalEvent.STEP_STARTED, step="stage"))
    journal.append(
        JournalEntry(JournalEvent.ACTION_ENDED, step="stage", node="etcd-1", message="ü ☃ \n x")
    )
    journal.close()
    return path.read_bytes()


def test_a_journal_cut_at_every_byte_still_opens(tmp_path: Path) -> None:
    whole = write_some(tmp_path / "run" / "journal.jsonl")
    full = read_journal(tmp_path / "run" / "journal.jsonl")
    cut = tmp_path / "cut.jsonl"
    for length in range(len(whole) + 1):
        cut.write_bytes(whole[:length])
        entries = read_journal(cut)
        assert entries == full[: len(entries)]
        assert len(entries) >= whole[:length].count(b"\n")


def test_damage_in_the_middle_is_not_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "run" / "journal.jsonl"
    whole = write_some(path)
    path.write_bytes(whole.replace(b'"event": "step-started"', b'"event": "step-st?rted"'))
    with pytest.raises(RescueError, match="line 2 of the journal is damaged"):
        read_journal(path)


def test_the_journal_is_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "run" / "journal.jsonl"
    write_some(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700


def test_a_journal_cut_at_every_byte_can_be_written_on(tmp_path: Path) -> None:
    whole = write_some(tmp_path / "run" / "journal.jsonl")
    cut = tmp_path / "cut" / "journal.jsonl"
    cut.parent.mkdir()
    for length in range(len(whole) + 1):
        cut.write_bytes(whole[:length])
        before = read_journal(cut)
        journal = Journal(cut)
        journal.append(JournalEntry(JournalEvent.RUN_ENDED, outcome="done"))
        journal.close()
        after = read_journal(cut)
        assert after[:-1] == before
        assert after[-1].event is JournalEvent.RUN_ENDED


def test_a_full_disk_leaves_no_torn_line_behind(tmp_path: Path) -> None:
    path = tmp_path / "run" / "journal.jsonl"
    whole = write_some(path)
    journal = Journal(path)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(whole) + 10, hard))
    try:
        with pytest.raises(RescueError, match="cannot be written"):
            journal.append(JournalEntry(JournalEvent.STEP_ENDED, step="stage"))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert path.read_bytes() == whole
    journal.append(JournalEntry(JournalEvent.STEP_ENDED, step="stage"))
    journal.close()
    assert read_journal(path)[-1].event is JournalEvent.STEP_ENDED


@pytest.mark.parametrize(
    "change",
    [
        (b'"event": "step-started"', b'"event": "step-postponed"'),
        (b'"version": 2', b'"version": 9'),
    ],
)
def test_a_later_programs_journal_is_not_called_damaged(
    tmp_path: Path, change: tuple[bytes, bytes]
) -> None:
    path = tmp_path / "run" / "journal.jsonl"
    whole = write_some(path)
    path.write_bytes(whole.replace(*change))
    with pytest.raises(RescueError, match="a newer program's") as caught:
        read_journal(path)
    assert "use the version of etcd-rescue that wrote it" in caught.value.remedy
