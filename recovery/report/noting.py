"""Adds a person's words to the story of a run."""

from __future__ import annotations

from pathlib import Path

from recovery.errors import RefusedError
from recovery.report.writing import write_report
from recovery.restore.journal import NOTES_NAME, Journal, JournalEntry, JournalEvent
from recovery.restore.past_runs import RunState, read_run
from recovery.restore.process_identity import operator_name
from recovery.restore.redaction import without_secrets


def add_note(directory: Path, words: str) -> None:
    """Keep the note beside the journal in this directory, and write the report anew.

    It has a file of its own: an earlier program takes a line that it does not know for damage.

    Raises RefusedError while a program writes to that journal, RescueError where it cannot be
    written.
    """
    run = read_run(directory)
    if run.state is RunState.RUNNING:
        raise RefusedError(
            f"run {run.id} is under way",
            where=str(directory),
            remedy="add the note once it is over",
        )
    journal = Journal(directory / NOTES_NAME)
    try:
        note = without_secrets(" ".join(words.split()))
        journal.append(JournalEntry(JournalEvent.NOTE, operator=operator_name(), message=note))
    finally:
        journal.close()
    write_report(directory)
