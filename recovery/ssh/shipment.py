"""One large file on its way to several nodes at once, by the shortest way for each."""

from __future__ import annotations

from recovery.ssh.arrival import Arrival, Note, Target
from recovery.ssh.elsewhere import NOWHERE, Elsewhere
from recovery.ssh.patience import Patience
from recovery.ssh.session import ByteProgress, NodeSession
from recovery.ssh.shared_blocks import LargeFile, SharedBlocks


class Shipment:
    """A file that is read once for all nodes. An instance belongs to one event loop."""

    def __init__(
        self, file: LargeFile, elsewhere: Elsewhere = NOWHERE, *, stall_timeout: float = 60
    ) -> None:
        self.blocks = SharedBlocks(file)
        """What all nodes share."""
        self._elsewhere = elsewhere
        self._stall_timeout = stall_timeout
        """Seconds without progress after which a way counts as failed."""

    async def bring(
        self, session: NodeSession, target: Target, note: Note, progress: ByteProgress
    ) -> None:
        """Bring the file to one node; called for all nodes at once.

        A lost connection is waited for, and the transfer taken up where it broke off. `progress`
        hears of what the node has, a part that was kept included. Raises TransferError or
        ScriptError, what a session raises, what brings the file here, and OSError where it cannot
        be read here.
        """
        patience = Patience(session, note)

        def moved(done: int, total: int) -> None:
            patience.back()
            progress(done, total)

        arrival = Arrival(
            session, target, self.blocks, self._elsewhere, note, moved, self._stall_timeout
        )
        await patience.until_done(arrival.attempt)
