"""What the scratch members answer: to be compared with what was read from the snapshot."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from recovery.cluster.etcd_client import MemberClient
from recovery.cluster.facts import MemberStatus
from recovery.errors import EtcdError
from recovery.rehearsal.trial.asking_peers import ask_as_a_peer
from recovery.rehearsal.trial.scratch_cluster import ScratchMember
from recovery.snapshots.live_keys import LiveKeys
from recovery.snapshots.reader.shown import shown

MOST_NAMED = 5
"""Keys that differ and are told by name; the others are counted."""

_SECONDS = 120.0
"""For an answer that makes etcd go through all of its data."""
_PAGE = 10_000
"""Keys in one answer. For each, etcd counts all that are still to come: small ones take forever."""
_PROBE = b"etcd-rescue/trial"
_VALUE = b"written by a trial"


@dataclass(frozen=True, slots=True)
class MemberState:
    """A member's place in its cluster."""

    cluster_id: int
    learner: bool
    leads: bool
    has_leader: bool
    revision: int


@dataclass(frozen=True, slots=True)
class MemberAnswers:
    """One member's own answers; `error` says why some are missing."""

    name: str
    state: MemberState | None = None
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
    """Ask a member, and it alone, what it holds. `guarded`: without the API, which wants a login.

    Does not raise where it does not answer.
    """
    # The hash at a revision that is compacted is refused; the latest one's never is.
    revision = 0 if live.revision == live.compacted_revision else live.revision
    state: MemberState | None = None
    try:
        if guarded:
            return await _ask_as_a_peer(member, revision)
        async with member.connected() as client:
            state = _state(await client.status())
            count = await client.count(revision=live.revision, serializable=True, timeout=_SECONDS)
            hashed = await client.hash_kv(revision, timeout=_SECONDS)
    except EtcdError as error:
        return MemberAnswers(member.name, state, error=error.what)
    return MemberAnswers(member.name, state, count, hashed.hash, revision or hashed.revision)


async def compare_keys(
    client: MemberClient, live: LiveKeys, progress: Callable[[int, int], None]
) -> KeyDifferences:
    """Go through all keys of the cluster, in order, beside the listing.

    Raises EtcdError where the cluster stops answering.
    """
    differences = KeyDifferences()
    listed = live.keys()
    expected = next(listed, None)
    async for page in client.pages(page=_PAGE, revision=live.revision, timeout=_SECONDS):
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


def _state(status: MemberStatus) -> MemberState:
    return MemberState(
        status.cluster_id,
        status.learner,
        status.is_leader,
        status.leader_id != 0,
        status.revision,
    )


async def _ask_as_a_peer(member: ScratchMember, revision: int) -> MemberAnswers:
    told = await asyncio.to_thread(
        ask_as_a_peer, member.name, member.peer_socket, member.client_socket, revision
    )
    state = MemberState(told.cluster_id, told.learner, told.leads, told.has_leader, told.revision)
    return MemberAnswers(member.name, state, None, told.hash_kv, revision or told.revision)


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
