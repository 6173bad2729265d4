"""Asks the members that serve for what shows whether they hold the same data.

What the comparison rests on: a linearizable read makes a member take in everything that was
agreed on before the read began (raft thesis, 6.4). So a member whose revision, after such a read,
is below what another had before it, has not the same history, whatever it says about its health.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterable, Mapping
from typing import TYPE_CHECKING

from recovery.cluster.agreement import Agreement, Reading
from recovery.errors import EtcdError, NodeError

if TYPE_CHECKING:
    from recovery.cluster.etcd_answers import ListedMember
    from recovery.cluster.etcd_client import MemberClient
    from recovery.cluster.facts import EtcdManifest
    from recovery.ssh.fleet import Fleet

_SECONDS = 3.0
_HASH_SECONDS = 6.0
"""HashKV reads the whole database: some seconds where it has gigabytes. Without it, revisions
alone are compared."""

_NO_KEY = b"/etcd-rescue/none"


async def compare_members(
    fleet: Fleet, manifests: Mapping[str, EtcdManifest], before: Mapping[str, int]
) -> Agreement | None:
    """Compare the members that serve; None where fewer than two let themselves be asked.

    `before` are their revisions, by node, asked before this is called.
    """
    from contextlib import AsyncExitStack

    async with AsyncExitStack() as stack:
        clients: dict[str, MemberClient] = {}

        async def turn_to(name: str) -> None:
            from recovery.cluster.etcd_client import open_member

            try:
                opening = open_member(fleet.session(name), manifests[name])
                clients[name] = await stack.enter_async_context(opening)
            except (EtcdError, NodeError):
                return  # It answered a moment ago, and its status is known; it is not compared.

        await _all(turn_to(name) for name in before)
        after: dict[str, int] = {}
        lists: list[tuple[ListedMember, ...]] = []

        async def catch_up(name: str) -> None:
            try:
                await clients[name].read(_NO_KEY, timeout=_SECONDS)
                lists.append(await clients[name].members(timeout=_SECONDS))
                after[name] = (await clients[name].status(timeout=_SECONDS)).revision
            except EtcdError:
                return

        await _all(catch_up(name) for name in clients)
        if not after:
            return None
        revision = min(*after.values(), *(before[name] for name in after))
        hashes = await _hashes({name: clients[name] for name in after}, revision)
        readings = {
            name: Reading(before[name], after[name], *hashes.get(name, (None, 0)))
            for name in before
            if name in after
        }
        return Agreement(revision, readings, lists[0])


async def _hashes(
    clients: Mapping[str, MemberClient], revision: int
) -> dict[str, tuple[int | None, int]]:
    hashes: dict[str, tuple[int | None, int]] = {}

    async def ask(name: str) -> None:
        try:
            answer = await clients[name].hash_kv(revision, timeout=_HASH_SECONDS)
        except EtcdError:
            return  # Compacted away there, or too slow: then only its revision is compared.
        hashes[name] = answer.hash, answer.compact_revision

    await _all(ask(name) for name in clients)
    return hashes


async def _all(work: Iterable[Coroutine[object, object, None]]) -> None:
    async with asyncio.TaskGroup() as group:
        for one in work:
            group.create_task(one)
