"""What the scratch members answer: to be compared with what was read from the snapshot."""

from __future__ import annotations

import asyncio
import http.client
import json
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from recovery.cluster.etcd_client import MemberClient
from recovery.cluster.facts import MemberStatus
from recovery.errors import EtcdError
from recovery.rehearsal.trial.scratch_cluster import ScratchMember
from recovery.snapshots.live_keys import LiveKeys
from recovery.snapshots.reader import shown

MOST_NAMED = 5
"""Keys that differ and are told by name; the others are counted."""

_SECONDS = 120.0
"""For an answer that makes etcd go through all of its data."""
_PROBE = b"etcd-rescue/trial"
_VALUE = b"written by a trial"


@dataclass(frozen=True, slots=True)
class MemberAnswers:
    """One member's own answers; `error` says why some are missing."""

    name: str
    status: MemberStatus | None = None
    count: int | None = None
    """Live keys at the snapshot's revision."""
    hash_kv: int | None = None
    """At the revision that it is of."""
    hash_revision: int = 0
    error: str = ""


@dataclass(slots=True)
class KeyDifferences:
    """Where etcd's keys are not those of the snapshot."""

    compared: int = 0
    count: int = 0
    examples: list[str] = field(default_factory=list)

    def add(self, key: bytes, what: str) -> None:
        """One key that differs."""
        self.count += 1
        if len(self.examples) < MOST_NAMED:
            self.examples.append(f"{shown(key)} {what}")


async def ask_member(member: ScratchMember, live: LiveKeys, *, guarded: bool) -> MemberAnswers:
    """Ask a member, and it alone, what it holds. `guarded`: it wants a login for most questions."""
    # The hash at a revision that is compacted is refused; the latest one's never is.
    revision = 0 if live.revision == live.compacted_revision else live.revision
    status: MemberStatus | None = None
    try:
        async with member.connected() as client:
            status = await client.status()
            if guarded:
                answer = await asyncio.to_thread(_hash_among_peers, member, revision)
                return MemberAnswers(member.name, status, None, *answer)
            count = await client.count(revision=live.revision, serializable=True, timeout=_SECONDS)
            hashed = await client.hash_kv(revision, timeout=_SECONDS)
    except EtcdError as error:
        return MemberAnswers(member.name, status, error=error.what)
    return MemberAnswers(member.name, status, count, hashed.hash, revision or hashed.revision)


async def compare_keys(
    client: MemberClient, live: LiveKeys, progress: Callable[[int, int], None]
) -> KeyDifferences:
    """Go through all keys of the cluster, in order, beside the listing.

    Raises EtcdError where the cluster stops answering.
    """
    differences = KeyDifferences()
    listed = live.keys()
    expected = next(listed, None)
    async for page in client.pages(revision=live.revision, timeout=_SECONDS):
        for found in page.keys:
            expected = _missing(listed, expected, found.key, differences)
            if expected is None or expected[0] != found.key:
                differences.add(found.key, "is not in the snapshot")
                continue
            if expected[1] != found.mod_revision:
                differences.add(
                    found.key, f"is of revision {found.mod_revision} instead of {expected[1]}"
                )
            differences.compared += 1
            expected = next(listed, None)
        progress(differences.compared, live.count)
    while expected is not None:
        differences.add(expected[0], "is missing")
        expected = next(listed, None)
    return differences


async def write_everywhere(members: tuple[ScratchMember, ...]) -> str:
    """Write a key through one member and read it from each; why not, or an empty string."""
    try:
        async with members[0].connected() as client:
            await client.put(_PROBE, _VALUE)
        for member in members:
            async with member.connected() as client:
                if await client.read(_PROBE) != _VALUE:
                    return f"{member.name} does not have what was written"
    except EtcdError as error:
        return f"{error.where}: {error.what}"
    return ""


def _missing(
    listed: Iterator[tuple[bytes, int]],
    expected: tuple[bytes, int] | None,
    until: bytes,
    differences: KeyDifferences,
) -> tuple[bytes, int] | None:
    """Note all listed keys that etcd has passed over."""
    while expected is not None and expected[0] < until:
        differences.add(expected[0], "is missing")
        expected = next(listed, None)
    return expected


def _hash_among_peers(member: ScratchMember, revision: int) -> tuple[int, int]:
    """HashKV, and its revision, as members ask each other: without a login.

    Fact: server/etcdserver/corrupt.go, PeerHashKVPath, since 3.4. Raises EtcdError.
    """
    connection = _SocketConnection(member.peer_socket)
    try:
        connection.request("GET", "/members/hashkv", json.dumps({"revision": revision}))
        response = connection.getresponse()
        body = response.read(1 << 16)
        if response.status != 200:
            raise ValueError(body.decode("utf-8", "backslashreplace").strip())
        answer = json.loads(body)
        return int(answer.get("hash", 0)), revision or int(answer["header"]["revision"])
    except (OSError, ValueError, KeyError, http.client.HTTPException) as error:
        what = f"it did not tell its hash: {error}"
        raise EtcdError(what, where=member.name) from error
    finally:
        connection.close()


class _SocketConnection(http.client.HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, path: str) -> None:
        super().__init__("localhost", timeout=_SECONDS)
        self._path = path

    def connect(self) -> None:
        """Connect to the socket instead of a port."""
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)
