"""A watch on one key, on several members at once: does each tell of a change?"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from recovery.cluster.etcd_client import MemberClient
from recovery.errors import EtcdError

SECONDS = 5.0
"""For a watch to be set up, and again for it to tell of what has happened."""


class Watches:
    """Watches that are begun before a write, and asked after it."""

    def __init__(self, clients: Mapping[str, MemberClient], key: bytes) -> None:
        self._begun = {name: asyncio.Event() for name in clients}
        self._tasks = {
            name: asyncio.ensure_future(
                client.first_change(key, self._begun[name], timeout=2 * SECONDS)
            )
            for name, client in clients.items()
        }

    async def begin(self) -> None:
        """Return when every member has said that it watches, or `SECONDS` are over."""
        waiting = [asyncio.ensure_future(event.wait()) for event in self._begun.values()]
        try:
            await asyncio.wait(waiting, timeout=SECONDS)
        finally:
            for one in waiting:
                one.cancel()

    async def seen(self) -> dict[str, int | EtcdError]:
        """The revision that each watch told of, or why it told of none."""
        await asyncio.wait(self._tasks.values(), timeout=SECONDS)
        return {name: _outcome(name, task) for name, task in self._tasks.items()}

    async def end(self) -> None:
        """Stop those that still watch."""
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)


def _outcome(name: str, task: asyncio.Future[int]) -> int | EtcdError:
    if not task.done():
        return EtcdError(f"its watch said nothing within {SECONDS:g} s", where=name)
    error = task.exception()
    if error is None:
        return task.result()
    if isinstance(error, EtcdError):
        return error
    raise error
