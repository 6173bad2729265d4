"""One cluster as it is seen: its facts, its diagnosis, its health, its backups' configuration."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from functools import cached_property
from types import TracebackType
from typing import TYPE_CHECKING, Self

from recovery.backups.credentials import AskForKeys
from recovery.backups.model import Catalog
from recovery.backups.restore_from import restore_from
from recovery.cluster.diagnosis import diagnose
from recovery.cluster.facts import ClusterFacts, Diagnosis, EtcdManifest
from recovery.doors import ClusterDoors
from recovery.health.model import Check, HealthReport
from recovery.inventory.model import Cluster
from recovery.warming import SSH_AND_ETCD, warmed

if TYPE_CHECKING:
    from recovery.backups.care import BackupCare
    from recovery.health.expected import Expected
    from recovery.health.leftovers import Leftovers


class SeenCluster:
    """Looks at one cluster. Use as an async context manager, so that sessions are closed."""

    def __init__(
        self,
        cluster: Cluster,
        environ: Mapping[str, str],
        ask_s3_keys: AskForKeys | None = None,
    ) -> None:
        self.cluster = cluster
        self.facts: ClusterFacts | None = None
        self.catalog: Catalog | None = None
        self._environ = environ
        self._ask_s3_keys = ask_s3_keys
        self._doors = ClusterDoors(
            cluster, environ, ask_s3_keys, facts=self._known_facts, latest=lambda: self.facts
        )
        self._looks = self._latest_look = 0
        self._under_way: asyncio.Future[None] | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close every session and tunnel."""
        await self._doors.close()

    @property
    def diagnosis(self) -> Diagnosis:
        """The diagnosis from the latest facts; state UNKNOWN before the first look."""
        return diagnose(self.facts, self.cluster, restore_from(self.catalog))

    async def look(
        self, on_node: Callable[[str, str], None] | None = None, *, hasty: bool = False
    ) -> ClusterFacts:
        """Ask all nodes and members; never raises for a node that is down.

        `on_node` hears a node's name and a few words ("etcd running, no leader", "unreachable")
        as each answers. `hasty`: a silent node is given up after seconds, for a diagnosis now.
        """
        await warmed(*SSH_AND_ETCD)
        from recovery.cluster.gather import gather
        from recovery.cluster.open_keys import open_keys

        self._looks += 1
        began = self._looks
        over = self._under_way = asyncio.get_running_loop().create_future()
        try:
            facts = await gather(self._doors.fleet, self.cluster, on_node, hasty=hasty)
            keys = await asyncio.to_thread(open_keys, self.cluster.nodes)
        finally:
            over.set_result(None)
        facts = replace(facts, open_keys=keys)
        if began > self._latest_look:
            # One that began earlier and took longer tells of what is over.
            self._latest_look, self.facts = began, facts
        return facts

    async def look_unless_seen(self, *, seconds_old: float) -> ClusterFacts:
        """The facts where they are no older and lack no node; otherwise it is looked again."""
        if self.facts is None or not _good_enough(self.facts, seconds_old):
            return await self.look()
        return self.facts

    async def glance(self) -> ClusterFacts:
        """The facts, however old; where there are none, of a look under way, or of a hasty one."""
        if self.facts is None and self._under_way is not None:
            await asyncio.wait([self._under_way])
        return self.facts or await self.look(hasty=True)

    def forget_facts(self) -> None:
        """The cluster was changed: until it is looked at again, nothing is known of it."""
        self.facts = None

    async def health(
        self,
        expected: Expected | None = None,
        on_check: Callable[[Check], None] | None = None,
    ) -> HealthReport:
        """The final checks, once; compared with what is expected, where something is."""
        return await self.wait_for_health(expected, seconds=0, on_check=on_check)

    async def wait_for_health(
        self,
        expected: Expected | None = None,
        *,
        seconds: float,
        on_check: Callable[[Check], None] | None = None,
        on_wait: Callable[[str], None] | None = None,
    ) -> HealthReport:
        """The final checks, repeated until they hold or `seconds` are over."""
        from recovery.health.checks import wait_until_healthy

        if self.facts is None or not self._manifests():
            await self.look()
        return await wait_until_healthy(
            self._doors.fleet,
            self.cluster,
            self._manifests(),
            expected,
            seconds=seconds,
            on_check=on_check,
            on_wait=on_wait,
        )

    async def leftovers(self) -> Leftovers:
        """What the API remembers and reality does not have, after a restore; never raises."""
        from recovery.health.looking_for_leftovers import look_for_leftovers

        if self.facts is None or not self._manifests():
            await self.look()
        return await look_for_leftovers(self._doors.fleet, self.cluster, self._manifests())

    @cached_property
    def backups(self) -> BackupCare:
        """The backup configuration, S3, backups on demand, drift: everything but the catalog."""
        from recovery.backups.care import BackupCare

        return BackupCare(
            self.cluster,
            lambda: self._doors.fleet,
            self._known_facts,
            self._doors.last_seen,
            self._ask_s3_keys,
        )

    async def _known_facts(self) -> ClusterFacts:
        """The latest, or the first."""
        return self.facts or await self.look()

    def _manifests(self) -> dict[str, EtcdManifest]:
        nodes = self.facts.nodes if self.facts else {}
        return {name: node.manifest for name, node in nodes.items() if node.manifest is not None}

    def _serving(self) -> dict[str, EtcdManifest]:
        """Those of nodes whose API server is ready: the others only take their time to fail."""
        answers = (
            {name: node.api_server for name, node in self.facts.nodes.items()} if self.facts else {}
        )
        ready = {name for name, answer in answers.items() if answer is not None and answer.ready}
        return {name: each for name, each in self._manifests().items() if name in ready}


def _good_enough(facts: ClusterFacts, seconds: float) -> bool:
    """A node that did not answer is asked once more, with all the time that it may take."""
    age = (datetime.now(UTC) - facts.gathered_at).total_seconds()
    return not facts.unreachable and age <= seconds
