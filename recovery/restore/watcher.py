"""What a run asks of the bastion: things that only show through tunnels to the members."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

from recovery.restore.plan import Plan, Watch

Note = Callable[[str, str], None]
"""Called with a node's name and a few words about it."""


class Watcher(Protocol):
    """Waits for one of the watches of a plan."""

    async def watch(
        self, what: Watch, plan: Plan, *, timeout: float, note: Note
    ) -> Mapping[str, str]:
        """Wait until it holds, at most `timeout` seconds.

        Returns why it does not hold, by node; an empty mapping means that it does.
        """
        ...
