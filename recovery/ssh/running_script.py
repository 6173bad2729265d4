"""One script under way on a node: its streams, its end, and ending it early.

Imports asyncssh, so import it late.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager, suppress

import asyncssh

from recovery.errors import NodeError, NodeUnreachableError, ScriptError
from recovery.inventory.model import Node
from recovery.ssh.connection import Connection
from recovery.ssh.output import Kept
from recovery.ssh.remote_command import command_line, end_script, mark_pattern

CHUNK = 256 * 1024
START_TIMEOUT = 30.0
"""Seconds until a node that opens no session any more counts as unreachable."""
END_TIMEOUT = 4.0
"""Seconds given to ending a script that nobody waits for any more."""
_LONGEST_PREAMBLE = 64 * 1024


class TooManySessionsError(NodeUnreachableError):
    """The node's SSH server opens no further session on this connection."""


class RunningScript:
    """A script under way. Made by `running`."""

    def __init__(self, process: asyncssh.SSHClientProcess[bytes], nonce: str) -> None:
        self.lost = False
        """Whether the connection went away; then nobody knows how the script ended."""
        self.preamble = b""
        """What came before the script's own output; everything, where it never began."""
        self.end_target: int | None = None
        """What to send signals to: a process group (negative), or a process."""
        self.begun = False
        """Whether the script itself was started, not only a login shell or sudo."""
        self._process = process
        self._mark = mark_pattern(nonce)
        self._rest = b""

    @property
    def exit_status(self) -> int | None:
        """0 to 255, or 128 and the signal's number as a shell counts; None is unknown."""
        status = self._process.returncode
        if self.lost or status is None:
            return None
        return 128 - status if status < 0 else status

    @property
    def ended(self) -> bool:
        """Whether nothing more can be sent to it."""
        return self.lost or self._process.returncode is not None

    async def begin(self) -> None:
        """Wait until the script itself has started, or has ended without that."""
        if self.begun:
            return
        async for chunk in self._chunks(self._process.stdout):
            self.preamble += chunk
            mark = self._mark.search(self.preamble)
            if mark is not None:
                number = int(mark[2])
                self.end_target = -number if mark[1] == b"group" else number
                self._rest = self.preamble[mark.end() :]
                self.preamble = self.preamble[: mark.start()]
                self.begun = True
                return
            self.preamble = self.preamble[-_LONGEST_PREAMBLE:]

    async def stdout(self) -> AsyncIterator[bytes]:
        """The script's output in chunks, until it ends."""
        await self.begin()
        if self._rest:
            rest, self._rest = self._rest, b""
            yield rest
        async for chunk in self._chunks(self._process.stdout):
            yield chunk

    async def stderr(self) -> AsyncIterator[bytes]:
        """The script's error output in chunks, until it ends."""
        async for chunk in self._chunks(self._process.stderr):
            yield chunk

    async def send(self, content: bytes) -> None:
        """Write to the script's stdin, as fast as the node takes it."""
        try:
            self._process.stdin.write(content)
            await self._process.stdin.drain()
        except (asyncssh.Error, OSError):
            # Either the script ended without reading all of it, or the connection is lost. Which
            # of them it was, `wait` finds out.
            return

    def send_end(self) -> None:
        """Close the script's stdin."""
        with suppress(asyncssh.Error, OSError):
            self._process.stdin.write_eof()

    async def until_end(self) -> None:
        """Wait for the end, and drop what the script still writes to stdout."""
        async for _ in self.stdout():
            pass
        await self.wait()

    async def wait(self) -> None:
        """Wait until the script has ended, or the connection is lost."""
        try:
            await self._process.wait_closed()
        except (asyncssh.Error, OSError):
            self.lost = True
        if self._process.returncode is None:
            self.lost = True

    def close(self) -> None:
        """Close the channel; a script that still runs is not ended by that."""
        self._process.close()

    async def _chunks(self, reader: asyncssh.SSHReader[bytes]) -> AsyncIterator[bytes]:
        while True:
            try:
                chunk = await reader.read(CHUNK)
            except (asyncssh.Error, OSError):
                self.lost = True
                return
            if not chunk:
                return
            yield chunk
            await asyncio.sleep(0)  # a flood must not keep the loop from other work


async def start(connection: Connection, node: Node, body: str) -> RunningScript:
    """Start a script; one that is being started while this is cancelled is ended again.

    Raises NodeUnreachableError where it cannot be started, ScriptError where it is too long.
    """
    nonce = f"mark-{secrets.token_hex(8)}"
    try:
        line = command_line(body, nonce=nonce, sudo=node.ssh.sudo)
    except ValueError as error:
        raise ScriptError(str(error), where=node.name) from error
    starting = asyncio.ensure_future(_start(connection, node, line))
    try:
        return RunningScript(await asyncio.shield(starting), nonce)
    except asyncio.CancelledError:

        async def end_after_all() -> None:
            with suppress(NodeError):
                await _end(RunningScript(await starting, nonce), connection, node)

        await _in_bounded_time(end_after_all())
        raise


@asynccontextmanager
async def ended_if_left(
    script: RunningScript, connection: Connection, node: Node
) -> AsyncIterator[None]:
    """Leaving this context by an exception ends the script on the node, too."""
    try:
        yield
    except BaseException:
        await _in_bounded_time(_end(script, connection, node))
        raise
    finally:
        script.close()


@asynccontextmanager
async def keep(chunks: AsyncIterator[bytes], kept: Kept) -> AsyncIterator[None]:
    """Keep these chunks while something else goes on, and to their end."""

    async def listen() -> None:
        async for chunk in chunks:
            kept.add(chunk)

    listening = asyncio.ensure_future(listen())
    try:
        yield
        await listening
    finally:
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)


async def _start(connection: Connection, node: Node, line: str) -> asyncssh.SSHClientProcess[bytes]:
    try:
        async with asyncio.timeout(START_TIMEOUT):
            return await _open_process(connection, line)
    except asyncssh.ChannelOpenError as error:
        raise TooManySessionsError(
            f"the SSH server opens no further session: {error.reason}",
            where=node.name,
            remedy="raise MaxSessions in its sshd_config, or try again",
        ) from error
    except (asyncssh.Error, OSError) as error:
        raise NodeUnreachableError(
            f"no script can be started: {str(error) or 'no answer'}",
            where=node.name,
            remedy="try again; is the node overloaded?",
        ) from error


async def _open_process(connection: Connection, line: str) -> asyncssh.SSHClientProcess[bytes]:
    return await connection.ssh.create_process(
        line,
        encoding=None,
        stdin=asyncssh.PIPE,
        stdout=asyncssh.PIPE,
        stderr=asyncssh.PIPE,
        request_pty=False,
        env=(),
        send_env=(),
    )


async def _end(script: RunningScript, connection: Connection, node: Node) -> None:
    """End a script's processes, as far as the node lets us."""
    if script.ended:
        return
    await script.begin()
    if script.end_target is None:
        return
    line = command_line(end_script(script.end_target), nonce="end", sudo=node.ssh.sudo)
    process = await _open_process(connection, line)
    process.stdin.write_eof()
    await process.wait_closed()


async def _in_bounded_time(ending: Coroutine[None, None, None]) -> None:
    async def end() -> None:
        with suppress(asyncssh.Error, OSError):
            async with asyncio.timeout(END_TIMEOUT):
                await ending

    # Shielded: a second cancellation leaves the ending to finish by itself.
    await asyncio.shield(asyncio.ensure_future(end()))
