"""The watches of a plan on a real cluster: members through tunnels, API servers through nodes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping, Sequence

from recovery.cluster.diagnosis import majority
from recovery.cluster.etcd_answers import NOT_LISTENING
from recovery.cluster.etcd_client import open_member
from recovery.cluster.facts import EtcdManifest, MemberStatus
from recovery.cluster.kubernetes import ApiServer
from recovery.errors import RescueError
from recovery.health.checks import check_members, wait_until_healthy
from recovery.health.expected import Expected
from recovery.health.leftovers import Leftovers
from recovery.health.looking_for_leftovers import look_for_leftovers
from recovery.health.model import CLUSTER_SCOPE, Check, CheckStatus, HealthReport
from recovery.health.space_alarm import apart_from_no_space
from recovery.inventory.model import Cluster
from recovery.restore.alarm_clearing import AlarmClearing
from recovery.restore.plan import Plan, Watch
from recovery.restore.record_facts import FinalChecks, rfc3339
from recovery.restore.telling import now
from recovery.restore.watcher import Note
from recovery.ssh.fleet import Fleet

POLL_SECONDS = 1.0
_MOST_TRIES = 4
"""When the connection to the node is lost in the middle: silence of it is not a member's."""
_API_SECONDS = 60.0
"""For API servers to come back after a rollback."""
_NO_MANIFEST = "its etcd.yaml could not be read"

Look = Callable[[], Awaitable[dict[str, str]]]
"""Asks once; returns why it does not hold yet, by node."""


