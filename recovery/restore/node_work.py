"""Does one action's work on one node: a script, or the delivery of a file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from recovery.errors import NodeError, RescueError
from recovery.restore.delivering import Deliverer, Moved, Say
from recovery.restore.events import Outcome, Stream
from recovery.restore.operator import NodeFailure
from recovery.restore.plan import NodeWork
from recovery.ssh.fleet import Fleet
from recovery.ssh.session import NodeSession, OutputStream

PROBE_SECONDS = 60.0
TAIL_LINES = 20


@dataclass(frozen=True, slots=True)
class WorkResult:
    """How the work ended on a node; `failure` is None unless the outcome is FAILED."""

    outcome: Outcome
    exit_status: int | None = 0
    failure: NodeFailure | None = None


class NodeWorker:
    """Runs the work of actions on nodes."""

    def __init__(self, fleet: Fleet, deliverer: Deliverer) -> None:
        self._fleet = fleet
        self._deliverer = deliverer

    async def do(
        self, work: NodeWork, *, timeout: float, again: bool, say: Say, moved: Moved
    ) -> WorkResult:
        """Do the work once. `again`: it was tried before, so ask the probe first.

        Never raises for what goes wrong on the node; the result says it.
        """
        session = self._fleet.session(work.node)
        tail: list[str] = []

        def heard(stream: Stream, lines: Sequence[str]) -> None:
            tail.extend(lines)
            del tail[:-TAIL_LINES]
            say(stream, lines)

        try:
            if again and await self._is_done(session, work, timeout):
                heard(Stream.NOTE, ["already done"])
                return WorkResult(Outcome.ALREADY_DONE)
            if work.delivery is not None:
                await self._deliverer.deliver(session, work.delivery, heard, moved)
                return WorkResult(Outcome.DONE)
            return await self._script(session, work, timeout, heard, tail)
        except RescueError as error:
            return await self._after_trouble(session, work, timeout, error, heard, tail)
        except OSError as error:
            here = RescueError(f"this machine cannot do its part: {error.strerror or error}")
            return await self._after_trouble(session, work, timeout, here, heard, tail)

    async def _script(
        self, session: NodeSession, work: NodeWork, timeout: float, heard: Say, tail: list[str]
    ) -> WorkResult:
        def on_output(stream: OutputStream, lines: Sequence[str]) -> None:
            if stream is OutputStream.ERR:
                heard(Stream.ERR, lines)
                return
            for kind, group in _split_commands(lines):
                heard(kind, group)

        result = await session.run(work.script, timeout=timeout, on_output=on_output)
        if result.exit_status == 0:
            return WorkResult(Outcome.DONE)
        if result.exit_status is None:
            raise NodeError(
                "the connection was lost, nobody knows how the script ended",
                where=work.node,
                remedy="retry: what is already done is not done twice",
            )
        last = next((line for line in reversed(tail) if line.strip()), "it said nothing")
        message = f"the script ended with status {result.exit_status}: {last.strip()}"
        return _failed(work.node, message, result.exit_status, tail)

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
        result = await session.run(work.probe, timeout=seconds)
        return result.exit_status == 0


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
