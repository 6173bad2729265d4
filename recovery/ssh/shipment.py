"""One large file on its way to several nodes at once, by the shortest way for each."""

from __future__ import annotations

import asyncio
from pathlib import Path

from recovery.ssh.arrival import Arrival, Note, Target
from recovery.ssh.elsewhere import NOWHERE, Elsewhere
from recovery.ssh.patience import Patience
from recovery.ssh.session import ByteProgress, NodeSession
from recovery.ssh.shared_blocks import SharedBlocks


class Shipment:
    """A local file, read once for all nodes. An instance belongs to one event loop."""

    def __init__(
        self, local: Path, elsewhere: Elsewhere = NOWHERE, *, stall_timeout: float = 60
    ) -> None:
        self._local = local
        self._elsewhere = elsewhere
        self._stall_timeout = stall_timeout
        """Seconds without progress after which a way counts as failed."""
        self._opening: asyncio.Task[SharedBlocks] | None = None

    async def bring(
        self, session: NodeSession, target: Target, note: Note, progress: ByteProgress
    ) -> None:
        """Bring the file to one node; called for all nodes at once.

        A lost connection is waited for, and the transfer taken up where it broke off. `progress`
        hears of what the node has, a part that was kept included. Raises TransferError or
        ScriptError, what a session raises, and OSError where the file cannot be read here.
        """
        blocks = await self._blocks()
        patience = Patience(session, note)

        def moved(done: int, total: int) -> None:
            patience.back()
            progress(done, total)

        arrival = Arrival(
            session, target, blocks, self._elsewhere, note, moved, self._stall_timeout
        )
        await patience.until_done(arrival.attempt)

    async def _blocks(self) -> SharedBlocks:
        if self._opening is None:
            self._opening = asyncio.ensure_future(_open(self._local))
        return await asyncio.shield(self._opening)


async def _open(local: Path) -> SharedBlocks:
    return SharedBlocks(local, (await asyncio.to_thread(local.stat)).st_size)
