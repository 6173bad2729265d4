"""Jobs on a node: run once, heard whole, and found again after a connection was lost."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

import pytest

from recovery.errors import ScriptError
from recovery.ssh.jobs import JobRefusedError, JobResult, run_job
from recovery.ssh.output import OutputStream
from recovery.ssh.session import NodeSession
from tests.faults.ssh_proxy import SshProxy
from tests.ssh.waiting import until


class Heard:
    """Runs jobs in one directory of the node, and hears them."""

    def __init__(self, session: NodeSession, jobs: Path) -> None:
        self.lines: list[tuple[OutputStream, str]] = []
        self.notes: list[str] = []
        self._session = session
        self.jobs = jobs

    async def run(
        self, script: str, *, name: str = "job.1", guard: str = "", timeout: float = 30
    ) -> JobResult:
        """One call, to the job's end."""
        return await run_job(
            self._session,
            str(self.jobs / name),
            script,
            timeout=timeout,
            on_output=lambda stream, lines: self.lines.extend((stream, line) for line in lines),
            on_note=self.notes.append,
            guard=guard,
        )

    def said(self, stream: OutputStream = OutputStream.OUT) -> list[str]:
        """The lines of one stream."""
        return [line for where, line in self.lines if where is stream]


@pytest.fixture
def heard(session: NodeSession, tmp_path: Path) -> Heard:
    """With either kind of server."""
    return Heard(session, tmp_path / "it's" / "jobs")


@pytest.fixture
def cut_off(through: NodeSession, tmp_path: Path) -> Heard:
    """Over a way that can be cut."""
    return Heard(through, tmp_path / "jobs")


async def test_output_of_both_kinds_and_the_exit_status_come_back(heard: Heard) -> None:
    result = await heard.run("echo one; echo two >&2; printf three; exit 7")
    assert result == JobResult(7)
    assert heard.said() == ["one", "three"]
    assert heard.said(OutputStream.ERR) == ["two"]


async def test_a_line_is_heard_while_the_job_goes_on(heard: Heard) -> None:
    go_on = heard.jobs.parent / "go-on"
    job = asyncio.ensure_future(
        heard.run(f"echo first; until [ -e {str(go_on)!r} ]; do sleep 0.05; done; echo last")
    )
    await until(lambda: heard.said() == ["first"])
    go_on.touch()
    assert (await job).exit_status == 0
    assert heard.said() == ["first", "last"]


async def test_a_second_call_finds_the_job_and_does_not_run_it_again(heard: Heard) -> None:
    counter = heard.jobs.parent / "counter"
    script = f"echo run >> {str(counter)!r}; echo done"
    assert await heard.run(script) == JobResult(0, found=False)
    assert await heard.run(script) == JobResult(0, found=True)
    assert counter.read_text() == "run\n"
    assert heard.said() == ["done", "done"]


async def test_a_job_that_the_guard_forbids_is_not_run(heard: Heard) -> None:
    with pytest.raises(JobRefusedError) as refused:
        await heard.run("echo never", guard="echo 'it is taken' >&2; exit 1")
    assert "it is taken" in refused.value.detail
    assert not heard.said()
    assert (await heard.run("echo now", guard="true")).exit_status == 0


async def test_time_that_runs_out_ends_the_job_on_the_node(heard: Heard) -> None:
    mark = heard.jobs.parent / "still-there"
    heard.jobs.parent.mkdir()
    with pytest.raises(ScriptError, match="did not end within 1 s"):
        await heard.run(f"sleep 60; touch {str(mark)!r}", timeout=1)
    process = int((heard.jobs / "job.1" / "process").read_text().split()[0])
    await until(lambda: not Path(f"/proc/{process}").exists())
    assert not mark.exists()


@pytest.mark.parametrize("step", [-86400, 86400])
async def test_a_step_of_the_nodes_clock_neither_ends_a_job_nor_lets_it_go_on(
    heard: Heard, step: int
) -> None:
    """As the clock reads afterwards, the job began `step` seconds away from when it did."""
    taken = heard.jobs / "job.1" / "taken"
    began = asyncio.get_running_loop().time()
    job = asyncio.ensure_future(heard.run("echo first; sleep 60", timeout=3))
    await until(lambda: heard.said() == ["first"])
    os.utime(taken, (taken.stat().st_mtime - step,) * 2)
    with pytest.raises(ScriptError, match="did not end within 3 s"):
        async with asyncio.timeout(20):
            await job
    assert asyncio.get_running_loop().time() - began >= 3


async def test_a_job_that_is_killed_ends_without_a_status(heard: Heard) -> None:
    job = asyncio.ensure_future(heard.run("echo here; sleep 60"))
    await until(lambda: heard.said() == ["here"])
    process = int((heard.jobs / "job.1" / "process").read_text().split()[0])
    os.killpg(process, signal.SIGKILL)
    assert await job == JobResult(None, "its process is gone without an exit status")


async def test_what_a_job_leaves_running_is_not_waited_for(heard: Heard) -> None:
    async with asyncio.timeout(10):
        assert (await heard.run("sleep 20 & echo ended")).exit_status == 0
    assert heard.said() == ["ended"]


async def test_a_job_outlives_its_connection_and_no_line_comes_twice(
    cut_off: Heard, proxied: SshProxy
) -> None:
    job = asyncio.ensure_future(
        cut_off.run("for i in 1 2 3 4 5 6 7 8; do echo $i; sleep 0.3; done")
    )
    for line in ("1", "4"):
        await until(lambda: line in cut_off.said())  # noqa: B023
        await proxied.cut()
    assert await job == JobResult(0)
    assert cut_off.said() == [str(i) for i in range(1, 9)]
    assert "the node is back" in cut_off.notes
    assert proxied.cuts == 2


async def test_cuts_at_the_start_neither_lose_a_job_nor_run_it_twice(
    cut_off: Heard, proxied: SshProxy
) -> None:
    counter = cut_off.jobs.parent / "counter"
    for number in range(12):
        name = f"job.{number}"
        job = asyncio.ensure_future(cut_off.run(f"echo {number} >> {counter}", name=name))
        begun = asyncio.get_running_loop().time()
        while asyncio.get_running_loop().time() - begun < 0.02 * number:  # noqa: ASYNC110 - moments
            await asyncio.sleep(0.001)
        await proxied.cut()
        assert await job == JobResult(0)
    assert counter.read_text().split() == [str(number) for number in range(12)]
