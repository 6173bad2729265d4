"""Does one action's work on one node: a script, or the delivery of a file."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from recovery.errors import (
    NodeError,
    NodeUnreachableError,
    RescueError,
    TakenOverError,
)
from recovery.restore.delivering import Deliverer, Moved, Say
from recovery.restore.events import Outcome, Stream
from recovery.restore.operator import NodeFailure
from recovery.restore.plan import NodeWork
from recovery.ssh.fleet import Fleet
from recovery.ssh.patience import Patience
from recovery.ssh.session import NodeSession, OutputSink, OutputStream

if TYPE_CHECKING:
    from recovery.ssh.jobs import JobResult

PROBE_SECONDS = 60.0
TAIL_LINES = 20


@dataclass(frozen=True, slots=True)
class WorkResult:
    """How the work ended on a node; `failure` is None unless the outcome is FAILED."""

    outcome: Outcome
    exit_status: int | None = 0
    failure: NodeFailure | None = None


@dataclass(frozen=True, slots=True)
class Try:
    """One try of an action's work on one node."""

    action: str
    number: int
    """Counts the tries of the whole run, over restarts of this program; names the job."""
    timeout: float
    again: bool = False
    """It may be done already: ask the probe first."""
    under_way: bool = False
    """An earlier program began it and nobody knows how it ended: follow it, do not ask."""
    detached: bool = False
    """Run it as a job that outlives the connection, where the run has a place on the node."""


class NodeWorker:
    """Runs the work of actions on nodes.

    `run_dirs` has the run's directory on each node where jobs may be kept; `guard` gives a script
    that fails on a node where somebody else has taken over.
    """

    def __init__(
        self,
        fleet: Fleet,
        deliverer: Deliverer,
        run_dirs: Mapping[str, str] | None = None,
        guard: Callable[[str], str] = lambda _: "",
    ) -> None:
        self._fleet = fleet
        self._deliverer = deliverer
        self._run_dirs = run_dirs or {}
        self._guard = guard

    async def do(self, work: NodeWork, this: Try, *, say: Say, moved: Moved) -> WorkResult:
        """Do the work once.

        Never raises for what goes wrong on the node; the result says it. Raises TakenOverError
        where somebody else has taken the cluster over.
        """
        session = self._fleet.session(work.node)
        tail: list[str] = []

        def heard(stream: Stream, lines: Sequence[str]) -> None:
            tail.extend(lines)
            del tail[:-TAIL_LINES]
            say(stream, lines)

        try:
            if this.again and await self._is_done(session, work, this.timeout):
                heard(Stream.NOTE, ["already done"])
                return WorkResult(Outcome.ALREADY_DONE)
            if work.delivery is not None:
                await self._deliverer.deliver(session, work.delivery, heard, moved)
                return WorkResult(Outcome.DONE)
            return await self._script(session, work, this, heard, tail)
        except TakenOverError:
            raise
        except RescueError as error:
            return await self._after_trouble(session, work, this.timeout, error, heard, tail)
        except OSError as error:
            here = RescueError(f"this machine cannot do its part: {error.strerror or error}")
            return await self._after_trouble(session, work, this.timeout, here, heard, tail)

    async def _script(
        self, session: NodeSession, work: NodeWork, this: Try, heard: Say, tail: list[str]
    ) -> WorkResult:
        def on_output(stream: OutputStream, lines: Sequence[str]) -> None:
            if stream is OutputStream.ERR:
                heard(Stream.ERR, lines)
                return
            for kind, group in _split_commands(lines):
                heard(kind, group)

        exit_status = await self._run(session, work, this, heard, on_output)
        if exit_status == 0:
            return WorkResult(Outcome.DONE)
        last = next((line for line in reversed(tail) if line.strip()), "it said nothing")
        message = f"the script ended with status {exit_status}: {last.strip()}"
        return _failed(work.node, message, exit_status, tail)

    async def _run(
        self, session: NodeSession, work: NodeWork, this: Try, heard: Say, on_output: OutputSink
    ) -> int:
        """The script's exit status; raises NodeError where nobody knows it."""
        run_dir = self._run_dirs.get(work.node)
        if not this.detached or run_dir is None:
            return await _run(session, work.script, this.timeout, heard, on_output)
        directory = posixpath.join(run_dir, "jobs", f"{this.action}.{this.number}")
        result = await self._job(session, directory, work, this, heard, on_output)
        if result.found and (result.exit_status != 0 or not await self._still_done(session, work)):
            # What an earlier program began has failed, or has come undone since.
            heard(Stream.NOTE, ["what was begun earlier is not done: once more"])
            result = await self._job(session, f"{directory}b", work, this, heard, on_output)
        if result.exit_status is None:
            raise _unknown(work.node, result.vanished)
        return result.exit_status

    async def _job(
        self,
        session: NodeSession,
        directory: str,
        work: NodeWork,
        this: Try,
        heard: Say,
        on_output: OutputSink,
    ) -> JobResult:
        from recovery.ssh.jobs import JobRefusedError, run_job

        try:
            return await run_job(
                session,
                directory,
                work.script,
                timeout=this.timeout,
                on_output=on_output,
                on_note=lambda words: heard(Stream.NOTE, [words]),
                guard=self._guard(work.node),
            )
        except JobRefusedError as error:
            raise TakenOverError(
                "somebody else has taken this cluster over; nothing more is done from here",
                where=work.node,
                remedy="speak to them; `etcd-rescue runs` shows the run",
                detail=error.detail,
            ) from error

    async def _still_done(self, session: NodeSession, work: NodeWork) -> bool:
        return work.probe is None or await self._is_done(session, work, PROBE_SECONDS)

    async def _after_trouble(
        self,
        session: NodeSession,
        work: NodeWork,
        timeout: float,
        error: RescueError,
        heard: Say,
        tail: list[str],
    ) -> WorkResult:
        """A lost connection or a timeout says nothing about the work: ask the probe."""
        heard(Stream.NOTE, [str(error)])
        try:
            if await self._is_done(session, work, timeout):
                heard(Stream.NOTE, ["it is done all the same"])
                return WorkResult(Outcome.DONE, exit_status=None)
        except RescueError as second:
            heard(Stream.NOTE, [str(second)])
        lines = [*tail, *error.detail.splitlines()[-TAIL_LINES:]]
        return _failed(work.node, str(error), None, lines)

    @staticmethod
    async def _is_done(session: NodeSession, work: NodeWork, timeout: float) -> bool:
        if work.probe is None:
            return False
        # Whether a file has arrived is told by its checksum, which takes long for a large one.
        seconds = max(PROBE_SECONDS, timeout) if work.delivery else PROBE_SECONDS
        return await _run(session, work.probe, seconds, _unheard) == 0


