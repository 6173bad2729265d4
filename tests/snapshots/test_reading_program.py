"""The reader as a program: it scans and hashes in two processes, which leave nothing behind."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from recovery.snapshots.reader.answer import read_database
from recovery.snapshots.reader.side_by_side import SHORTER
from recovery.snapshots.verify import reader_command
from tests.cluster_fixtures import CHECKOUT
from tests.snapshots.conftest import History

LARGE = 1 << 40
"""More than anybody reads in the time that a test has."""


@pytest.fixture
def endless(history: History, tmp_path: Path) -> Path:
    """A database with a tail of a terabyte, of which only a hole is stored."""
    path = tmp_path / "endless.db"
    path.write_bytes(history.small.read_bytes())
    os.truncate(path, LARGE)
    return path


def command(*arguments: str | Path) -> list[str | Path]:
    """The reader as a program."""
    return [*reader_command(), *arguments]


@contextmanager
def reading(path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A reader that has made some progress already."""
    process = subprocess.Popen(
        command("--progress", path), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stderr is not None
    try:
        assert b" " in process.stderr.readline()
        yield process
    finally:
        process.kill()
        process.communicate(timeout=30)


def children(process: subprocess.Popen[bytes]) -> list[int]:
    """The processes that it has started and not yet waited for."""
    told = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text()
    return [int(pid) for pid in told.split()]


def assert_ends(pid: int) -> None:
    """Wait until the process is gone."""
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        assert select.select([handle], [], [], 30)[0], "it goes on reading"
    finally:
        os.close(handle)


def test_the_program_says_what_the_module_says(history: History) -> None:
    for path in (history.empty, history.lived, history.own):
        for options in ([], ["--brief"]):
            told = subprocess.run(
                command(*options, path), capture_output=True, check=True, timeout=60
            )
            assert json.loads(told.stdout) == read_database(str(path), bool(options))
            assert told.stderr == b""


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_who_ends_the_reader_ends_all_of_it(endless: Path, how: signal.Signals) -> None:
    with reading(endless) as process:
        workers = children(process)
        assert workers
        process.send_signal(how)
        assert process.wait(30) == -how
        for worker in workers:
            assert_ends(worker)


def test_a_reader_that_nobody_listens_to_any_more_ends(endless: Path) -> None:
    with reading(endless) as process:
        assert process.stderr is not None
        process.stderr.close()
        process.wait(30)
        process.stderr = None


def test_a_file_that_becomes_shorter_meanwhile_is_an_error(endless: Path) -> None:
    with reading(endless) as process:
        os.truncate(endless, 4096)
        answer, _ = process.communicate(timeout=30)
        assert process.returncode == 2
        assert json.loads(answer) == {"error": SHORTER}


def test_a_worker_that_is_killed_is_an_error(endless: Path) -> None:
    with reading(endless) as process:
        os.kill(children(process)[-1], signal.SIGKILL)
        answer, _ = process.communicate(timeout=30)
        assert json.loads(answer) == {"error": "reading was ended by signal 9"}


def test_pages_that_are_gone_while_they_are_scanned_are_an_error(
    history: History, tmp_path: Path
) -> None:
    path = tmp_path / "short.db"
    path.write_bytes(history.small.read_bytes())
    lost = (
        "import os, sys; sys.path.append(sys.argv[1])\n"
        "from recovery.snapshots.reader import answer, program; scan = answer.scan_region\n"
        "def shorter(*arguments):\n"
        "    os.truncate(sys.argv[2], 0); return scan(*arguments)\n"
        "answer.scan_region = shorter; sys.exit(program.main(['--brief', sys.argv[2]]))"
    )
    told = subprocess.run(
        [sys.executable, "-I", "-c", lost, CHECKOUT, path], capture_output=True, timeout=60
    )
    assert json.loads(told.stdout) == {"error": SHORTER}
    assert told.returncode == 2
