"""Of two records of one run: which tells more, without asking a clock."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recovery.restore.journal import JournalEntry, JournalEvent
from recovery.restore.newer_record import Newer, newer_record

START = JournalEntry(JournalEvent.RUN_STARTED, at="2026-11-22T14:00:00Z", run_id="run-1")
END = JournalEntry(JournalEvent.RUN_ENDED, at="2026-11-22T14:01:00Z", outcome="aborted")
NOTE = JournalEntry(JournalEvent.NOTE, at="2026-11-22T14:02:00Z", message="it rained")


def resumed(at: str, machine: str = "b-1") -> JournalEntry:
    return JournalEntry(JournalEvent.RUN_RESUMED, at=at, machine=machine)


@pytest.mark.parametrize(
    ("here", "there", "newer"),
    [
        ([START], [START], Newer.FIRST),
        ([START], [START, END], Newer.SECOND),
        ([START, END, NOTE], [START, END], Newer.FIRST),
        ([START, NOTE, END], [START, END, resumed("2001-01-01T00:00:00Z")], Newer.SECOND),
        # The one that was taken over wrote its own end after that.
        ([START, END], [START, resumed("2001-01-01T00:00:00Z")], Newer.SECOND),
        ([START, resumed("2099")], [START, resumed("2001"), resumed("2002")], Newer.SECOND),
        ([START, resumed("2099", "b-1")], [START, resumed("2001", "b-2")], Newer.APART),
    ],
)
def test_it_is_told_by_what_they_have_in_common(
    here: list[JournalEntry], there: list[JournalEntry], newer: Newer
) -> None:
    assert newer_record(here, there) is newer


@given(st.lists(st.sampled_from([START, END, resumed("2001"), NOTE]), min_size=1), st.integers(0))
def test_a_beginning_of_a_record_is_never_the_newer_one(
    entries: list[JournalEntry], cut: int
) -> None:
    part = entries[: cut % (len(entries) + 1)]
    assert newer_record(entries, part) is Newer.FIRST
