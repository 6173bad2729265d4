"""Brings files to nodes: the snapshot from this machine, the restore program from another node."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from recovery.errors import RescueError
from recovery.restore.events import Stream
from recovery.restore.plan import Carried, Delivery
from recovery.ssh.fleet import Fleet
from recovery.ssh.session import NodeSession

Say = Callable[[Stream, Sequence[str]], None]
"""Called with lines for a node's pane."""

Moved = Callable[[str, int, int], None]
"""Called with what is moving, bytes done, and bytes in all."""


class Deliverer:
    """Delivers what a plan's actions carry. Holds the snapshot, unpacked, on this machine."""

    def __init__(self, fleet: Fleet, snapshot: Path) -> None:
        self._fleet = fleet
        self._snapshot = snapshot

    async def deliver(
        self, session: NodeSession, delivery: Delivery, heard: Say, moved: Moved
    ) -> None:
        """Bring one file to one node; it has its name there once its sha256 was seen.

        Raises TransferError, or what a session raises.
        """
        if delivery.carried is Carried.SNAPSHOT and delivery.sha256 is not None:
            heard(Stream.COMMAND, [f"$ copy snapshot.db to {delivery.target}"])
            await session.push(
                self._snapshot,
                delivery.target,
                sha256=delivery.sha256,
                mode=delivery.mode,
                progress=lambda done, total: moved("snapshot", done, total),
            )
            heard(Stream.NOTE, [f"arrived whole, sha256 {delivery.sha256}"])
            return
        await self._carry(session, delivery, heard, moved)

    async def _carry(
        self, session: NodeSession, delivery: Delivery, heard: Say, moved: Moved
    ) -> None:
        if delivery.source_node is None or delivery.source_path is None:
            raise RescueError("the plan does not say where the file comes from")
        source = self._fleet.session(delivery.source_node)
        heard(
            Stream.COMMAND,
            [f"$ copy {delivery.source_node}:{delivery.source_path} to {delivery.target}"],
        )
        with tempfile.TemporaryDirectory(prefix="etcd-rescue-") as directory:
            local = Path(directory) / "tool"
            sha256 = await source.fetch(delivery.source_path, local)
            await session.push(
                local,
                delivery.target,
                sha256=sha256,
                mode=delivery.mode,
                progress=lambda done, total: moved("restore program", done, total),
            )
