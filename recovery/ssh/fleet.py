"""The sessions to all nodes of a cluster."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from types import TracebackType
from typing import Self, TypeVar

from recovery.errors import NodeError
from recovery.inventory.model import Cluster, Node
from recovery.ssh.session import NodeSession

T = TypeVar("T")

CLOSE_TIMEOUT = 5.0
"""Seconds that closing may take, however many nodes do not answer."""


class Fleet:
    """One session a node. Use as an async context manager, so that all of them are closed."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self._sessions = {node.name: NodeSession(node) for node in cluster.nodes}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    def learn(self, nodes: Iterable[Node]) -> None:
        """Have sessions to these nodes too; those that are known stay as they are."""
        for node in nodes:
            if node.name not in self._sessions:
                self._sessions[node.name] = NodeSession(node)

    def session(self, name: str) -> NodeSession:
        """The session to a node; it connects on first use. KeyError where there is no such node."""
        return self._sessions[name]

    async def each(
        self, names: Iterable[str], work: Callable[[NodeSession], Awaitable[T]]
    ) -> dict[str, T | NodeError]:
        """Do the work on all these nodes at once; a NodeError of one is its result.

        Any other exception ends the work on all of them and is raised.
        """

        async def on_node(name: str) -> T | NodeError:
            try:
                return await work(self._sessions[name])
            except NodeError as error:
                return error

        tasks = {name: asyncio.ensure_future(on_node(name)) for name in dict.fromkeys(names)}
        try:
            await asyncio.gather(*tasks.values())
        finally:
            for task in tasks.values():
                task.cancel()
            await asyncio.gather(*tasks.values(), return_exceptions=True)
        return {name: task.result() for name, task in tasks.items()}

    async def close(self) -> None:
        """Close every session, within `CLOSE_TIMEOUT` seconds."""
        closing = [asyncio.ensure_future(one.close()) for one in self._sessions.values()]
        if closing:
            _, late = await asyncio.wait(closing, timeout=CLOSE_TIMEOUT)
            for task in late:
                task.cancel()
