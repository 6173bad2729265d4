"""A wire that can be cut: a TCP proxy on loopback."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from urllib.parse import urlsplit


class Wire:
    """What lies between client and server. `cuts` holds, for each connection to come, the bytes
    from the server after which it breaks; later connections hold."""

    def __init__(self, url: str) -> None:
        self._target = urlsplit(url)
        self.url = ""
        self.cuts: list[int] = []
        self.stalls = False
        """Whether a connection goes silent where it would break."""
        self.connections = 0
        self._tasks: set[asyncio.Task[None]] = set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.connections += 1
        budget = self.cuts.pop(0) if self.cuts else None
        there = await asyncio.open_connection(self._target.hostname, self._target.port)
        up = asyncio.ensure_future(_relay(reader, there[1], None))
        try:
            await _relay(there[0], writer, budget)
            if self.stalls:
                await asyncio.Event().wait()
        finally:
            up.cancel()
            for end in (writer, there[1]):
                end.transport.abort()
            self._tasks.discard(task)

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


async def _relay(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, budget: int | None
) -> None:
    with suppress(OSError):
        while data := await reader.read(65536):
            if budget is not None:
                data = data[:budget]
                budget -= len(data)
            writer.write(data)
            await writer.drain()
            if budget == 0:
                return


@asynccontextmanager
async def wire_to(url: str) -> AsyncIterator[Wire]:
    """A wire to that server; its `url` is what a client connects to."""
    wire = Wire(url)
    server = await asyncio.start_server(wire.serve, "127.0.0.1", 0)
    wire.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield wire
    finally:
        server.close()
        await wire.close()
