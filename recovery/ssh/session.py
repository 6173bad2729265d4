"""A session to one node: scripts, files and tunnels over one SSH connection."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from recovery.errors import LoginRefusedError, NodeUnreachableError, ScriptError
from recovery.inventory.model import Node
from recovery.ssh.output import OutputSink, OutputStream, StreamReceiver
from recovery.ssh.plain_text import plain_text, without_controls

if TYPE_CHECKING:
    from recovery.ssh.connection import Connection
    from recovery.ssh.running_script import RunningScript

__all__ = ["ByteProgress", "NodeSession", "OutputSink", "OutputStream", "ScriptResult"]

ByteProgress = Callable[[int, int], None]
"""Called with bytes done and bytes in all."""

MOST_CHANNELS = 8
"""At once on one connection; OpenSSH allows 10 by default, and ending a script needs one more."""

_LAST_LINES = 20


@dataclass(frozen=True, slots=True)
class ScriptResult:
    """How a script on a node ended, and what it wrote."""

    node: str
    exit_status: int | None
    """None: nobody knows how it ended. That is never success."""
    stdout: str
    """Without control sequences. Where it was very long, only its beginning and its end."""
    stderr: str
    truncated: bool = False
    """Whether something in the middle of stdout is missing."""

    @property
    def succeeded(self) -> bool:
        """Whether it is known to have ended with status 0."""
        return self.exit_status == 0


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
        out = StreamReceiver(OutputStream.OUT, on_output)
        err = StreamReceiver(OutputStream.ERR, on_output)
        try:
            async with self.running(script) as run, asyncio.timeout(timeout):
                await _converse(run, out, err, stdin)
        except TimeoutError:
            raise self._unknown_end(
                f"the script did not end within {timeout:g} s", err.kept.text()
            ) from None
        finally:
            out.finish()
            err.finish()
        stderr = plain_text(err.kept.text())
        if not run.begun and not run.lost:
            raise self._never_began(run, stderr)
        return ScriptResult(
            node=self.node.name,
            exit_status=run.exit_status,
            stdout=without_controls(out.kept.text()),
            stderr=stderr,
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
        if result.exit_status is None:
            raise self._unknown_end(
                "the connection was lost while a script ran; nobody knows how it ended",
                result.stderr,
            )
        if not result.succeeded:
            raise self.failure(
                f"a script ended with status {result.exit_status}",
                result.exit_status,
                result.stderr,
            )
        if result.truncated and on_output is None:
            raise self.failure("a script wrote more than can be kept", 0, "")
        return result.stdout

    async def read_file(self, path: str, *, limit: int = 16 * 2**20, timeout: float = 30) -> bytes:
        """A file's content; ScriptError where it cannot be read or is above `limit` bytes."""
        from recovery.ssh import transfer

        return await transfer.read_file(self, path, limit=limit, timeout=timeout)

    async def write_file(
        self, path: str, content: bytes, *, mode: int = 0o600, timeout: float = 30
    ) -> None:
        """Put a small file in place: complete on disk under another name, then renamed.

        Raises TransferError, and leaves what was there, where that fails.
        """
        from recovery.ssh import transfer

        await transfer.write_file(self, path, content, mode=mode, timeout=timeout)

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
        """A way to a port that the node can reach: the local address to connect to instead."""
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
        from recovery.ssh.running_script import running

        async with self._channels:
            connection = await self._connected()
            async with running(connection, self.node, script) as run:
                yield run

    def failure(self, what: str, exit_status: int | None, stderr: str) -> ScriptError:
        """A ScriptError about this node, with the last lines of the error output."""
        error = ScriptError(
            what,
            where=self.node.name,
            detail="\n".join(stderr.rstrip().split("\n")[-_LAST_LINES:]),
        )
        error.exit_status = exit_status
        return error

    def _unknown_end(self, what: str, stderr: str) -> ScriptError:
        return self.failure(what, None, plain_text(stderr))

    def _never_began(self, run: RunningScript, stderr: str) -> LoginRefusedError:
        said = plain_text(run.preamble.decode("utf-8", "backslashreplace"))
        detail = "\n".join(part for part in (stderr.strip(), said.strip()) if part)
        if self.node.ssh.sudo:
            return LoginRefusedError(
                "sudo refuses to run commands without a password",
                where=self.node.name,
                remedy="allow the user NOPASSWD in sudoers there, or log in as root (ssh.user)",
                detail=detail,
            )
        return LoginRefusedError(
            "the login is accepted, but the account runs no commands",
            where=self.node.name,
            remedy="check the account's shell there, and a forced command in authorized_keys",
            detail=detail,
        )

    async def _connected(self) -> Connection:
        if self._connection is not None and not self._connection.lost:
            return self._connection
        if self._connecting is None:
            self._connecting = asyncio.ensure_future(self._connect())
        return await asyncio.shield(self._connecting)

    async def _connect(self) -> Connection:
        from recovery.ssh.connection import open_connection

        old, self._connection = self._connection, None
        try:
            if old is not None:
                await old.close(timeout=1.0)
            self._connection = await open_connection(self.node)
            return self._connection
        finally:
            self._connecting = None

    @asynccontextmanager
    async def _tunnel(self, host: str, port: int) -> AsyncIterator[tuple[str, int]]:
        import asyncssh

        connection = await self._connected()
        try:
            listener = await connection.ssh.forward_local_port("127.0.0.1", 0, host, port)
        except (asyncssh.Error, OSError) as error:
            raise NodeUnreachableError(
                f"no tunnel to {host}:{port}: {error}", where=self.node.name
            ) from error
        try:
            yield "127.0.0.1", listener.get_port()
        finally:
            listener.close()


async def _converse(
    run: RunningScript, out: StreamReceiver, err: StreamReceiver, stdin: bytes | None
) -> None:
    """Feed a script its input and receive its output, until it ends."""

    async def feed() -> None:
        if stdin:
            await run.send(stdin)
        run.send_end()

    async def receive(chunks: AsyncIterator[bytes], receiver: StreamReceiver) -> None:
        async for chunk in chunks:
            receiver.feed(chunk)

    parts = [
        asyncio.ensure_future(part)
        for part in (feed(), receive(run.stdout(), out), receive(run.stderr(), err))
    ]
    try:
        await asyncio.gather(*parts)
        await run.wait()
    finally:
        for part in parts:
            part.cancel()
        await asyncio.gather(*parts, return_exceptions=True)
