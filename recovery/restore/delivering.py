"""Brings files to nodes: the snapshot from this machine, the restore program from another node."""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from recovery.errors import NodeUnreachableError, RescueError, TransferError
from recovery.restore.events import Stream
from recovery.restore.plan import Carried, Delivery
from recovery.ssh.elsewhere import NOWHERE, Elsewhere, LinkedObject
from recovery.ssh.fleet import Fleet
from recovery.ssh.own_loop import OwnLoop
from recovery.ssh.patience import Patience
from recovery.ssh.session import ByteProgress, NodeSession
from recovery.ssh.shared_blocks import Bring

if TYPE_CHECKING:
    from recovery.ssh.shipment import Shipment

Say = Callable[[Stream, Sequence[str]], None]
"""Called with lines for a node's pane."""

Moved = Callable[[str, int, int], None]
"""Called with what is moving, bytes done, and bytes in all."""

_TOLD_EVERY = 0.1
"""Seconds between two words about how far a node is; nobody reads faster."""


@dataclass(frozen=True, slots=True)
class Supply:
    """The snapshot of a restore, and where else its bytes lie."""

    bring: Bring
    """Gives the unpacked snapshot on this machine; called only if a node needs it from here."""
    elsewhere: Elsewhere = NOWHERE
    at_hand: bool = True
    """Whether it is on this machine already."""


async def _nothing() -> Path:
    raise RescueError("this run brings no snapshot any more")


NO_SUPPLY = Supply(_nothing)
"""For a run that has no snapshot to bring any more."""


class Deliverer:
    """Delivers what a plan's actions carry.

    The snapshot travels in an event loop of its own, over connections of its own: hundreds of
    megabytes must not keep a screen from its keys. All nodes share what is read and compressed.
    """

    def __init__(self, fleet: Fleet, supply: Supply) -> None:
        self._fleet = fleet
        self._supply = supply
        self._transfers = OwnLoop()
        self._shipment: tuple[asyncio.AbstractEventLoop, Shipment] | None = None

    async def deliver(
        self, session: NodeSession, delivery: Delivery, heard: Say, moved: Moved
    ) -> None:
        """Bring one file to one node; it has its name there once its sha256 was seen.

        A node that goes away in the middle is waited for. Raises TransferError, or what a session
        raises.
        """
        if delivery.carried is Carried.SNAPSHOT and delivery.sha256 is not None:
            await self._ship(session, delivery, delivery.sha256, heard, moved)
            return

        async def attempt() -> None:
            connection = session.connection_number
            try:
                await self._carry(session, delivery, heard, moved)
            except TransferError as error:
                if session.disturbed_since(connection):
                    raise NodeUnreachableError(error.what, where=error.where) from error
                raise

        patience = Patience(session, lambda words: heard(Stream.NOTE, [words]))
        await patience.until_done(attempt)

    async def _ship(
        self, session: NodeSession, delivery: Delivery, sha256: str, heard: Say, moved: Moved
    ) -> None:
        here = asyncio.get_running_loop()

        def note(words: str) -> None:
            kind = Stream.COMMAND if words.startswith("$ ") else Stream.NOTE
            here.call_soon_threadsafe(heard, kind, [words])

        def progress(done: int, total: int) -> None:
            here.call_soon_threadsafe(moved, "snapshot", done, total)

        async def ship() -> None:
            from recovery.ssh.arrival import Target

            target = Target(delivery.target, sha256, delivery.mode)
            over_there = NodeSession(session.node)
            try:
                shipment = self._shared_shipment(here, delivery.size)
                await shipment.bring(over_there, target, note, _seldom(progress))
            finally:
                await over_there.close()

        await self._transfers.run(ship)

    def _shared_shipment(self, main: asyncio.AbstractEventLoop, size: int) -> Shipment:
        from recovery.ssh.shared_blocks import LargeFile
        from recovery.ssh.shipment import Shipment

        loop = asyncio.get_running_loop()
        if self._shipment is None or self._shipment[0] is not loop:
            elsewhere = self._supply.elsewhere
            if elsewhere.linked is not None:
                elsewhere = replace(elsewhere, linked=_linked_from(main, elsewhere.linked))
            bring = _brought_by(main, self._supply.bring)
            file = LargeFile(size, bring, self._supply.at_hand)
            self._shipment = (loop, Shipment(file, elsewhere))
        return self._shipment[1]

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


def _brought_by(main: asyncio.AbstractEventLoop, bring: Bring) -> Bring:
    """The same, in the loop that the sessions belong to which it may need."""

    async def brought() -> Path:
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(bring(), main))

    return brought


def _linked_from(main: asyncio.AbstractEventLoop, linked: LinkedObject) -> LinkedObject:
    """The object, whose link is made in the loop that its store belongs to."""

    async def make_link() -> str:
        made = asyncio.run_coroutine_threadsafe(linked.make_link(), main)
        return await asyncio.wrap_future(made)

    return replace(linked, make_link=make_link)


def _seldom(progress: ByteProgress) -> ByteProgress:
    told = 0.0

    def tell(done: int, total: int) -> None:
        nonlocal told
        now = time.monotonic()
        if done == total or now - told >= _TOLD_EVERY:
            told = now
            progress(done, total)

    return tell
