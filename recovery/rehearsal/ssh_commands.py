"""Runs one command for an SSH session the way OpenSSH's sshd does without a terminal."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from recovery.rehearsal.node.processes import die_with_parent

if TYPE_CHECKING:
    import asyncssh

_CHUNK = 64 * 1024


async def serve_command(
    session: asyncssh.SSHServerProcess[bytes], home: Path, environment: Mapping[str, str]
) -> None:
    """Run the session's command (or a shell) in `home` until it and its output have ended.

    A lost connection does not end the command: its input ends, and its output leads nowhere, so
    that it gets SIGPIPE should it write.
    """
    command = ["/bin/sh", "-c", session.command] if session.command else ["/bin/sh"]
    async with _outgoing(session.stdout) as out, _outgoing(session.stderr) as err:
        child = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.PIPE,
            stdout=out.write_end,
            stderr=err.write_end,
            cwd=home,
            env=dict(environment),
            start_new_session=True,
            preexec_fn=die_with_parent,
        )
        feeding = asyncio.create_task(_feed(session, child))
        try:
            # sshd, too, waits for whoever still holds the output, not for the command alone.
            await asyncio.gather(out.carry(), err.carry(), child.wait())
        finally:
            feeding.cancel()
    _say_how_it_ended(session, child.returncode or 0)


class _Outgoing:
    """A pipe that a command writes to, and the stream that its bytes go to."""

    def __init__(self, stream: asyncssh.SSHWriter[bytes]) -> None:
        self._stream = stream
        self._read_end, self.write_end = os.pipe()

    async def carry(self) -> None:
        """Until the pipe's last writer closes it, or nobody listens any more."""
        self.close_write_end()
        reader = asyncio.StreamReader(limit=_CHUNK)
        transport, _ = await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(self._read_end, "rb", 0)
        )
        self._read_end = -1
        try:
            while content := await reader.read(_CHUNK):
                self._stream.write(content)
                await self._stream.drain()
        except OSError:
            return
        finally:
            transport.close()

    def close_write_end(self) -> None:
        """Leave the pipe to the command alone."""
        if self.write_end >= 0:
            os.close(self.write_end)
            self.write_end = -1

    def close(self) -> None:
        """Close whatever is still open."""
        self.close_write_end()
        if self._read_end >= 0:
            os.close(self._read_end)
            self._read_end = -1


@asynccontextmanager
async def _outgoing(stream: asyncssh.SSHWriter[bytes]) -> AsyncIterator[_Outgoing]:
    pipe = _Outgoing(stream)
    try:
        yield pipe
    finally:
        pipe.close()


async def _feed(
    session: asyncssh.SSHServerProcess[bytes], child: asyncio.subprocess.Process
) -> None:
    """The session's input, and the signals that it sends to the command."""
    import asyncssh

    assert child.stdin is not None
    try:
        while True:
            try:
                content = await session.stdin.read(_CHUNK)
            except asyncssh.SignalReceived as received:
                _send(child, received.signal)
                continue
            except (asyncssh.BreakReceived, asyncssh.TerminalSizeChanged):
                continue
            if not content:
                return
            child.stdin.write(content)
            await child.stdin.drain()
    except (OSError, asyncssh.Error):
        return
    finally:
        child.stdin.close()


def _send(child: asyncio.subprocess.Process, name: str) -> None:
    number = getattr(signal, f"SIG{name}", None)
    if isinstance(number, signal.Signals):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, number)


def _say_how_it_ended(session: asyncssh.SSHServerProcess[bytes], status: int) -> None:
    with contextlib.suppress(OSError):
        if status < 0:
            session.exit_with_signal(signal.Signals(-status).name.removeprefix("SIG"))
        else:
            session.exit(status)
