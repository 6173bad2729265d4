"""A network between an engine and a rehearsal's SSH servers that fails on demand.

`with faulty_network(rehearsal) as network:` gives an inventory whose nodes are reached through
relays; a node's relay can fall silent, drop its connections, or refuse new ones. The relays run in
a thread of their own, so that no test's event loop matters.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from recovery.inventory.model import Node
from tests.cluster_fixtures import RunningRehearsal

_CHUNK = 64 * 1024


class Relay:
    """The way to one node. The node itself never notices more than a lost or a slow peer."""

    def __init__(self, node: Node, loop: asyncio.AbstractEventLoop) -> None:
        assert node.ssh.port is not None
        self.node = node
        self.port = 0
        self._target = node.ssh.port
        self._loop = loop
        self._server: asyncio.Server | None = None
        self._awake = asyncio.Event()
        self._awake.set()
        self._connections: set[asyncio.Task[None]] = set()

    def freeze(self) -> None:
        """Connections are accepted, and nothing is said any more in either direction."""
        self._loop.call_soon_threadsafe(self._awake.clear)

    def thaw(self) -> None:
        """What was held back arrives."""
        self._loop.call_soon_threadsafe(self._awake.set)

    def cut(self) -> None:
        """Every connection is reset; new ones are taken."""
        self._on_loop(self._cut())

    def switch_off(self) -> None:
        """As a node that is off: every connection is reset, new ones are refused."""
        self._on_loop(self._switch_off())

    def switch_on(self) -> None:
        """Take connections, on the same port as before."""
        self._on_loop(self._listen())

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._accept, self.node.host, self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _switch_off(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
        await self._cut()

    async def _cut(self) -> None:
        tasks = list(self._connections)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = self._loop.create_task(self._carry(reader, writer))
        self._connections.add(task)
        task.add_done_callback(self._connections.discard)

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        onward: asyncio.StreamWriter | None = None
        try:
            await self._awake.wait()
            back, onward = await asyncio.open_connection(self.node.host, self._target)
            await asyncio.gather(self._pump(reader, onward), self._pump(back, writer))
        except OSError:
            return
        finally:
            for end in (writer, onward):
                if end is not None:
                    end.transport.abort()

    async def _pump(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        while content := await source.read(_CHUNK):
            await self._awake.wait()
            sink.write(content)
            await sink.drain()
        with contextlib.suppress(OSError, RuntimeError):
            sink.write_eof()

    def _on_loop(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(10)


@dataclass(frozen=True, slots=True)
class FaultyNetwork:
    """The relays by node name, and the inventory that leads through them."""

    inventory_path: Path
    relays: dict[str, Relay] = field(default_factory=dict)


@contextmanager
def faulty_network(rehearsal: RunningRehearsal) -> Iterator[FaultyNetwork]:
    """Put a relay before every node of a rehearsal."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    relays = {node.name: Relay(node, loop) for node in rehearsal.cluster.nodes}
    try:
        for relay in relays.values():
            relay.switch_on()
        yield FaultyNetwork(_write_inventory(rehearsal, relays), relays)
    finally:
        for relay in relays.values():
            relay.switch_off()
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()


def _write_inventory(rehearsal: RunningRehearsal, relays: dict[str, Relay]) -> Path:
    document = yaml.safe_load(rehearsal.inventory_path.read_text())
    cluster = document["clusters"][0]
    known_hosts = Path(cluster["ssh"]["knownHostsFile"])
    lines = known_hosts.read_text()
    for entry in [*cluster["controlPlane"], *cluster["workers"]]:
        relay = relays[entry["name"]]
        before, after = (
            f"[{entry['host']}]:{port} " for port in (entry["ssh"]["port"], relay.port)
        )
        lines = lines.replace(before, after)
        entry["ssh"]["port"] = relay.port
    relayed_hosts = known_hosts.with_name("known_hosts.relayed")
    relayed_hosts.write_text(lines)
    cluster["ssh"]["knownHostsFile"] = str(relayed_hosts)
    path = rehearsal.directory / "inventory.relayed.yaml"
    path.write_text(yaml.safe_dump(document, sort_keys=False))
    return path
