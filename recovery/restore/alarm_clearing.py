"""Clears the alarm NOSPACE that came with a snapshot, through tunnels to the members.

etcd's own order (its documentation, “Space quota”): compact, defragment, disarm. Every act looks
first whether the alarm is still raised, and may be done again after any crash.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager

from recovery.cluster.etcd_answers import Alarm, RevisionGoneError
from recovery.cluster.etcd_client import MemberClient, open_member
from recovery.cluster.facts import EtcdManifest, MemberStatus
from recovery.cluster.space_quota import in_mebibytes, space_quota
from recovery.errors import EtcdError, RescueError
from recovery.health.member_answers import Members
from recovery.health.space_alarm import NO_SPACE
from recovery.restore.plan import Watch
from recovery.restore.watcher import Note
from recovery.ssh.fleet import Fleet

_ANSWER_SECONDS = 60.0
_QUESTION_SECONDS = 5.0
_PAUSE = 0.5
_NEARLY = 0.8
"""Of the quota: from here on the alarm is likely to come again soon."""


class AlarmClearing:
    """The acts on the members of `manifests`, by node. `revision`: the one that was restored.

    `full`: there is no room, whether or not a write has raised the alarm already.
    """

    def __init__(
        self,
        fleet: Fleet,
        manifests: Mapping[str, EtcdManifest],
        revision: int,
        *,
        full: bool = False,
    ) -> None:
        self._fleet = fleet
        self._manifests = manifests
        self._revision = revision
        self._full = full

    async def do(self, what: Watch, timeout: float, note: Note) -> dict[str, str]:
        """One act, in at most `timeout` seconds; why it is not done, by node."""
        node = next(iter(self._manifests), "")
        try:
            async with asyncio.timeout(timeout):
                node, alarms = await self._alarms()
                if not alarms and not self._full:
                    note(node, f"no alarm {NO_SPACE} is raised")
                    return {}
                match what:
                    case Watch.HISTORY_DROPPED:
                        await self._drop_history(node, timeout, note)
                    case Watch.DEFRAGMENTED:
                        for node in await self._leader_last():
                            await self._defragment(node, timeout, note)
                    case _:
                        await self._disarm(node, alarms, note)
        except TimeoutError:
            return {node: f"it was not done within {timeout:.0f} s"}
        except RescueError as error:
            return {node: f"{error.what} → {error.remedy}" if error.remedy else error.what}
        return {}

    async def _alarms(self) -> tuple[str, list[Alarm]]:
        """The alarms of this kind, and the node whose member tells them; EtcdError, NodeError."""
        trouble: RescueError | None = None
        for node, manifest in self._manifests.items():
            try:
                async with open_member(self._fleet.session(node), manifest) as member:
                    listed = await member.alarms(timeout=_QUESTION_SECONDS)
            except RescueError as error:
                trouble = trouble or error
                continue
            return node, [alarm for alarm in listed if alarm.name == NO_SPACE]
        raise trouble or EtcdError("no member can be asked for its alarms")

    async def _drop_history(self, node: str, timeout: float, note: Note) -> None:
        async with self._member(node) as member:
            try:
                await member.compact(self._revision, timeout=timeout)
            except RevisionGoneError:
                # The restore itself may have marked it so, or an earlier program did this.
                note(node, f"the history before revision {self._revision} is gone already")
            else:
                note(node, f"the history before revision {self._revision} is dropped")

    async def _leader_last(self) -> list[str]:
        """The nodes in the order in which their members are defragmented."""
        leads = {}
        for node in self._manifests:
            async with self._member(node) as member:
                leads[node] = (await member.status()).is_leader
        return sorted(leads, key=lambda name: leads[name])

    async def _defragment(self, node: str, timeout: float, note: Note) -> None:
        quota = space_quota(self._manifests[node])
        async with self._member(node) as member:
            size = (await member.status()).database_size
            while True:
                await member.defragment(timeout=timeout)
                after = await _answers_again(member)
                note(node, f"defragmented: {in_mebibytes(size)}, now {in_mebibytes(after)}")
                # A compaction that is still going on frees more, which another round gives back.
                if quota is None or after < quota or after >= size:
                    return
                size = after

    async def _disarm(self, node: str, alarms: list[Alarm], note: Note) -> None:
        await self._require_room(note)
        async with self._member(node) as member:
            for alarm in alarms:
                await member.disarm(alarm)
        note(node, f"the alarm {NO_SPACE} is {'taken back' if alarms else 'not raised'}")
        async with Members(self._fleet, self._manifests) as members:
            names = [name for name in self._manifests if name not in members.errors]
            write = await members.write(names)
        if write.failures or not write.through:
            told = "; ".join(f"{name}: {why}" for name, why in write.failures.items())
            raise EtcdError(f"a write does not go through: {told or 'no member answers'}")
        note(node, f"a write went through {write.through}, and was read on every member")

    async def _require_room(self, note: Note) -> None:
        """Taken back while there is no room, the alarm would be raised again by the next write."""
        full = []
        for node, manifest in self._manifests.items():
            quota = space_quota(manifest)
            if quota is None:
                continue
            async with self._member(node) as member:
                size = (await member.status()).database_size
            told = f"{in_mebibytes(size)} of {in_mebibytes(quota)}"
            if size >= quota:
                full.append(f"{node}: {told}")
            elif size >= quota * _NEARLY:
                note(node, f"nearly full again, {told}: raise --quota-backend-bytes soon")
        if full:
            raise EtcdError(
                "the database is over its quota even after defragmentation "
                f"({', '.join(full)}), so the members go on refusing writes",
                remedy="raise --quota-backend-bytes in etcd.yaml on every control-plane node, for "
                "example to 8589934592 (8 GiB, the most that etcd advises); then go on",
            )

    def _member(self, node: str) -> AbstractAsyncContextManager[MemberClient]:
        return open_member(self._fleet.session(node), self._manifests[node])


async def _answers_again(member: MemberClient) -> int:
    """The size of its database, once it answers a read again; EtcdError where it does not."""
    async with asyncio.timeout(_ANSWER_SECONDS):
        while True:
            try:
                await member.read(b"/etcd-rescue/defragmented", timeout=_QUESTION_SECONDS)
                status: MemberStatus = await member.status()
            except EtcdError:
                await asyncio.sleep(_PAUSE)
                continue
            return status.database_size
