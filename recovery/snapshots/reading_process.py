"""A process that reads database files and prints one JSON document, and what becomes of it."""

from __future__ import annotations

import asyncio
import json
import signal
from asyncio.subprocess import PIPE, Process
from collections.abc import Callable, Sequence
from pathlib import Path

from recovery.errors import SnapshotError, UnreadError

Progress = Callable[[int, int], None]
"""Called with bytes read and bytes in all."""

_SILENCE = 300.0
"""Seconds without any sign of progress after which a process is given up."""
_TOLD = 4000
_REMEDY = "see this machine's memory and disk (free -m, dmesg), then verify it again"


async def read_document(
    command: Sequence[str], path: Path, progress: Progress | None = None
) -> dict[str, object]:
    """Run the program; it tells its progress on stderr as "DONE TOTAL" lines.

    Cancelling kills it. Raises UnreadError, about `path`, where it dies or falls silent, which is
    not the snapshot's fault, and SnapshotError where it says that it cannot read the file.
    """
    process = await asyncio.create_subprocess_exec(*command, stdout=PIPE, stderr=PIPE)
    try:
        document, told = await _conversation(process, progress)
        status = await process.wait()
    except TimeoutError as error:
        raise UnreadError(
            f"reading it made no progress for {_SILENCE:.0f} seconds",
            where=str(path),
            remedy="look at the disk that it lies on",
        ) from error
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return await asyncio.to_thread(_answer, path, document, status, told)


async def _conversation(process: Process, progress: Progress | None) -> tuple[bytes, str]:
    """What the reader printed, and what it said on stderr beside its progress."""
    assert process.stdout is not None
    assert process.stderr is not None
    document = asyncio.ensure_future(process.stdout.read())
    told = ""
    try:
        while True:
            async with asyncio.timeout(_SILENCE):
                line = await process.stderr.readline()
            if not line:
                break
            done, _, total = line.strip().partition(b" ")
            if not (done.isdigit() and total.isdigit()):
                told = (told + line.decode("utf-8", "backslashreplace"))[-_TOLD:]
            elif progress is not None:
                progress(int(done), int(total))
        async with asyncio.timeout(_SILENCE):
            return await document, told
    finally:
        document.cancel()


def _answer(path: Path, document: bytes, status: int, told: str) -> dict[str, object]:
    """The reader's document; an error where it has none."""
    if status < 0:
        name = signal.Signals(-status).name
        why = (
            "the file became shorter meanwhile, or the disk cannot be read"
            if -status == signal.SIGBUS
            else "it may have run out of memory"
        )
        raise UnreadError(
            f"reading it was ended by {name}: {why}",
            where=str(path),
            remedy=_REMEDY,
            detail=told,
        )
    try:
        answer: dict[str, object] = json.loads(document)
    except ValueError as error:
        memory = "MemoryError" in told
        raise UnreadError(
            "there is not enough memory to read it" if memory else "it could not be read",
            where=str(path),
            remedy=_REMEDY,
            detail=told,
        ) from error
    if "error" in answer:
        raise SnapshotError(f"it cannot be read: {answer['error']}", where=str(path))
    return answer