class ClusterWatcher:
    """Watches the cluster that is being restored."""

    def __init__(
        self,
        fleet: Fleet,
        cluster: Cluster,
        manifests: Mapping[str, EtcdManifest],
        expected: Expected,
        api_servers: Mapping[str, str],
        *,
        whole_cluster: Cluster | None = None,
        keep_final: Callable[[FinalChecks], None] = lambda _: None,
        keep_leftovers: Callable[[Leftovers], None] = lambda _: None,
    ) -> None:
        """`whole_cluster`: with the workers that the inventory does not list, whose kubelets are
        restarted; health does not depend on them.

        `keep_final` and `keep_leftovers` write down what the end of a run has shown.
        """
        self._fleet = fleet
        self._cluster = cluster
        self._manifests = manifests
        self._expected = expected
        self._api_servers = api_servers
        self._whole_cluster = whole_cluster or cluster
        self._keep_final = keep_final
        self._keep_leftovers = keep_leftovers
        self.last_report: HealthReport | None = None

    async def watch(
        self, what: Watch, plan: Plan, *, timeout: float, note: Note
    ) -> Mapping[str, str]:
        """Wait until it holds, at most `timeout` seconds; why it does not, by node."""
        match what:
            case Watch.QUORUM_STILL_LOST:
                return await self._quorum_still_lost(plan, note)
            case Watch.ETCD_FORMED:
                return await _until(lambda: self._formed(plan), timeout, note)
            case Watch.CONTROL_PLANE_READY:
                return await _until(lambda: self._ready(plan.nodes), timeout, note)
            case Watch.MEMBERS_AGREE:
                alarmed = plan.source.refuses_writes
                return await _until(lambda: self._agree(plan, alarmed), timeout, note)
            case Watch.HISTORY_DROPPED | Watch.DEFRAGMENTED | Watch.ALARM_CLEARED:
                return await self._clearing(plan).do(what, timeout, note)
            case Watch.HEALTH_PROVEN:
                return await self._healthy(plan, timeout, note)
            case Watch.AS_IT_WAS:
                return await self._as_it_was_again(plan, timeout, note)

    async def _quorum_still_lost(self, plan: Plan, note: Note) -> dict[str, str]:
        answers = await self._statuses(plan)
        following = [a.leader_id for a in answers.values() if isinstance(a, MemberStatus)]
        for name, answer in answers.items():
            words = answer if isinstance(answer, str) else _leader_words(answer)
            note(name, words)
        together = quorum_came_back(following, len(plan.nodes), len(plan.absent))
        if not together:
            return {}
        return dict.fromkeys(
            plan.nodes,
            f"a quorum has come back by itself, {together} of the members that were asked follow a "
            "leader: nothing was stopped; look at the cluster again before restoring",
        )

    async def _formed(self, plan: Plan) -> dict[str, str]:
        reasons: dict[str, str] = {}
        leaders: dict[str, int] = {}

        async def ask(name: str) -> None:
            if name not in self._manifests:
                reasons[name] = _NO_MANIFEST
                return
            try:
                async with open_member(self._fleet.session(name), self._manifests[name]) as member:
                    await member.read(b"/etcd-rescue/formed", timeout=5)
                    status = await member.status()
            except RescueError as error:
                reasons[name] = error.what
                return
            leaders[name] = status.leader_id

        await _all(ask(name) for name in plan.nodes)
        for name, leader in leaders.items():
            if leader == 0:
                reasons[name] = "it has no leader yet"
            elif len(set(leaders.values())) > 1:
                reasons[name] = "the members follow different leaders"
        return reasons

    async def _ready(self, nodes: Iterable[str]) -> dict[str, str]:
        reasons: dict[str, str] = {}

        async def ask(name: str) -> None:
            if name not in self._api_servers:
                reasons[name] = _NO_MANIFEST
                return
            try:
                await ApiServer(self._fleet.session(name), self._api_servers[name]).ready()
            except RescueError as error:
                reasons[name] = error.what

        await _all(ask(name) for name in nodes)
        return reasons

    async def _agree(self, plan: Plan, alarmed: bool) -> dict[str, str]:
        """`alarmed`: NOSPACE is known to be raised, because it is cleared later, or stays."""
        checks = await self._compared(plan)
        return _failures(apart_from_no_space(checks) if alarmed else checks, plan)

    async def _compared(self, plan: Plan) -> tuple[Check, ...]:
        present = {n: m for n, m in self._manifests.items() if n in plan.nodes}
        absent = [m.name for m in plan.members if m.name in plan.absent]
        return await check_members(self._fleet, present, self._expected, absent=absent)

    def _clearing(self, plan: Plan) -> AlarmClearing:
        present = {n: m for n, m in self._manifests.items() if n in plan.nodes}
        revision = self._expected.restored_revision
        return AlarmClearing(self._fleet, present, revision, full=plan.source.fills_quota)

    async def _healthy(self, plan: Plan, timeout: float, note: Note) -> dict[str, str]:
        if plan.absent or plan.alarm_stays:
            # The whole proof follows when all members are there, and take writes.
            later = "the others follow later" if plan.absent else "they refuse writes: NOSPACE"
            note(plan.nodes[0], f"the members that are there are compared; {later}")
            reasons = await _until(lambda: self._agree(plan, plan.alarm_stays), timeout, note)
            final = FinalChecks(rfc3339(now()), False, await self._compared(plan))
            _keep(lambda: self._keep_final(final), plan, note)
            return reasons
        self.last_report = await wait_until_healthy(
            self._fleet,
            self._cluster,
            self._manifests,
            self._expected,
            seconds=timeout,
            on_wait=lambda words: note(plan.nodes[0], f"waiting: {words}"),
        )
        proven = FinalChecks.of(self.last_report)
        _keep(lambda: self._keep_final(proven), plan, note)
        if not self.last_report.healthy:
            return _failures(self.last_report.checks, plan)
        note(plan.nodes[0], "looking for what the API remembers and reality does not have")
        leftovers = await look_for_leftovers(self._fleet, self._whole_cluster, self._manifests)
        _keep(lambda: self._keep_leftovers(leftovers), plan, note)
        for found in leftovers.found:
            note(plan.nodes[0], f"to look at: {found.what}")
        return {}

    async def _as_it_was_again(self, plan: Plan, timeout: float, note: Note) -> dict[str, str]:
        reasons = await _until(lambda: self._as_it_was(plan), timeout, note)
        if reasons:
            return reasons
        # Nobody has written down whether they were ready before: with a leader they mostly are,
        # so they get some time, and what they do then is no verdict on the way back.
        served = [one.node for one in plan.before if one.had_leader and one.node in plan.nodes]
        late = await _until(lambda: self._ready(served), _API_SECONDS, note)
        for name, words in late.items():
            note(name, f"its API server is not ready yet: {words}; etcd-rescue health tells more")
        return {}

    async def _as_it_was(self, plan: Plan) -> dict[str, str]:
        answers = await self._statuses(plan)
        reasons: dict[str, str] = {}
        for before in plan.before:
            answer = answers.get(before.node)
            if answer is None or not before.answered:
                continue
            if isinstance(answer, MemberStatus):
                if before.had_leader and not answer.leader_id:
                    reasons[before.node] = "its member had a leader before, and has none yet"
            # Without a quorum a member that was started again takes connections and says nothing
            # until it finds a leader (server/embed/serve.go): that is how it was.
            elif before.had_leader or answer == NOT_LISTENING:
                reasons[before.node] = f"its member answered before the run: {answer}"
        return reasons

    async def _statuses(self, plan: Plan) -> dict[str, MemberStatus | str]:
        answers: dict[str, MemberStatus | str] = {}

        async def ask(name: str) -> None:
            if name not in self._manifests:
                answers[name] = _NO_MANIFEST
                return
            session = self._fleet.session(name)
            for _ in range(_MOST_TRIES):
                connection = session.connection_number
                try:
                    async with open_member(session, self._manifests[name]) as member:
                        answers[name] = await member.status()
                    return
                except RescueError as error:
                    answers[name] = error.what
                if not session.disturbed_since(connection):
                    return

        await _all(ask(name) for name in plan.nodes)
        return answers


