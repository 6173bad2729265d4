"""One script under way on a node: its streams, its end, and ending it early.

Imports asyncssh, so import it late.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import asyncssh

from recovery.errors import NodeUnreachableError
from recovery.inventory.model import Node
from recovery.ssh.connection import Connection
from recovery.ssh.remote_command import command_line, end_script, mark_pattern

CHUNK = 256 * 1024
END_TIMEOUT = 4.0
"""Seconds given to ending a script that nobody waits for any more."""
_LONGEST_PREAMBLE = 64 * 1024


class RunningScript:
    """A script under way. Made by `running`."""

    def __init__(self, process: asyncssh.SSHClientProcess[bytes], nonce: str) -> None:
        self.lost = False
        """Whether the connection went away; then nobody knows how the script ended."""
        self.preamble = b""
        """What came before the script's own output; everything, where it never began."""
        self.end_target: int | None = None
        """What to send signals to: a process group (negative), or a process."""
        self._process = process
        self._mark = mark_pattern(nonce)
        self._begun = False
        self._rest = b""

    @property
    def begun(self) -> bool:
        """Whether the script itself was started, not only a login shell or sudo."""
        return self._begun

    @property
    def exit_status(self) -> int | None:
        """0 to 255, or 128 and the signal's number as a shell counts; None is unknown."""
        status = self._process.returncode
        if self.lost or status is None:
            return None
        return 128 - status if status < 0 else status

    async def stdout(self) -> AsyncIterator[bytes]:
        """The script's output in chunks, until it ends."""
        if not self._begun:
            await self._begin()
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
            self._note_loss()

    def send_end(self) -> None:
        """Close the script's stdin."""
        with suppress(asyncssh.Error, OSError):
            self._process.stdin.write_eof()

    async def wait(self) -> None:
        """Wait until the script has ended, or the connection is lost."""
        try:
            await self._process.wait_closed()
        except (asyncssh.Error, OSError):
            self._note_loss()
        if self._process.returncode is None:
            self._note_loss()

    def close(self) -> None:
        """Close the channel; a script that still runs is not ended by that."""
        self._process.close()

    def _note_loss(self) -> None:
        self.lost = True

    async def _begin(self) -> None:
        async for chunk in self._chunks(self._process.stdout):
            self.preamble += chunk
            mark = self._mark.search(self.preamble)
            if mark is not None:
                number = int(mark[2])
                self.end_target = -number if mark[1] == b"group" else number
                self._rest = self.preamble[mark.end() :]
                self.preamble = self.preamble[: mark.start()]
                self._begun = True
                return
            if len(self.preamble) > _LONGEST_PREAMBLE:
                self.preamble = self.preamble[-_LONGEST_PREAMBLE // 2 :]

    async def _chunks(self, reader: asyncssh.SSHReader[bytes]) -> AsyncIterator[bytes]:
        while True:
            try:
                chunk = await reader.read(CHUNK)
            except (asyncssh.Error, OSError):
                self._note_loss()
                return
            if not chunk:
                return
            yield chunk
            await asyncio.sleep(0)  # a flood must not keep the loop from other work


@asynccontextmanager
async def running(connection: Connection, node: Node, body: str) -> AsyncIterator[RunningScript]:
    """Start a script; leaving the context by an exception ends it on the node, too.

    Raises NodeUnreachableError where it cannot be started, ValueError where it is too long.
    """
    nonce = f"mark-{secrets.token_hex(8)}"
    sudo = node.ssh.sudo
    try:
        process = await _start(connection, command_line(body, nonce=nonce, sudo=sudo))
    except (asyncssh.Error, OSError) as error:
        raise NodeUnreachableError(
            f"no script can be started: {error}",
            where=node.name,
            remedy="try again; does the node's SSH server allow enough sessions?",
        ) from error
    script = RunningScript(process, nonce)
    try:
        yield script
    except BaseException:
        if script.end_target is not None and not script.lost and script.exit_status is None:
            await _end(connection, script.end_target, sudo=sudo)
        raise
    finally:
        script.close()


async def _start(connection: Connection, line: str) -> asyncssh.SSHClientProcess[bytes]:
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


async def _end(connection: Connection, target: int, *, sudo: bool) -> None:
    line = command_line(end_script(target), nonce="end", sudo=sudo)

    async def end() -> None:
        with suppress(asyncssh.Error, OSError, TimeoutError):
            async with asyncio.timeout(END_TIMEOUT):
                process = await _start(connection, line)
                process.stdin.write_eof()
                await process.wait_closed()

    # Shielded: a second cancellation leaves the ending to finish by itself.
    await asyncio.shield(asyncio.ensure_future(end()))
