"""However a rehearsal ends, no process, no file and no listener of it stays."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import mkdtemp

import pytest

from recovery.errors import RehearsalError
from recovery.rehearsal.breaking import Breakage
from recovery.rehearsal.launcher import clean_up_after_the_dead, launched_rehearsal
from recovery.rehearsal.node.processes import kill_marked
from tests.cluster_fixtures import (
    CHECKOUT,
    NAME_PREFIX,
    clean_environment,
    end,
    processes_of,
    read_until_ready,
    start_supervisor,
)
from tests.rehearsal.waiting import wait_for

pytestmark = pytest.mark.cluster

_LAUNCH = """
import asyncio, sys
from pathlib import Path
from recovery.rehearsal.launcher import launched_rehearsal
async def main():
    async with launched_rehearsal(Path(sys.argv[1])) as rehearsal:
        print(rehearsal.inventory_path, flush=True)
        await asyncio.sleep(120)
asyncio.run(main())
"""


@pytest.fixture
def place() -> Iterator[Path]:
    """A short directory for a rehearsal, swept afterwards whatever a test did."""
    directory = Path(mkdtemp(prefix=NAME_PREFIX))
    yield directory
    kill_marked(directory)
    shutil.rmtree(directory, ignore_errors=True)


def _is_gone(directory: Path) -> bool:
    return not processes_of(directory) and not directory.exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_to_the_supervisor_ends_everything(place: Path, number: signal.Signals) -> None:
    supervisor = start_supervisor(place)
    read_until_ready(supervisor)
    assert len(processes_of(place)) > 10
    supervisor.send_signal(number)
    assert supervisor.wait(20) == 0
    assert _is_gone(place), processes_of(place)
    end(supervisor)


def test_a_closed_pipe_ends_everything(place: Path) -> None:
    supervisor = start_supervisor(place)
    read_until_ready(supervisor)
    end(supervisor)
    assert supervisor.returncode == 0
    assert _is_gone(place), processes_of(place)


def test_a_signal_in_the_middle_of_the_start_ends_everything(place: Path) -> None:
    supervisor = start_supervisor(place)
    wait_for(lambda: any("etcd --name" in line for line in processes_of(place).values()), "etcd")
    supervisor.send_signal(signal.SIGTERM)
    assert supervisor.wait(20) == 1
    assert _is_gone(place), processes_of(place)
    end(supervisor)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGHUP])
def test_the_cluster_does_not_outlive_whoever_launched_it(
    place: Path, number: signal.Signals, tmp_path: Path
) -> None:
    said = tmp_path / "said"
    with (
        said.open("w") as errors,
        subprocess.Popen(
            [sys.executable, "-c", _LAUNCH, str(place)],
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            cwd=CHECKOUT,
            env=clean_environment(),
        ) as launcher,
    ):
        assert launcher.stdout is not None
        inventory = launcher.stdout.readline().strip()
        assert inventory == str(place / "inventory.yaml"), said.read_text()
        launcher.send_signal(number)
        launcher.wait(20)
    wait_for(lambda: _is_gone(place), "everything to be gone", 20)


async def test_a_killed_supervisor_takes_its_processes_along_and_the_launcher_sweeps(
    place: Path,
) -> None:
    async with launched_rehearsal(place) as rehearsal:
        pid = int((rehearsal.directory / "supervisor.pid").read_text())
        os.kill(pid, signal.SIGKILL)
        await asyncio.to_thread(wait_for, lambda: not processes_of(place), "the processes to end")
    assert _is_gone(place)


async def test_a_cancelled_launch_leaves_nothing(place: Path) -> None:
    async def launch() -> None:
        async with launched_rehearsal(place):
            raise AssertionError("it was to be cancelled before")

    task = asyncio.create_task(launch())
    await asyncio.to_thread(wait_for, lambda: bool(processes_of(place)), "the first process")
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert _is_gone(place)


def test_the_next_launch_sweeps_up_after_a_dead_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    stale, alive = tmp_path / "etcd-rescue-demo-stale", tmp_path / "etcd-rescue-demo-alive"
    with subprocess.Popen(["true"]) as ended:
        ended.wait()
    for directory, pid in ((stale, ended.pid), (alive, os.getpid())):
        directory.mkdir()
        (directory / "supervisor.pid").write_text(str(pid))
    clean_up_after_the_dead()
    assert not stale.exists()
    assert alive.exists()


async def test_a_directory_with_something_in_it_is_refused_and_kept(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(RehearsalError, match="not empty"):
        async with launched_rehearsal(tmp_path):
            pass
    assert (tmp_path / "thesis.txt").read_text() == "years of work"


async def test_a_failed_start_says_why_in_the_supervisors_words(
    place: Path, tmp_path: Path
) -> None:
    with pytest.raises(RehearsalError, match="no etcd and etcdctl in this directory") as caught:
        async with launched_rehearsal(place, etcd_dir=tmp_path):
            pass
    assert caught.value.where == str(tmp_path)
    assert _is_gone(place)


async def test_the_terminal_is_left_alone(capfd: pytest.CaptureFixture[str], place: Path) -> None:
    """The interface draws there meanwhile."""
    async with launched_rehearsal(place, broken=Breakage.NONE):
        pass
    assert capfd.readouterr() == ("", "")
