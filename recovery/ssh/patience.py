"""Waits for a node that went away in the middle of something, and tries again."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

from recovery.errors import HostKeyError, LoginRefusedError, NodeUnreachableError
from recovery.ssh.session import NodeSession

T = TypeVar("T")

PATIENCE = 120.0
"""Seconds for which a node may be away, at a time, before nobody waits for it any more."""

_FIRST_PAUSE = 0.2
_LONGEST_PAUSE = 5.0


class Patience:
    """How long one piece of work waits for one node. `note` hears that it is away, and back."""

    def __init__(
        self, session: NodeSession, note: Callable[[str], None], seconds: float = PATIENCE
    ) -> None:
        self._session = session
        self._note = note
        self._seconds = seconds
        self._away_since: float | None = None

    def back(self) -> None:
        """The node has answered: patience begins anew when it goes away the next time."""
        if self._away_since is not None:
            self._away_since = None
            self._note("the node is back")

    async def until_done(self, attempt: Callable[[], Awaitable[T]]) -> T:
        """Try until it is done; what is tried must bear being tried twice.

        A NodeUnreachableError is taken for a node that is away; after `seconds` of that it is
        raised, as a refused login or a changed host key is at once, and as it is of a node that
        this program has never reached.
        """
        pause = _FIRST_PAUSE
        while True:
            try:
                done = await attempt()
            except (HostKeyError, LoginRefusedError):
                raise
            except NodeUnreachableError as error:
                if not self._session.was_connected:
                    raise
                now = time.monotonic()
                if self._away_since is None:
                    self._away_since = now
                    self._note(f"{error.what}; it is waited for, at most {self._seconds:g} s")
                    pause = _FIRST_PAUSE
                if now - self._away_since >= self._seconds:
                    raise
                await self._session.close()
            else:
                self.back()
                return done
            await asyncio.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE)
