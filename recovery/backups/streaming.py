"""Streams a member's database into a tar on this machine."""

from __future__ import annotations

import asyncio
from datetime import datetime
from pathlib import Path

from recovery.backups.disk import disk_error, whole_file
from recovery.backups.stores import BytesProgress
from recovery.backups.tar_spool import TarSpool
from recovery.cluster.etcd_client import MemberClient, open_member
from recovery.cluster.facts import EtcdManifest
from recovery.errors import EtcdError
from recovery.ssh.session import NodeSession

STALL_SECONDS = 60.0
"""Without a byte for so long, a member is given up."""

_SLOWEST = 1 << 20
"""Bytes a second below which it is given up as well."""

_TOLD_EVERY = 1 << 20
_NO_KEY = b"/etcd-rescue/none"


async def stream_from(
    session: NodeSession,
    manifest: EtcdManifest,
    target: Path,
    at: datetime,
    size: int,
    progress: BytesProgress | None = None,
) -> int:
    """Write the member's database to `target`, packed; returns the least revision it must have.

    `size` is what the database had a moment ago, in bytes. A read that a majority has to agree
    on goes first: a member that answers it has applied everything that was agreed on before.
    `target` exists afterwards only if the stream came to its end. Raises EtcdError, NodeError,
    or DiskError where this machine has no room.
    """
    try:
        with whole_file(target) as file:
            spool = TarSpool(file)
            async with open_member(session, manifest) as member:
                await member.read(_NO_KEY)
                revision = (await member.status()).revision
                await _unstalled(member, spool, size, progress)
            await asyncio.to_thread(spool.finish, at)
            return revision
    except OSError as error:
        raise disk_error(error, target.parent) from error


async def _unstalled(
    member: MemberClient, spool: TarSpool, size: int, progress: BytesProgress | None
) -> None:
    loop = asyncio.get_running_loop()
    told = 0

    def write(part: bytes) -> None:
        nonlocal told
        spool.write(part)
        if progress is not None and spool.done - told >= _TOLD_EVERY:
            told = spool.done
            loop.call_soon_threadsafe(progress, spool.done, max(size, spool.done))

    streaming = asyncio.ensure_future(
        member.snapshot(write, timeout=STALL_SECONDS + size / _SLOWEST)
    )
    try:
        while True:
            before = spool.done
            await asyncio.wait({streaming}, timeout=STALL_SECONDS)
            if streaming.done():
                return streaming.result()
            if spool.done == before:
                raise EtcdError(
                    f"its snapshot stopped after {before} bytes: nothing came for "
                    f"{STALL_SECONDS:g} s",
                    where=member.name,
                    remedy="look at the node's disk, and at the network to it",
                )
    finally:
        streaming.cancel()
        await asyncio.gather(streaming, return_exceptions=True)
