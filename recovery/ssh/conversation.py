"""Talks with a script under way: feeds its stdin while both its streams are received."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from recovery.ssh.output import StreamReceiver
from recovery.ssh.running_script import RunningScript


async def converse(
    run: RunningScript, out: StreamReceiver, err: StreamReceiver, stdin: bytes | None
) -> None:
    """Go on until the script has ended, or the connection is lost."""

    async def feed() -> None:
        if stdin:
            await run.send(stdin)
        run.send_end()

    async def receive(chunks: AsyncIterator[bytes], receiver: StreamReceiver) -> None:
        async for chunk in chunks:
            await receiver.take(chunk)

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
