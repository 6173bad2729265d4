"""Asks every member directly: a read, its status, its hash at one revision, and a probing write."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import TypeVar

from recovery.cluster.etcd_answers import Alarm, HashAnswer, ListedMember, RevisionGoneError
from recovery.cluster.etcd_client import MemberClient, open_member
from recovery.cluster.facts import EtcdManifest, MemberStatus
from recovery.errors import EtcdError, NodeError, RescueError
from recovery.health.watches import Watches
from recovery.ssh.fleet import Fleet

PROBE_PREFIX = b"/etcd-rescue/health/"
"""Outside /registry/, so Kubernetes never sees it; each probe removes its own key."""

READ_SECONDS = 5.0
_HASH_SECONDS = 30.0
_HASH_TRIES = 3
_HASH_PAUSE = 1.0

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class MemberAnswer:
    """What one member said; `error` is why it said nothing."""

    name: str
    error: RescueError | None = None
    read_ms: float = 0.0
    status: MemberStatus | None = None
    listed: tuple[ListedMember, ...] = ()
    alarms: tuple[Alarm, ...] = ()


@dataclass(frozen=True, slots=True)
class WriteAnswer:
    """How the probing write went."""

    through: str
    """The member that it was written through; empty where none could be asked."""
    revision: int = 0
    read_on: tuple[str, ...] = ()
    failures: Mapping[str, str] = field(default_factory=dict)
    """Why it failed, by member."""
    removed: bool = False
    watched_on: tuple[str, ...] = ()
    """The members on which a watch told of it."""
    unwatched: Mapping[str, str] = field(default_factory=dict)
    """Why a watch did not, by member."""


class Members:
    """Clients to all members that can be reached, opened at once. Use as a context manager."""

    def __init__(self, fleet: Fleet, manifests: Mapping[str, EtcdManifest]) -> None:
        self._fleet = fleet
        self._manifests = manifests
        self._clients: dict[str, MemberClient] = {}
        self._stack = AsyncExitStack()
        self.errors: dict[str, RescueError] = {}
        """Why a member could not even be turned to, by node."""

    async def __aenter__(self) -> Members:
        async def open_one(name: str) -> None:
            try:
                opening = open_member(self._fleet.session(name), self._manifests[name])
                self._clients[name] = await self._stack.enter_async_context(opening)
            except (EtcdError, NodeError) as error:
                self.errors[name] = error

        try:
            async with asyncio.TaskGroup() as group:
                for name in self._manifests:
                    group.create_task(open_one(name))
        except BaseException:
            await self._stack.aclose()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    async def ask(self, on_answer: Callable[[MemberAnswer], None]) -> dict[str, MemberAnswer]:
        """A timed linearizable read, the status, the member list and the alarms, of each."""

        async def ask_one(name: str) -> MemberAnswer:
            if name in self.errors:
                answer = MemberAnswer(name, self.errors[name])
            else:
                answer = await _ask(name, self._clients[name])
            on_answer(answer)
            return answer

        async with asyncio.TaskGroup() as group:
            tasks = {name: group.create_task(ask_one(name)) for name in self._manifests}
        return {name: task.result() for name, task in tasks.items()}

    async def write(self, names: list[str]) -> WriteAnswer:
        """Write a key of our own through the first of these members, read it on all, remove it."""
        if not names:
            return WriteAnswer("")
        key = PROBE_PREFIX + secrets.token_hex(8).encode()
        value = secrets.token_hex(8).encode()
        through = names[0]
        async with self._watching(key, names) as watches:
            answer = await self._write(key, value, through, names)
            seen = await watches.seen() if answer.revision else {}
        watched_on = tuple(name for name, one in seen.items() if not isinstance(one, EtcdError))
        unwatched = {name: one.what for name, one in seen.items() if isinstance(one, EtcdError)}
        return replace(answer, watched_on=watched_on, unwatched=unwatched)

    @asynccontextmanager
    async def _watching(self, key: bytes, names: list[str]) -> AsyncIterator[Watches]:
        watches = Watches({name: self._clients[name] for name in names}, key)
        try:
            await watches.begin()
            yield watches
        finally:
            await watches.end()

    async def _write(self, key: bytes, value: bytes, through: str, names: list[str]) -> WriteAnswer:
        try:
            revision = await self._clients[through].put(key, value, timeout=READ_SECONDS)
        except EtcdError as error:
            # Nobody knows whether a write that was not answered happened.
            await self._remove(key, names)
            return WriteAnswer(through, failures={through: error.what})
        removed = False
        try:
            found = await self._each(names, lambda client: client.read(key, timeout=READ_SECONDS))
        finally:
            removed = await self._remove(key, names)
        failures = {name: one.what for name, one in found.items() if isinstance(one, EtcdError)}
        wrong = [name for name, one in found.items() if name not in failures and one != value]
        failures |= dict.fromkeys(wrong, "it reads something else")
        read_on = tuple(name for name in found if name not in failures)
        return WriteAnswer(through, revision, read_on, failures, removed)

    async def statuses(self, names: list[str]) -> dict[str, MemberStatus | EtcdError]:
        """The statuses of these members, now."""
        return await self._each(names, lambda client: client.status())

    async def hashes(self, names: list[str], revision: int) -> dict[str, HashAnswer | EtcdError]:
        """HashKV of each at this one revision; asked again where a compaction comes between."""
        answers = await self._hashes_at(names, revision)
        for _ in range(_HASH_TRIES - 1):
            if not _worth_another_try(answers):
                break
            await asyncio.sleep(_HASH_PAUSE)
            statuses = await self.statuses(names)
            seen = [one.revision for one in statuses.values() if isinstance(one, MemberStatus)]
            answers = await self._hashes_at(names, min(seen, default=revision))
        return answers

    async def _hashes_at(
        self, names: list[str], revision: int
    ) -> dict[str, HashAnswer | EtcdError]:
        return await self._each(
            names, lambda client: client.hash_kv(revision, timeout=_HASH_SECONDS)
        )

    async def count(self, names: list[str], revision: int, prefix: bytes = b"") -> int:
        """How many keys begin so at a revision (0: now); raises EtcdError."""
        client = self._clients[names[0]]
        return await client.count(prefix, revision=revision, timeout=_HASH_SECONDS)

    async def _remove(self, key: bytes, names: list[str]) -> bool:
        for name in names:
            try:
                await self._clients[name].delete(key, timeout=READ_SECONDS)
            except EtcdError:
                continue
            return True
        return False

    async def _each(
        self, names: list[str], question: Callable[[MemberClient], Awaitable[T]]
    ) -> dict[str, T | EtcdError]:
        async def ask(name: str) -> T | EtcdError:
            try:
                return await question(self._clients[name])
            except EtcdError as error:
                return error

        async with asyncio.TaskGroup() as group:
            tasks = {name: group.create_task(ask(name)) for name in names}
        return {name: task.result() for name, task in tasks.items()}


async def _ask(name: str, client: MemberClient) -> MemberAnswer:
    try:
        status = await client.status(timeout=READ_SECONDS)
        started = time.monotonic()
        await client.read(PROBE_PREFIX, timeout=READ_SECONDS)
        milliseconds = (time.monotonic() - started) * 1000
        return MemberAnswer(
            name,
            read_ms=milliseconds,
            status=status,
            listed=await client.members(timeout=READ_SECONDS),
            alarms=await client.alarms(timeout=READ_SECONDS),
        )
    except EtcdError as error:
        return MemberAnswer(name, error)


def _worth_another_try(answers: Mapping[str, HashAnswer | EtcdError]) -> bool:
    compacted = {one.compact_revision for one in answers.values() if isinstance(one, HashAnswer)}
    gone = any(isinstance(one, RevisionGoneError) for one in answers.values())
    return gone or len(compacted) > 1
