"""A member's API, through an SSH tunnel to its node, with the node's own certificates."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import TYPE_CHECKING

from recovery.cluster.etcd_answers import (
    Alarm,
    HashAnswer,
    KeyPage,
    ListedMember,
    MistrustError,
)
from recovery.cluster.etcd_target import Certificates, Target, client_target
from recovery.cluster.facts import EtcdManifest, MemberStatus
from recovery.errors import EtcdError, NodeError

if TYPE_CHECKING:
    from recovery.cluster.etcd_door import Door
    from recovery.ssh.session import NodeSession

TIMEOUT = 5.0
"""Seconds for one call, unless said otherwise; etcd itself gives up on agreement after 7."""

PAGE = 1000
"""Keys in one answer: small enough that parsing it does not hold up the screen."""

_PEM_LIMIT = 256 * 1024


@asynccontextmanager
async def open_member(session: NodeSession, manifest: EtcdManifest) -> AsyncIterator[MemberClient]:
    """A client to the member of this node, closed with the block.

    The certificates that the manifest names are read over the session and held in memory only.
    Raises MistrustError (about the certificates), ManifestError, or NodeError (about the node).
    Connecting itself happens with the first call.
    """
    target = client_target(manifest)
    certificates = await _read_certificates(session, manifest) if target.tls_name else None
    async with session.tunnel(target.host, target.port) as (host, port):
        here = Target(host, port, target.tls_name)
        async with connected(manifest.member_name, here, certificates) as member:
            yield member


def connected_by_socket(name: str, socket: str) -> AbstractAsyncContextManager[MemberClient]:
    """A client to a member of this machine that listens on a Unix socket, without TLS."""
    return connected(name, Target("", 0, "", socket), None)


@asynccontextmanager
async def connected(
    name: str, target: Target, certificates: Certificates | None
) -> AsyncIterator[MemberClient]:
    """A client to a member at an address of this machine."""
    door = await asyncio.to_thread(_open_door, name, target, certificates)
    try:
        yield MemberClient(name, door)
    finally:
        door.close()


class MemberClient:
    """One member. Every call raises EtcdError, with the member's name, and has a deadline.

    `timeout` is in seconds. Cancelling a call cancels it on the wire too.
    """

    def __init__(self, name: str, door: Door) -> None:
        self.name = name
        self._door = door

    async def status(self, *, timeout: float = TIMEOUT) -> MemberStatus:
        """What the member says about itself; it answers this without a leader too."""
        return await self._door.status(timeout)

    async def members(self, *, timeout: float = TIMEOUT) -> tuple[ListedMember, ...]:
        """The member list as this member knows it."""
        return await self._door.members(timeout)

    async def read(self, key: bytes, *, timeout: float = TIMEOUT) -> bytes | None:
        """A linearizable read: it only succeeds where a majority agrees. None: no such key."""
        return await self.get(key, timeout=timeout)

    async def get(
        self,
        key: bytes,
        *,
        serializable: bool = False,
        revision: int = 0,
        timeout: float = TIMEOUT,
    ) -> bytes | None:
        """A key's value; `serializable` asks this member alone, whatever the others say."""
        page = await self._door.range(
            key, b"", timeout, serializable=serializable, revision=revision
        )
        return page.keys[0].value if page.keys else None

    async def put(self, key: bytes, value: bytes, *, timeout: float = TIMEOUT) -> int:
        """Write a key; returns the revision of the write."""
        return await self._door.put(key, value, timeout)

    async def delete(self, key: bytes, *, timeout: float = TIMEOUT) -> int:
        """Delete one key; returns how many there were, 0 or 1."""
        return await self._door.delete(key, timeout)

    async def count(
        self,
        prefix: bytes = b"",
        *,
        revision: int = 0,
        serializable: bool = False,
        timeout: float = TIMEOUT,
    ) -> int:
        """How many keys begin with the prefix (all, where it is empty), at a revision or now."""
        page = await self._door.range(
            prefix,
            prefix_end(prefix),
            timeout,
            revision=revision,
            serializable=serializable,
            count_only=True,
        )
        return page.count

    async def pages(
        self,
        prefix: bytes = b"",
        *,
        keys_only: bool = True,
        page: int = PAGE,
        revision: int = 0,
        serializable: bool = False,
        timeout: float = TIMEOUT,
    ) -> AsyncIterator[KeyPage]:
        """All keys that begin with the prefix, page by page, all as of one revision.

        Without `revision` it is the one of the first page. `timeout` is for each page.
        """
        start = prefix
        while True:
            found = await self._door.range(
                start,
                prefix_end(prefix),
                timeout,
                limit=page,
                revision=revision,
                serializable=serializable,
                keys_only=keys_only,
            )
            yield found
            if not found.more or not found.keys:
                return
            revision = found.revision
            start = found.keys[-1].key + b"\0"

    async def first_change(
        self, key: bytes, begun: asyncio.Event, *, timeout: float = TIMEOUT
    ) -> int:
        """Watch the key; the revision of its first change. `begun` is set once it is watched."""
        return await self._door.first_change(key, begun, timeout)

    async def hash_kv(self, revision: int = 0, *, timeout: float = TIMEOUT) -> HashAnswer:
        """The hash of this member's keys up to a revision; compare at one and the same revision.

        Raises RevisionGoneError where the revision is compacted away or not there yet.
        """
        return await self._door.hash_kv(revision, timeout)

    async def alarms(self, *, timeout: float = TIMEOUT) -> tuple[Alarm, ...]:
        """The alarms of all members. Needs a quorum."""
        return await self._door.alarms(timeout)

    async def disarm(self, alarm: Alarm, *, timeout: float = TIMEOUT) -> None:
        """Take an alarm back. It comes again where its cause is still there."""
        await self._door.disarm(alarm, timeout)

    async def compact(self, revision: int, *, timeout: float = 60) -> None:
        """Drop history below the revision, on all members."""
        await self._door.compact(revision, timeout)

    async def defragment(self, *, timeout: float = 120) -> None:
        """Give freed space back; this member does not answer meanwhile."""
        await self._door.defragment(timeout)

    async def snapshot(self, write: Callable[[bytes], object], *, timeout: float = 600) -> None:
        """Stream the database with its trailing sha256; `write` is called in a thread."""
        await self._door.snapshot(write, timeout)