async def _run(
    session: NodeSession,
    script: str,
    timeout: float,
    heard: Say,
    on_output: OutputSink | None = None,
) -> int:
    """The exit status of a script that may be run twice: once more where its end was not seen."""

    async def attempt() -> int:
        result = await session.run(script, timeout=timeout, on_output=on_output)
        if result.exit_status is None:
            raise NodeUnreachableError("the connection was lost", where=session.node.name)
        return result.exit_status

    return await _patience(session, heard).until_done(attempt)


def _patience(session: NodeSession, heard: Say) -> Patience:
    return Patience(session, lambda words: heard(Stream.NOTE, [words]))


def _unheard(_: Stream, __: Sequence[str]) -> None:
    """Hears notes where no one else listens."""


def _unknown(node: str, why: str) -> NodeError:
    return NodeError(
        f"{why}, nobody knows how the script ended",
        where=node,
        remedy="retry: what is already done is not done twice",
    )


def _split_commands(lines: Sequence[str]) -> list[tuple[Stream, list[str]]]:
    """Group a script's output into the commands it announces (`$ …`) and what they print."""
    groups: list[tuple[Stream, list[str]]] = []
    for line in lines:
        kind = Stream.COMMAND if line.startswith("$ ") else Stream.OUT
        if groups and groups[-1][0] is kind:
            groups[-1][1].append(line)
        else:
            groups.append((kind, [line]))
    return groups


def _failed(node: str, message: str, exit_status: int | None, lines: Sequence[str]) -> WorkResult:
    failure = NodeFailure(node, message, exit_status, "\n".join(lines[-TAIL_LINES:]))
    return WorkResult(Outcome.FAILED, exit_status, failure)
