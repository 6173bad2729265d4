"""A session to one node: scripts, files and tunnels over one SSH connection."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from recovery.errors import NodeUnreachableError, ScriptError
from recovery.inventory.model import Node
from recovery.ssh.output import Kept, OutputSink, OutputStream, StreamReceiver
from recovery.ssh.plain_text import pieces, plain_text, without_controls
from recovery.ssh.result import ScriptResult
from recovery.ssh.script_failures import never_began, script_failure

if TYPE_CHECKING:
    from recovery.ssh.connection import Connection
    from recovery.ssh.running_script import RunningScript

__all__ = ["ByteProgress", "NodeSession", "OutputSink", "OutputStream", "ScriptResult"]

ByteProgress = Callable[[int, int], None]
"""Called with bytes done and bytes in all."""

MOST_CHANNELS = 8
"""At once on one connection; OpenSSH allows 10 by default, and ending a script needs one more."""

_REFUSED_WAIT = 0.2
_MOST_IDLE_REFUSALS = 10


class NodeSession:
    """One node over SSH. Connects on first use, and again after the connection was lost.

    Every method raises NodeUnreachableError (or HostKeyError, LoginRefusedError) where there is no
    connection. An instance belongs to one event loop.
    """

    def __init__(self, node: Node) -> None:
        self.node = node
        self._connection: Connection | None = None
        self._connecting: asyncio.Task[Connection] | None = None
        self._channels = asyncio.Semaphore(MOST_CHANNELS)
        self._scripts = 0
        self._script_ended = asyncio.Event()
        self._forwards = False
        self._connections = 0

    @property
    def connection_number(self) -> int:
        """The number of the connection that is in use, or of the one that will be made next."""
        in_use = self._connection is not None and not self._connection.lost
        return self._connections if in_use else self._connections + 1

    @property
    def connected(self) -> bool:
        """Whether there is a connection now."""
        return self._connection is not None and not self._connection.lost

    @property
    def was_connected(self) -> bool:
        """Whether there was ever a connection: what was never there cannot have gone away."""
        return self._connections > 0

    def disturbed_since(self, connection_number: int) -> bool:
        """Whether that connection was lost meanwhile."""
        lost = self._connection is not None and self._connection.lost
        return self._connections > connection_number or (
            lost and self._connections == connection_number
        )

    async def run(
        self,
        script: str,
        *,
        timeout: float,
        on_output: OutputSink | None = None,
        stdin: bytes | None = None,
    ) -> ScriptResult:
        """Run a POSIX shell script to its end; its status is in the result, not raised.

        `timeout` is in seconds, from the script's start. A connection lost on the way gives
        exit status None. Raises ScriptError when time runs out; the script's processes are then
        ended on the node, as they are when this call is cancelled. The script shows in the node's
        process list: what is secret belongs into `stdin`.
        """
        from recovery.ssh.conversation import converse

        out = StreamReceiver(OutputStream.OUT, on_output)
        err = StreamReceiver(OutputStream.ERR, on_output)
        try:
            async with self.running(script) as run, asyncio.timeout(timeout):
                await converse(run, out, err, stdin)
        except TimeoutError:
            what = f"the script did not end within {timeout:g} s"
            raise self.failure(what, None, err.kept.text()) from None
        finally:
            out.finish()
            err.finish()
        self.require_begun(run, err.kept)
        return ScriptResult(
            node=self.node.name,
            exit_status=run.exit_status,
            stdout=await _to_parse(out.kept.text()),
            stderr=plain_text(err.kept.text()),
            truncated=out.kept.truncated,
        )

    async def check(
        self, script: str, *, timeout: float = 60, on_output: OutputSink | None = None
    ) -> str:
        """Run a script that must succeed; returns what it wrote to stdout.

        Raises ScriptError unless it is known to have ended with status 0, and where nobody
        watched its output and there was too much of it to keep.
        """
        result = await self.run(script, timeout=timeout, on_output=on_output)
        status = result.exit_status
        if status is None:
            what = "the connection was lost while a script ran; nobody knows how it ended"
            raise self.failure(what, None, result.stderr)
        if status != 0:
            raise self.failure(f"a script ended with status {status}", status, result.stderr)
        if result.truncated and on_output is None:
            raise self.failure("a script wrote more than can be kept", 0, "")
        return result.stdout

    async def read_file(self, path: str, *, limit: int = 16 * 2**20, timeout: float = 30) -> bytes:
        """A file's content; ScriptError where it cannot be read or is above `limit` bytes."""
        from recovery.ssh import small_files

        return await small_files.read_file(self, path, limit=limit, timeout=timeout)

    async def write_file(
        self, path: str, content: bytes, *, mode: int = 0o600, timeout: float = 30
    ) -> None:
        """Put a small file in place: complete on disk under another name, then renamed.

        Raises TransferError, and leaves what was there, where that fails.
        """
        from recovery.ssh import small_files

        await small_files.write_file(self, path, content, mode=mode, timeout=timeout)

    async def push(
        self,
        local: Path,
        target: str,
        *,
        sha256: str,
        mode: int = 0o600,
        progress: ByteProgress | None = None,
        stall_timeout: float = 60,
    ) -> None:
        """Copy a local file to the node; it gets its name once its sha256 (hex) was seen there.

        Does nothing where it is there already. `stall_timeout`: seconds without progress. Raises
        TransferError.
        """
        from recovery.ssh import transfer

        await transfer.push(
            self,
            local,
            target,
            sha256=sha256,
            mode=mode,
            progress=progress,
            stall_timeout=stall_timeout,
        )

    async def fetch(
        self,
        path: str,
        local: Path,
        *,
        progress: ByteProgress | None = None,
        stall_timeout: float = 60,
    ) -> str:
        """Copy a file from the node; returns the sha256 (hex) of the bytes that came.

        `stall_timeout`: seconds without progress. Raises TransferError; `local` then is as it was.
        """
        from recovery.ssh import transfer

        return await transfer.fetch(
            self, path, local, progress=progress, stall_timeout=stall_timeout
        )

    def tunnel(self, host: str, port: int) -> AbstractAsyncContextManager[tuple[str, int]]:
        """A way to a port that the node can reach: gives the local address to connect to instead.

        Entering it raises NodeError where the node's SSH server forbids forwarding. Whether
        something listens there shows only when the address is used.
        """
        return self._tunnel(host, port)

    async def close(self) -> None:
        """End the connection. The next call opens another one."""
        connecting, self._connecting = self._connecting, None
        if connecting is not None:
            connecting.cancel()
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close()

    @asynccontextmanager
    async def running(self, script: str) -> AsyncIterator[RunningScript]:
        """A script under way, to stream bytes; ended on the node when left by an exception."""
        from recovery.ssh.running_script import ended_if_left

        async with self._channels:
            connection, run = await self._start(script)
            self._scripts += 1
            try:
                async with ended_if_left(run, connection, self.node):
                    yield run
            finally:
                self._scripts -= 1
                self._script_ended.set()

    def require_begun(self, run: RunningScript, errors: Kept) -> None:
        """Raise LoginRefusedError where a script ended without having been run at all."""
        if not run.begun and not run.lost:
            raise never_began(self.node, run.preamble, errors.text())

    def failure(self, what: str, exit_status: int | None, stderr: str) -> ScriptError:
        """A ScriptError about this node, with the last lines of the error output."""
        return script_failure(what, node=self.node.name, exit_status=exit_status, stderr=stderr)

    async def _start(self, script: str) -> tuple[Connection, RunningScript]:
        from recovery.ssh.running_script import TooManySessionsError, start

        idle_refusals = 0
        while True:
            connection = await self._connected()
            self._script_ended.clear()
            try:
                return connection, await start(connection, self.node, script)
            except TooManySessionsError:
                # This server allows fewer sessions than most: wait until a script has ended. One
                # that has ended here may still count there for a moment.
                idle_refusals += not self._scripts
                if idle_refusals > _MOST_IDLE_REFUSALS:
                    raise
            with suppress(TimeoutError):
                async with asyncio.timeout(_REFUSED_WAIT):
                    await self._script_ended.wait()

    async def _connected(self) -> Connection:
        if self._connection is not None and not self._connection.lost:
            return self._connection
        if self._connecting is None:
            self._connecting = asyncio.ensure_future(self._connect())
        connecting = self._connecting
        try:
            return await asyncio.shield(connecting)
        except asyncio.CancelledError:
            if not connecting.cancelled() or _being_cancelled():
                raise
            raise NodeUnreachableError("the session was closed", where=self.node.name) from None

    async def _connect(self) -> Connection:
        from recovery.ssh.connection import open_connection

        old, self._connection = self._connection, None
        self._forwards = False
        try:
            if old is not None:
                await old.close(timeout=1.0)
            self._connection = await open_connection(self.node)
            self._connections += 1
            return self._connection
        finally:
            self._connecting = None

    @asynccontextmanager
    async def _tunnel(self, host: str, port: int) -> AsyncIterator[tuple[str, int]]:
        from recovery.ssh import forwarding

        connection = await self._connected()
        if not self._forwards:
            await forwarding.require_forwarding(connection, self.node, host, port)
            self._forwards = True
        async with forwarding.tunnel(connection, self.node, host, port) as address:
            yield address


async def _to_parse(text: str) -> str:
    """Text without control sequences; megabytes of it must not keep the loop from other work."""
    parts = []
    for part in pieces(text):
        parts.append(without_controls(part))
        await asyncio.sleep(0)
    return "".join(parts)


def _being_cancelled() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