def prefix_end(prefix: bytes) -> bytes:
    """The end of the range that a prefix spans, as etcd wants it; b"\\0" is "to the very end"."""
    kept = prefix.rstrip(b"\xff")
    return kept[:-1] + bytes([kept[-1] + 1]) if kept else b"\0"


def _open_door(name: str, target: Target, certificates: Certificates | None) -> Door:
    try:
        from recovery.cluster.etcd_door import Door
    except TypeError as error:
        raise EtcdError(
            "etcd's client library cannot be loaded: protobuf was loaded before it",
            where=name,
            remedy="set PROTOCOL_BUFFERS_PYTHON_IMPLEMENTATION=python and start again",
            detail=str(error),
        ) from error
    return Door(name, target, certificates)


async def _read_certificates(session: NodeSession, manifest: EtcdManifest) -> Certificates:
    paths = (manifest.trusted_ca_file, manifest.cert_file, manifest.key_file)
    reading = (session.read_file(path, limit=_PEM_LIMIT, timeout=15) for path in paths)
    results = await asyncio.gather(*reading, return_exceptions=True)
    texts = []
    for path, result in zip(paths, results, strict=True):
        if isinstance(result, NodeError):
            raise MistrustError(
                f"its certificate {path} cannot be read: {result.what}",
                where=manifest.member_name,
                remedy=result.remedy or f"put {path} back, or correct the path in etcd.yaml",
                detail=result.detail,
            ) from result
        if isinstance(result, BaseException):
            raise result
        if b"-----BEGIN " not in result:
            raise MistrustError(
                f"{path} holds no certificate or key in PEM form",
                where=manifest.member_name,
                remedy="put the file back, for example from a backup of /etc/kubernetes/pki",
            )
        texts.append(result)
    authority, certificate, key = texts
    return Certificates(authority, certificate, key)
