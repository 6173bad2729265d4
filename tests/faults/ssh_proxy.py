"""A way to a node's SSH server that can be cut, frozen and slowed down."""

from __future__ import annotations

import asyncio
import random
import threading
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

import yaml

from tests.end_to_end.demo_cluster import Demo

T = TypeVar("T")

CHUNK = 65536


class SshProxy:
    """Forwards one port of one node, in the loop of a `ProxyThread`."""

    def __init__(self, host: str, port: int) -> None:
        self.host = host
        self.port = 0
        self.cuts = 0
        self._target = (host, port)
        self._flows: set[asyncio.Task[None]] = set()
        self._open = asyncio.Event()
        self._open.set()
        self.pause = 0.0
        """Seconds for which each chunk is held back."""
        self.carried = 0
        """Bytes that came through, both ways together."""

    async def start(self) -> None:
        """Listen beside the node's own port."""
        server = await asyncio.start_server(self._accept, self.host, 0)
        self.port = server.sockets[0].getsockname()[1]
        self._server = server

    async def stop(self) -> None:
        """Stop listening, and cut what is left."""
        self._server.close()
        await self.cut()

    async def cut(self) -> None:
        """End every connection, as a router that was switched off does."""
        flows = list(self._flows)
        self.cuts += bool(flows)
        for flow in flows:
            flow.cancel()
        await asyncio.gather(*flows, return_exceptions=True)

    @property
    def carries(self) -> bool:
        """Whether anybody is connected through it."""
        return bool(self._flows)

    async def freeze(self) -> None:
        """From now on nothing comes through, and nothing is closed."""
        self._open.clear()

    async def thaw(self) -> None:
        """What was held back comes through."""
        self._open.set()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._flows.add(task)
        other: asyncio.StreamWriter | None = None
        try:
            node, other = await asyncio.open_connection(*self._target)
            async with asyncio.TaskGroup() as group:
                group.create_task(self._copy(reader, other))
                group.create_task(self._copy(node, writer))
        except* (OSError, asyncio.CancelledError):
            pass
        finally:
            self._flows.discard(task)
            for one in (writer, other):
                if one is not None:
                    one.transport.abort()

    async def _copy(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while chunk := await reader.read(CHUNK):
            await self._open.wait()
            if self.pause:
                await asyncio.sleep(self.pause)
            self.carried += len(chunk)
            writer.write(chunk)
            await writer.drain()
        raise ConnectionResetError


class ProxyThread:
    """A loop of its own for proxies, so that a test may wait for a program meanwhile."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()

    def do(self, work: Coroutine[Any, Any, T]) -> T:
        """Run it there, and wait for it."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(timeout=30)

    def stop(self) -> None:
        """End the loop."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(timeout=10)
        self._loop.close()


@contextmanager
def proxied(demo: Demo) -> Iterator[tuple[ProxyThread, list[SshProxy]]]:
    """The demo's inventory leads through a proxy to each control-plane node, for a while."""
    before = demo.inventory.read_text()
    document = yaml.safe_load(before)
    thread = ProxyThread()
    proxies = []
    known = Path(document["clusters"][0]["ssh"]["knownHostsFile"])
    known_before = known.read_text()
    for node in document["clusters"][0]["controlPlane"]:
        host, port = node["host"], node["ssh"]["port"]
        proxy = SshProxy(host, port)
        thread.do(proxy.start())
        node["ssh"]["port"] = proxy.port
        keys = [line for line in known_before.splitlines() if line.startswith(f"[{host}]:{port} ")]
        with known.open("a") as file:
            file.writelines(
                line.replace(f"[{host}]:{port} ", f"[{host}]:{proxy.port} ") + "\n" for line in keys
            )
        proxies.append(proxy)
    demo.inventory.write_text(yaml.safe_dump(document))
    try:
        yield thread, proxies
    finally:
        demo.inventory.write_text(before)
        known.write_text(known_before)
        for proxy in proxies:
            with suppress(OSError):
                thread.do(proxy.stop())
        thread.stop()


class RandomCuts:
    """Cuts a random node's connections again and again, until told to stop."""

    def __init__(
        self, thread: ProxyThread, proxies: list[SshProxy], seed: int, longest: float
    ) -> None:
        self._thread = thread
        self._proxies = proxies
        self._random = random.Random(seed)
        self._longest = longest
        self._task: asyncio.Task[None] | None = None

    def __enter__(self) -> RandomCuts:
        self._thread.do(self._begin())
        return self

    def __exit__(self, *_: object) -> None:
        self._thread.do(self._end())

    async def _begin(self) -> None:
        self._task = asyncio.create_task(self._cut())

    async def _end(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _cut(self) -> None:
        while True:
            await asyncio.sleep(self._random.uniform(0.05, self._longest))
            await self._random.choice(self._proxies).cut()
