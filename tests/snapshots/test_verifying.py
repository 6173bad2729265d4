"""Verifying in a process of its own: what becomes of that process."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest

from recovery.errors import UnreadError
from recovery.snapshots import reading_process, verify
from recovery.snapshots.verify import verify_database
from tests.snapshots.conftest import History


def instead(monkeypatch: pytest.MonkeyPatch, program: str) -> None:
    """Let another program run in the reader's place."""
    command = (sys.executable, "-I", "-c", program)
    monkeypatch.setattr(verify, "reader_command", lambda: command)


def has_ended(pid: Path) -> bool:
    """Whether the process whose number is in the file is gone."""
    return not Path("/proc", pid.read_text()).exists()


@pytest.mark.parametrize(
    ("program", "words"),
    [
        ("import os; os.kill(os.getpid(), 9)", "ended by SIGKILL: it may have run out of memory"),
        ("import os; os.kill(os.getpid(), 7)", "the file became shorter meanwhile"),
        ("raise MemoryError", "not enough memory"),
        ("raise RuntimeError", "could not be read"),
        ("print('{')", "could not be read"),
        ("pass", "could not be read"),
    ],
)
async def test_a_reader_that_dies_is_told_in_words(
    history: History, monkeypatch: pytest.MonkeyPatch, program: str, words: str
) -> None:
    instead(monkeypatch, program)
    with pytest.raises(UnreadError, match=words) as caught:
        await verify_database(history.small)
    assert caught.value.where == str(history.small)


async def test_a_silent_reader_is_given_up(
    history: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    instead(monkeypatch, "import time; time.sleep(60)")
    monkeypatch.setattr(reading_process, "_SILENCE", 0.2)
    with pytest.raises(UnreadError, match="no progress"):
        await verify_database(history.small)


async def test_cancelling_ends_the_reading_process(
    history: History, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    program = (
        "import os, sys, time; print(1, 2, file=sys.stderr, flush=True); "
        f"open({str(tmp_path / 'pid')!r}, 'w').write(str(os.getpid())); "
        "print(2, 2, file=sys.stderr, flush=True); time.sleep(60)"
    )
    instead(monkeypatch, program)
    written = asyncio.Event()

    def on_progress(done: int, total: int) -> None:
        if done == total:
            written.set()

    reading = asyncio.ensure_future(verify_database(history.small, on_progress))
    await asyncio.wait_for(written.wait(), 30)
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    assert has_ended(tmp_path / "pid")
