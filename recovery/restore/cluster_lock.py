"""Holds a cluster's lock on its nodes while a program works on it, and notices when it is lost."""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import asdict
from datetime import UTC, datetime

from recovery.errors import NodeError, NodeUnreachableError
from recovery.restore.lock import HolderState, LockedError, LockHolder
from recovery.restore.lock_scripts import (
    give_back_script,
    guard_script,
    keep_script,
    look_script,
    take_script,
)
from recovery.restore.process_identity import ProcessIdentity, operator_name
from recovery.ssh.fleet import Fleet

KEEP_SECONDS = 10.0
SILENT_SECONDS = 45.0
"""Without a sign of life for so long, nobody knows whether the holder still works."""
_TIMEOUT = 30.0
_MOST_TRIES = 4


def _nobody() -> NodeUnreachableError:
    return NodeUnreachableError(
        "no control-plane node can be reached", remedy="etcd-rescue check says why, node by node"
    )


class ClusterLock:
    """The lock of one cluster. `works` gives each node's directory of all runs."""

    def __init__(self, fleet: Fleet, cluster: str, works: Mapping[str, str], run_id: str) -> None:
        self._fleet = fleet
        self._cluster = cluster
        self._works = dict(works)
        self._run_id = run_id
        self._token = secrets.token_hex(8)
        self._since = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
        self._doing = "beginning"
        self._held: set[str] = set()
        self._keeping: asyncio.Task[None] | None = None
        self._changed = asyncio.Event()

    def guard(self, node: str) -> str:
        """A script that fails on the node where somebody else has taken over; `` without lock."""
        work = self._works.get(node)
        return guard_script(work, self._token) if work and node in self._held else ""

    async def take(
        self, may_replace: Iterable[str] = (), without: Iterable[str] = ()
    ) -> tuple[str, ...]:
        """Take it on every node that answers; returns notes on locks of programs that are gone.

        `may_replace`: tokens of holders that a person decided to take over from. Nodes of
        `without` are not asked. Raises LockedError, and holds nothing, where somebody else works
        on the cluster; NodeUnreachableError where no node could be asked.
        """
        replaces = tuple(may_replace)
        notes: list[str] = []
        errors: list[NodeError] = []
        try:
            for node in [name for name in self._works if name not in set(without)]:
                try:
                    notes += await self._take_on(node, replaces)
                except NodeError as error:
                    errors.append(error)
            if not self._held:
                raise errors[0] if errors else _nobody()
        except BaseException:
            await self.give_back()
            raise
        return tuple(dict.fromkeys(notes))

    def keep(self, lost: Callable[[str], None]) -> None:
        """Give signs of life from now on; `lost` hears, once, who has taken over."""
        self._keeping = asyncio.create_task(self._keep(lost))

    def doing(self, words: str) -> None:
        """What the next sign of life says about the work."""
        self._doing = words
        self._changed.set()

    async def give_back(self) -> None:
        """Stop giving signs of life, and free the lock; a node that is gone keeps its own."""
        if self._keeping is not None:
            self._keeping.cancel()
            await asyncio.gather(self._keeping, return_exceptions=True)
            self._keeping = None
        held, self._held = self._held, set()
        await self._fleet.each(
            held,
            lambda session: session.run(
                give_back_script(self._works[session.node.name], self._token), timeout=_TIMEOUT
            ),
        )

    async def _take_on(self, node: str, replaces: tuple[str, ...]) -> list[str]:
        told = await self._ask(
            node, take_script(self._works[node], self._token, self._holder(), replaces)
        )
        holder = read_holder(told, node, self._cluster)
        if holder is None:
            self._held.add(node)
            return []
        if holder.state is not HolderState.DEAD:
            raise LockedError(holder)
        notes = await self._take_on(node, (*replaces, holder.token))
        gone = f"the lock of {holder.operator} (run {holder.run_id}) was left by a program "
        return [f"{gone}that is gone; it is taken over", *notes]

    async def _ask(self, node: str, script: str) -> str:
        """What the script says; asked again where the connection was lost in the middle."""
        session = self._fleet.session(node)
        for _ in range(_MOST_TRIES - 1):
            connection = session.connection_number
            try:
                return await session.check(script, timeout=_TIMEOUT)
            except NodeError:
                if not session.disturbed_since(connection):
                    raise
        return await session.check(script, timeout=_TIMEOUT)

    async def _keep(self, lost: Callable[[str], None]) -> None:
        while True:
            self._changed.clear()
            answers = await self._fleet.each(
                sorted(self._held),
                lambda session: session.check(
                    keep_script(self._works[session.node.name], self._token, self._holder()),
                    timeout=_TIMEOUT,
                ),
            )
            for node, told in answers.items():
                if isinstance(told, str) and told.startswith("lost"):
                    _, _, rest = told.partition("\n")
                    holder = read_holder(f"held\n0\n{rest}", node, self._cluster)
                    lost(holder.operator if holder else "somebody else")
                    return
            with suppress(TimeoutError):
                async with asyncio.timeout(KEEP_SECONDS):
                    await self._changed.wait()

    def _holder(self) -> str:
        return json.dumps(
            {
                "cluster": self._cluster,
                "run": self._run_id,
                "operator": operator_name(),
                "since": self._since,
                "doing": self._doing,
                "process": asdict(ProcessIdentity.mine()),
            }
        )


async def look_for_holder(
    fleet: Fleet, cluster: str, works: Mapping[str, str]
) -> LockHolder | None:
    """Whoever holds the lock on any node that answers; None where nobody does."""
    answers = await fleet.each(
        works, lambda session: session.check(look_script(works[session.node.name]), timeout=15)
    )
    for node, told in answers.items():
        if isinstance(told, str):
            holder = read_holder(told, node, cluster)
            if holder is not None:
                return holder
    return None


def read_holder(told: str, node: str, cluster: str) -> LockHolder | None:
    """The holder out of what a lock script printed; None where it does not say `held`."""
    lines = told.splitlines()
    if len(lines) < 3 or lines[0] != "held":
        return None
    try:
        facts = json.loads(lines[3]) if len(lines) > 3 else {}
        process = ProcessIdentity(**facts["process"])
    except (ValueError, LookupError, TypeError):
        facts, process = {}, None
    heard = float(lines[1]) if lines[1].lstrip("-").isdigit() else 0.0
    return LockHolder(
        cluster=str(facts.get("cluster", cluster)),
        run_id=str(facts.get("run", "")),
        operator=str(facts.get("operator", "somebody")),
        since=str(facts.get("since", "")),
        doing=str(facts.get("doing", "")),
        heard=max(0.0, heard),
        node=node,
        state=_state(process, heard),
        token=lines[2],
    )


def _state(process: ProcessIdentity | None, heard: float) -> HolderState:
    if process is not None and process.is_gone:
        return HolderState.DEAD
    return HolderState.SILENT if heard > SILENT_SECONDS else HolderState.ALIVE
