"""Files over a session: every file arrives whole and checked, or does not get its name.

A plain stream through a script's stdin and stdout, so that sudo works and no SFTP server is needed.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import posixpath
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from recovery.errors import TransferError
from recovery.ssh.output import Kept
from recovery.ssh.plain_text import plain_text
from recovery.ssh.running_script import RunningScript
from recovery.ssh.script import script
from recovery.ssh.session import ByteProgress, NodeSession

BLOCK = 2**20
SLOWEST_CHECK = 10 * 2**20
"""Bytes a second that a node must at least manage when it writes to disk and takes a checksum."""

_RECEIVE = """
umask 077
sha256_of() {
  { openssl dgst -sha256 -r < "$1" 2> /dev/null || sha256sum < "$1"; } | cut -d ' ' -f 1
}
[ ! -d "$TARGET" ] || { echo "$TARGET is a directory" >&2; exit 1; }
rm -f "$TARGET.partial"
trap 'rm -f "$TARGET.partial"' EXIT
(set -C; cat > "$TARGET.partial")
sync "$TARGET.partial" 2> /dev/null || sync
if [ "$(sha256_of "$TARGET.partial")" != "$SHA256" ]; then
  echo "the checksum differs" >&2
  exit 65
fi
chmod "$MODE" "$TARGET.partial"
mv -f "$TARGET.partial" "$TARGET"
sync "$DIRECTORY" 2> /dev/null || sync
"""

_PRESENT = """
[ -f "$TARGET" ] || exit 0
{ openssl dgst -sha256 -r < "$TARGET" 2> /dev/null || sha256sum < "$TARGET"; } | cut -d ' ' -f 1
"""

_SEND = """
[ -f "$FILE" ] || { echo "$FILE: no such file" >&2; exit 66; }
wc -c < "$FILE"
exec cat "$FILE"
"""


async def read_file(session: NodeSession, path: str, *, limit: int, timeout: float) -> bytes:
    """See NodeSession.read_file."""
    content = bytearray()
    errors = Kept()
    body = script('exec cat "$FILE"', file=_absolute(path))
    try:
        async with session.running(body) as run, asyncio.timeout(timeout):
            run.send_end()
            listening = asyncio.ensure_future(_keep(run.stderr(), errors))
            async for chunk in run.stdout():
                content += chunk
                if len(content) > limit:
                    raise session.failure(f"{path} is larger than {limit} bytes", None, "")
            await listening
            await run.wait()
    except TimeoutError:
        raise session.failure(f"{path} was not read within {timeout:g} s", None, "") from None
    if run.exit_status != 0:
        said = plain_text(errors.text())
        raise session.failure(f"{path} cannot be read", run.exit_status, said)
    return bytes(content)


async def write_file(
    session: NodeSession, path: str, content: bytes, *, mode: int, timeout: float
) -> None:
    """See NodeSession.write_file."""
    digest = hashlib.sha256(content).hexdigest()
    result = await session.run(_receive_script(path, digest, mode), timeout=timeout, stdin=content)
    if not result.succeeded:
        raise _not_received(session, path, result.exit_status, result.stderr)


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
    size = (await asyncio.to_thread(local.stat)).st_size
    patience = stall_timeout + size / SLOWEST_CHECK
    present = await session.check(script(_PRESENT, target=_absolute(target)), timeout=patience)
    if present.strip() == sha256.lower():
        if progress is not None:
            progress(size, size)
        return
    errors = Kept()
    try:
        async with session.running(_receive_script(target, sha256, mode)) as run:
            listening = asyncio.ensure_future(_keep(run.stderr(), errors))
            try:
                await _send_file(run, local, size, progress, stall_timeout)
                async with asyncio.timeout(patience):
                    await _drain(run.stdout())
                    await listening
                    await run.wait()
            finally:
                listening.cancel()
    except TimeoutError:
        raise TransferError(
            f"{target}: nothing moved for {stall_timeout:g} s",
            where=session.node.name,
            remedy="check the connection and the node's disk, then try again",
        ) from None
    if run.exit_status != 0:
        said = plain_text(errors.text())
        raise _not_received(session, target, run.exit_status, said)


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
    try:
        digest = await _fetch_into(session, path, partial, progress, stall_timeout)
        await asyncio.to_thread(os.replace, partial, local)
    except OSError as error:
        raise TransferError(
            f"{local} cannot be written here: {error.strerror}",
            where=session.node.name,
            remedy="make room or check the directory's permissions on this machine",
        ) from error
    finally:
        with suppress(OSError):
            await asyncio.to_thread(partial.unlink, missing_ok=True)
    return digest


async def _fetch_into(
    session: NodeSession,
    path: str,
    partial: Path,
    progress: ByteProgress | None,
    stall_timeout: float,
) -> str:
    errors = Kept()
    digest = hashlib.sha256()
    done, size = 0, -1
    file = await asyncio.to_thread(_open_private, partial)
    try:
        async with session.running(script(_SEND, file=_absolute(path))) as run:
            run.send_end()
            listening = asyncio.ensure_future(_keep(run.stderr(), errors))
            try:
                first = b""
                async for chunk in _unstalled(run.stdout(), stall_timeout):
                    if size < 0:
                        first += chunk
                        number, newline, chunk = first.partition(b"\n")  # noqa: PLW2901
                        if not newline:
                            continue
                        size = int(number)
                    await asyncio.to_thread(_store, file, digest.update, chunk)
                    done += len(chunk)
                    if progress is not None:
                        progress(done, size)
                async with asyncio.timeout(stall_timeout):
                    await listening
                    await run.wait()
            finally:
                listening.cancel()
        await asyncio.to_thread(_flush, file)
    except TimeoutError:
        raise TransferError(
            f"{path}: nothing moved for {stall_timeout:g} s",
            where=session.node.name,
            remedy="check the connection, then try again",
        ) from None
    finally:
        await asyncio.to_thread(file.close)
    if run.exit_status != 0 or done != size:
        raise TransferError(
            f"{path} did not arrive whole ({done} of {max(size, 0)} bytes)"
            if run.exit_status in (0, None)
            else f"{path} cannot be read",
            where=session.node.name,
            remedy="check the file and the connection, then try again",
            detail=plain_text(errors.text()),
        )
    return digest.hexdigest()


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
            if run.lost or run.exit_status is not None:
                return
            done += len(block)
            if progress is not None:
                progress(done, size)
    finally:
        await asyncio.to_thread(file.close)
    run.send_end()


def _receive_script(path: str, sha256: str, mode: int) -> str:
    return script(
        _RECEIVE,
        target=_absolute(path),
        directory=posixpath.dirname(path),
        sha256=sha256.lower(),
        mode=f"{mode:o}",
    )


def _not_received(
    session: NodeSession, path: str, exit_status: int | None, stderr: str
) -> TransferError:
    what = f"{path} was not written"
    remedy = "see the node's own words, then try again"
    if exit_status is None:
        what = f"{path}: the connection was lost before the file was whole"
        remedy = "check the connection, then try again"
    elif exit_status == 65:
        what = f"{path}: the bytes that arrived are not those that were sent"
        remedy = "try again; if it happens twice, distrust the node's disk"
    elif "No space left on device" in stderr:
        what = f"{path}: the node's disk is full"
        remedy = f"make room in {posixpath.dirname(path)}, then try again"
    return TransferError(what, where=session.node.name, remedy=remedy, detail=stderr)


def _absolute(path: str) -> str:
    if not path.startswith("/") or "\0" in path:
        raise ValueError(f"not an absolute path: {path!r}")
    return path


async def _keep(chunks: AsyncIterator[bytes], kept: Kept) -> None:
    async for chunk in chunks:
        kept.add(chunk)


async def _drain(chunks: AsyncIterator[bytes]) -> None:
    async for _ in chunks:
        pass


async def _unstalled(chunks: AsyncIterator[bytes], stall_timeout: float) -> AsyncIterator[bytes]:
    while True:
        async with asyncio.timeout(stall_timeout):
            try:
                chunk = await anext(chunks)
            except StopAsyncIteration:
                return
        yield chunk


def _open_private(path: Path) -> BinaryIO:
    path.unlink(missing_ok=True)
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")


def _store(file: BinaryIO, update: Callable[[bytes], None], chunk: bytes) -> None:
    update(chunk)
    file.write(chunk)


def _flush(file: BinaryIO) -> None:
    file.flush()
    os.fsync(file.fileno())
