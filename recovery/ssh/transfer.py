"""Large files over a session: a file arrives whole and checked, or does not get its name.

A plain stream through a script's stdin and stdout, so that sudo works and no SFTP server is needed.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from recovery.errors import TransferError
from recovery.ssh.output import Kept
from recovery.ssh.plain_text import plain_text
from recovery.ssh.receiving import absolute, checksum_script, not_received, receive_script
from recovery.ssh.running_script import RunningScript, keep
from recovery.ssh.script import script
from recovery.ssh.session import ByteProgress, NodeSession

BLOCK = 2**20
SLOWEST_CHECK = 10 * 2**20
"""Bytes a second that a node must at least manage when it writes to disk and takes a checksum."""

_SEND = """
[ -f "$FILE" ] || { echo "$FILE: no such file" >&2; exit 66; }
wc -c < "$FILE"
exec cat "$FILE"
"""


async def push(
    session: NodeSession,
    local: Path,
    target: str,
    *,
    sha256: str,
    mode: int,
    progress: ByteProgress | None,
    stall_timeout: float,
) -> None:
    """See NodeSession.push."""
    receive = receive_script(target, sha256, mode)
    size = (await asyncio.to_thread(local.stat)).st_size
    patience = stall_timeout + size / SLOWEST_CHECK
    present = await session.check(checksum_script(target), timeout=patience)
    if present.strip() == sha256.lower():
        if progress is not None:
            progress(size, size)
        return
    errors = Kept()
    try:
        async with session.running(receive) as run, keep(run.stderr(), errors):
            await _send_file(run, local, size, progress, stall_timeout)
            async with asyncio.timeout(patience):
                await run.until_end()
    except TimeoutError:
        raise _stalled(session, target, stall_timeout) from None
    session.require_begun(run, errors)
    if run.exit_status != 0:
        said = plain_text(errors.text())
        raise not_received(session.node.name, target, run.exit_status, said)


async def fetch(
    session: NodeSession,
    path: str,
    local: Path,
    *,
    progress: ByteProgress | None,
    stall_timeout: float,
) -> str:
    """See NodeSession.fetch."""
    partial = local.with_name(local.name + ".partial")
    receiver = _Receiver(partial, progress)
    try:
        await asyncio.to_thread(receiver.open)
        await _receive(session, path, receiver, stall_timeout)
        await asyncio.to_thread(receiver.put_in_place, local)
    except OSError as error:
        raise TransferError(
            f"{local} cannot be written here: {error.strerror or error}",
            where=session.node.name,
            remedy="make room, or check the directory's permissions, on this machine",
        ) from error
    finally:
        await asyncio.shield(asyncio.to_thread(receiver.discard))
    return receiver.sha256


class _Receiver:
    """The local end of a fetch: first a line with the size, then that many bytes."""

    def __init__(self, partial: Path, progress: ByteProgress | None) -> None:
        self.size: int | None = None
        self.done = 0
        self._partial = partial
        self._progress = progress
        self._first = b""
        self._digest = hashlib.sha256()
        self._file: BinaryIO | None = None

    @property
    def sha256(self) -> str:
        """Of what came, in hex."""
        return self._digest.hexdigest()

    def open(self) -> None:
        """Make the partial file, for nobody else to read."""
        self._partial.unlink(missing_ok=True)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
        self._file = os.fdopen(os.open(self._partial, flags, 0o600), "wb", buffering=0)

    async def take(self, chunk: bytes) -> None:
        """Store the next chunk."""
        if self.size is None:
            self._first += chunk
            number, newline, chunk = self._first.partition(b"\n")
            if not newline:
                return
            self.size = int(number) if number.strip().isdigit() else 0
        if chunk:
            await asyncio.to_thread(self._store, chunk)
        self.done += len(chunk)
        if self._progress is not None:
            self._progress(self.done, self.size)

    def put_in_place(self, local: Path) -> None:
        """Give the file its name, now that it is whole.

        It is not waited for on disk: what was fetched is used at once, and compared with its sha256
        before it is used after a crash.
        """
        self._partial.replace(local)

    def discard(self) -> None:
        """Close the file; remove it where it is still partial."""
        if self._file is not None:
            self._file.close()
            with suppress(OSError):
                self._partial.unlink(missing_ok=True)

    def _store(self, chunk: bytes) -> None:
        self._digest.update(chunk)
        view = memoryview(chunk)
        while view and self._file is not None:
            view = view[self._file.write(view) :]


async def _receive(
    session: NodeSession, path: str, receiver: _Receiver, stall_timeout: float
) -> None:
    errors = Kept()
    try:
        async with session.running(script(_SEND, file=absolute(path))) as run:
            run.send_end()
            async with keep(run.stderr(), errors):
                async for chunk in _unstalled(run.stdout(), stall_timeout):
                    await receiver.take(chunk)
                async with asyncio.timeout(stall_timeout):
                    await run.wait()
    except TimeoutError:
        raise _stalled(session, path, stall_timeout) from None
    session.require_begun(run, errors)
    said = plain_text(errors.text())
    if run.exit_status not in (0, None):
        raise TransferError(
            f"{path} cannot be read",
            where=session.node.name,
            remedy="see the node's own words",
            detail=said,
        )
    if run.exit_status is None or receiver.done != receiver.size:
        raise TransferError(
            f"{path} did not arrive whole: {receiver.done} of {receiver.size or 0} bytes",
            where=session.node.name,
            remedy="check the connection, then try again",
            detail=said,
        )


async def _send_file(
    run: RunningScript,
    local: Path,
    size: int,
    progress: ByteProgress | None,
    stall_timeout: float,
) -> None:
    done = 0
    file = await asyncio.to_thread(local.open, "rb")
    try:
        while block := await asyncio.to_thread(file.read, BLOCK):
            async with asyncio.timeout(stall_timeout):
                await run.send(block)
            if run.ended:
                return
            done += len(block)
            if progress is not None:
                progress(done, size)
    finally:
        file.close()
    run.send_end()


async def _unstalled(chunks: AsyncIterator[bytes], stall_timeout: float) -> AsyncIterator[bytes]:
    while True:
        async with asyncio.timeout(stall_timeout):
            try:
                chunk = await anext(chunks)
            except StopAsyncIteration:
                return
        yield chunk


def _stalled(session: NodeSession, path: str, stall_timeout: float) -> TransferError:
    return TransferError(
        f"{path}: nothing moved for {stall_timeout:g} s",
        where=session.node.name,
        remedy="check the connection and the node's disk, then try again",
    )
