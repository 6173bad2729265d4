"""Jobs that outlive the connection: a script on a node runs detached, and is found again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

from recovery.errors import NodeError, NodeUnreachableError
from recovery.ssh.job_frames import Frame, FrameReader
from recovery.ssh.job_scripts import (
    NOT_ALLOWED,
    end_script,
    follow_script,
    start_script,
)
from recovery.ssh.output import Kept, OutputSink, OutputStream, StreamReceiver
from recovery.ssh.patience import PATIENCE, Patience
from recovery.ssh.plain_text import plain_text
from recovery.ssh.running_script import RunningScript, keep
from recovery.ssh.session import NodeSession

_END_SECONDS = 30.0
FROZEN_SECONDS = 30.0
"""Without a byte for so long, the connection is given up and another one is made."""

OnNote = Callable[[str], None]


class JobRefusedError(NodeError):
    """The guard did not allow the start; `detail` has its words."""


@dataclass(frozen=True, slots=True)
class JobResult:
    """How a job ended."""

    exit_status: int | None
    """0 to 255, or 128 and the signal's number; None where nobody knows."""
    vanished: str = ""
    """Why nobody knows, in words."""
    found: bool = False
    """It was under way or over already, and was not started again."""


async def run_job(
    session: NodeSession,
    directory: str,
    script: str,
    *,
    timeout: float,
    on_output: OutputSink | None = None,
    on_note: OnNote | None = None,
    guard: str = "",
    patience: float = PATIENCE,
) -> JobResult:
    """Run a script on the node as a job of its own, and follow it to its end.

    `directory` is the job's name: a second call with it, by whichever program, finds the job and
    never starts it twice. `guard`: a script that must succeed before the start. `timeout`:
    seconds from the job's start; its processes are ended then, and ScriptError is raised. A
    connection that is lost or silent is made anew for up to `patience` seconds; after that
    NodeUnreachableError is raised, and the job goes on. Cancelling leaves the job alone.
    """
    job = _Job(session, directory, on_output, on_note or _say_nothing, patience)
    try:
        return await job.run(script, guard, timeout)
    finally:
        job.finish()


async def end_job(session: NodeSession, directory: str) -> None:
    """End the job's processes, if they run."""
    await session.check(end_script(directory), timeout=_END_SECONDS)


class _Job:
    """One job as this program sees it."""

    def __init__(
        self,
        session: NodeSession,
        directory: str,
        on_output: OutputSink | None,
        on_note: OnNote,
        patience: float,
    ) -> None:
        self._session = session
        self._directory = directory
        self._note = on_note
        self._patience = Patience(session, on_note, patience)
        self._receivers = {
            "O": StreamReceiver(OutputStream.OUT, on_output),
            "E": StreamReceiver(OutputStream.ERR, on_output),
        }
        self._told = {"O": 0, "E": 0}
        self._starts = 0
        self._begun = False
        self._found = False

    def finish(self) -> None:
        """Hand over last lines that had no newline."""
        for receiver in self._receivers.values():
            receiver.finish()

    async def run(self, script: str, guard: str, timeout: float) -> JobResult:
        """Start it where it was not started yet, and hear it to its end."""
        sent = script.encode()
        last = await self._patience.until_done(lambda: self._attempt(sent, guard, timeout))
        match last.kind:
            case "S":
                return JobResult(last.number, found=self._found)
            case "B":
                return JobResult(None, "the node was rebooted", self._found)
            case "G":
                return JobResult(None, "its process is gone without an exit status", self._found)
        await end_job(self._session, self._directory)
        what = f"the script did not end within {timeout:g} s"
        raise self._session.failure(what, None, self._receivers["E"].kept.text())

    async def _attempt(self, sent: bytes, guard: str, timeout: float) -> Frame:
        """Over one connection: the frame that ends the job, or NodeUnreachableError."""
        if self._begun:
            body = follow_script(self._directory, self._told["O"], self._told["E"], timeout)
            return await self._listen(body, b"")
        self._starts += 1
        return await self._listen(start_script(self._directory, len(sent), guard, timeout), sent)

    async def _listen(self, body: str, sent: bytes) -> Frame:
        reader = FrameReader()
        errors = Kept()
        async with self._session.running(body) as run, keep(run.stderr(), errors):
            await self._send(run, sent)
            chunks = aiter(run.stdout())
            while True:
                chunk = await self._next(chunks)
                for frame in reader.feed(chunk):
                    if frame.kind in "SBGX":
                        return frame
                    await self._take(frame)
                if not chunk:
                    break
            await run.wait()
        self._session.require_begun(run, errors)
        if run.exit_status is None:
            raise NodeUnreachableError("the connection was lost", where=self._where)
        if run.exit_status == NOT_ALLOWED and not self._begun:
            raise JobRefusedError(
                "a job is not started any more",
                where=self._where,
                detail=plain_text(errors.text()),
            )
        what = "a job cannot be followed" if self._begun else "a job cannot be started"
        raise self._session.failure(what, run.exit_status, errors.text())

    async def _take(self, frame: Frame) -> None:
        if frame.kind in ("N", "F"):
            self._begun = True
            # What this very call started before it lost the connection is not found, but new.
            self._found = frame.kind == "F" and self._starts == 1
        elif frame.kind in ("O", "E"):
            self._told[frame.kind] += len(frame.content)
            await self._receivers[frame.kind].take(frame.content)
        elif frame.kind in ("K", "L"):
            stream = "O" if frame.kind == "K" else "E"
            self._told[stream] += frame.number
            name = "out" if stream == "O" else "err"
            self._note(
                f"… {frame.number} bytes left out here; all of it is in "
                f"{self._where}:{self._directory}/{name}"
            )

    async def _send(self, run: RunningScript, content: bytes) -> None:
        try:
            async with asyncio.timeout(FROZEN_SECONDS):
                await run.send(content)
        except TimeoutError:
            raise self._frozen() from None
        run.send_end()

    async def _next(self, chunks: AsyncIterator[bytes]) -> bytes:
        try:
            async with asyncio.timeout(FROZEN_SECONDS):
                chunk = await anext(chunks)
        except StopAsyncIteration:
            return b""
        except TimeoutError:
            raise self._frozen() from None
        self._patience.back()
        return chunk

    def _frozen(self) -> NodeUnreachableError:
        what = f"not a word for {FROZEN_SECONDS:g} s"
        return NodeUnreachableError(what, where=self._where)

    @property
    def _where(self) -> str:
        return self._session.node.name


def _say_nothing(_: str) -> None:
    """Hears notes where no one else listens."""