def quorum_came_back(following: Sequence[int], present: int, absent: int) -> int:
    """How many members follow the same leader, where that may be a quorum; otherwise 0.

    `following` are the leaders' ids that members named, 0 for none; `present` nodes were asked.
    An `absent` member may be alive and follow too, so it counts as if it did.
    """
    together = max((following.count(leader) for leader in set(following) - {0}), default=0)
    return together if together and together + absent >= majority(present + absent) else 0


async def _until(look: Look, timeout: float, note: Note) -> dict[str, str]:
    """Look again and again until nothing is left to wait for, or time is up."""
    deadline = time.monotonic() + timeout
    said: dict[str, str] = {}
    while True:
        reasons = await look()
        for name, words in reasons.items():
            if said.get(name) != words:
                note(name, f"waiting: {words}")
        for name in said.keys() - reasons.keys():
            note(name, "it is there")
        said = reasons
        if not reasons or time.monotonic() >= deadline:
            return reasons
        await asyncio.sleep(POLL_SECONDS)


async def _all(questions: Iterable[Coroutine[object, object, None]]) -> None:
    async with asyncio.TaskGroup() as group:
        for question in questions:
            group.create_task(question)


def _keep(keep: Callable[[], None], plan: Plan, note: Note) -> None:
    """For the report: a full disk on this machine does not make a healthy cluster unproven."""
    try:
        keep()
    except RescueError as error:
        note(plan.nodes[0], f"the report will lack something: {error}")


def _leader_words(status: MemberStatus) -> str:
    return "answers, has a leader" if status.leader_id else "answers, has no leader"


def _failures(checks: tuple[Check, ...], plan: Plan) -> dict[str, str]:
    reasons: dict[str, str] = {}
    for check in checks:
        if check.status in (CheckStatus.FAILED, CheckStatus.SKIPPED):
            name = plan.nodes[0] if check.scope == CLUSTER_SCOPE else check.scope
            words = f"{check.name}: {check.message}"
            reasons[name] = f"{reasons[name]}; {words}" if name in reasons else words
    return reasons
