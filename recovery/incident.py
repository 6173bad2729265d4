"""One cluster under care: what screens and commands ask of the engine, in one place.

An `Incident` owns the sessions to the nodes and the stores, remembers the latest facts and the
catalog, and hands out plans, runs and health reports. It decides nothing and draws nothing.
"""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self, TypeVar

from recovery.backups.catalog import keep_verdicts, list_catalog, with_verdict
from recovery.backups.credentials import AskForKeys
from recovery.backups.model import Catalog, Copy, Integrity, Record, Snapshot
from recovery.cluster.diagnosis import diagnose
from recovery.cluster.etcd_tools import choose_tool
from recovery.cluster.facts import ClusterFacts, Diagnosis, EtcdManifest
from recovery.errors import RefusedError, SnapshotError
from recovery.health.expected import Expected
from recovery.health.model import Check, HealthReport
from recovery.health.preflight import preflight
from recovery.health.preflight_snapshot import richer_snapshot
from recovery.inventory.model import Cluster
from recovery.places import cache_directory, runs_directory, state_directory
from recovery.restore.events import Event
from recovery.restore.operator import Operator
from recovery.restore.plan import Plan
from recovery.restore.planner import PlanOptions, new_run_id, plan
from recovery.restore.run_control import RestoreRun
from recovery.restore.source import has_hash, require_sound, restore_source
from recovery.snapshots.model import FetchedSnapshot, JudgedSnapshot, Verdict

if TYPE_CHECKING:
    from recovery.backups.fetching import Fetching
    from recovery.backups.known_verdicts import KnownVerdicts
    from recovery.backups.snapshot_cache import SnapshotCache
    from recovery.backups.stores import BytesProgress, Store
    from recovery.rehearsal.trial.model import TrialReport
    from recovery.rehearsal.trial.stages import OnStage
    from recovery.snapshots.comparison import Comparison
    from recovery.ssh.fleet import Fleet

Progress = Callable[[str, int, int], None]
"""Called with what is moving, bytes done, and bytes in all (0 where unknown)."""

Looked = TypeVar("Looked", FetchedSnapshot, JudgedSnapshot)


class Incident:
    """One cluster under care. Use as an async context manager, so that sessions are closed."""

    def __init__(
        self,
        cluster: Cluster,
        *,
        environ: Mapping[str, str] = os.environ,
        ask_s3_keys: AskForKeys | None = None,
    ) -> None:
        self.cluster = cluster
        self.facts: ClusterFacts | None = None
        self.catalog: Catalog | None = None
        self.preflight_checks: tuple[Check, ...] = ()
        self._environ = environ
        self._ask_s3_keys = ask_s3_keys
        self._revision_bump = 0
        self._opened = False

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
        if self._opened:
            await self._fleet.close()

    @property
    def diagnosis(self) -> Diagnosis:
        """The diagnosis from the latest facts; state UNKNOWN before the first look."""
        return diagnose(self.facts, self.cluster)

    async def look(self, on_node: Callable[[str, str], None] | None = None) -> ClusterFacts:
        """Ask all nodes and members; never raises for a node that is down.

        `on_node` hears a node's name and a few words ("etcd running, no leader", "unreachable")
        as each answers.
        """
        from recovery.cluster.gather import gather

        self.facts = await gather(self._fleet, self.cluster, on_node)
        return self.facts

    async def list_snapshots(
        self, on_update: Callable[[Catalog], None] | None = None, *, records: bool = True
    ) -> Catalog:
        """List every store, and the records where asked; `on_update` hears the catalog as it grows.

        The records are in the cluster itself, so that looking for them takes longest. Verdicts of
        an earlier listing are kept where the copies are the same.
        """
        earlier = self.catalog

        def updated(catalog: Catalog) -> None:
            self.catalog = keep_verdicts(catalog, earlier) if earlier else catalog
            if on_update is not None:
                on_update(self.catalog)

        reading = self._read_records if records else None
        updated(await list_catalog(self._stores, reading, updated))
        assert self.catalog is not None
        self.catalog = await self._known_verdicts.applied_to(self.catalog)
        if on_update is not None:
            on_update(self.catalog)
        return self.catalog

    async def judge(
        self, wanted: Snapshot | Copy, progress: Progress | None = None
    ) -> JudgedSnapshot:
        """What the snapshot is worth; read on its node where that can be done.

        A node without python3 may leave the contents untold. The catalog learns the answer.
        Raises what `verify` raises.
        """
        return await self._learning(wanted, self._fetching.judge(wanted, progress))

    async def inspect(
        self, wanted: Snapshot | Copy, progress: Progress | None = None
    ) -> JudgedSnapshot:
        """What the snapshot is worth and what is in it; fetched only where nothing else helps."""
        judged = await self.judge(wanted, progress)
        untold = judged.verdict.contents is None
        if untold and judged.verdict.integrity is not Integrity.CORRUPT:
            return (await self.verify(wanted, progress)).judged
        return judged

    async def verify(
        self, wanted: Snapshot | Copy, progress: Progress | None = None
    ) -> FetchedSnapshot:
        """Fetch the snapshot here, unpack and verify it; the catalog learns the answer.

        Raises SnapshotError where no copy of it is a snapshot, StoreError where one that may be
        good cannot be fetched, DiskError where this machine has no room. A corrupt one is no
        exception: the verdict says so.
        """
        return await self._learning(wanted, self._fetching.fetch(wanted, progress))

    async def compare(
        self, old: FetchedSnapshot, new: FetchedSnapshot, progress: BytesProgress | None = None
    ) -> Comparison:
        """What changed from the one to the other. Raises SnapshotError where one is unreadable."""
        from recovery.snapshots.comparison import compare_databases

        return await compare_databases(old.database, new.database, progress)

    async def rehearse(
        self,
        fetched: FetchedSnapshot,
        on_stage: OnStage | None = None,
        *,
        etcd_dir: Path | None = None,
    ) -> TrialReport:
        """Restore it into a scratch cluster on this machine, and compare; touches no node.

        Raises SnapshotError where it is corrupt, RehearsalError where there is no etcd to try it
        with, DiskError where this machine has no room.
        """
        from recovery.rehearsal.trial.trial import try_snapshot

        self._cache.pin(fetched.database)
        return await try_snapshot(
            fetched,
            cache_directory(self._environ),
            etcd_dir=etcd_dir,
            nodes=lambda: [self._fleet.session(node.name) for node in self.cluster.control_plane],
            on_stage=on_stage,
        )

    async def preflight(
        self, fetched: FetchedSnapshot, on_check: Callable[[Check], None] | None = None
    ) -> tuple[Check, ...]:
        """Look again, and judge whether a restore of this snapshot can go well."""
        contents = require_sound(fetched)
        self.preflight_checks = preflight(
            await self.look(), contents, fetched.size, has_hash(fetched), fetched.member
        )
        listed = self.catalog.snapshots if self.catalog is not None else ()
        richest = max(listed, key=lambda each: each.live_keys or 0, default=None)
        if richest is not None and richest.live_keys:
            self.preflight_checks += (*richer_snapshot(contents, richest.name, richest.live_keys),)
        for check in self.preflight_checks:
            if on_check is not None:
                on_check(check)
        return self.preflight_checks

    def plan(self, fetched: FetchedSnapshot) -> Plan:
        """The plan for this snapshot from the latest facts; raises RefusedError where none is."""
        if self.facts is None:
            raise RefusedError("the nodes have not been asked yet", remedy="look at them first")
        return plan(
            self.facts,
            restore_source(fetched, self._taken_at(fetched.name)),
            PlanOptions(new_run_id()),
        )

    def restore(
        self,
        plan: Plan,
        fetched: FetchedSnapshot,
        operator: Operator,
        listener: Callable[[Event], None],
    ) -> RestoreRun:
        """A run of the plan, not yet started. The listener is called on the event loop's thread."""
        from recovery.cluster.kubernetes import api_server_url
        from recovery.restore.delivering import Deliverer
        from recovery.restore.node_work import NodeWorker
        from recovery.restore.run import PlanRun
        from recovery.restore.run_record import RunRecord
        from recovery.restore.watching import ClusterWatcher

        if self.facts is None or fetched.verdict.contents is None:
            raise RefusedError("there are no facts to restore by", remedy="run preflight first")
        self._revision_bump = plan.revision_bump
        self._cache.pin(fetched.database)
        watcher = ClusterWatcher(
            self._fleet,
            self.cluster,
            self._manifests(),
            Expected.of(fetched.verdict.contents, plan.revision_bump),
            {
                name: api_server_url(manifest, node.api_server_port, node.api_server_address)
                for name, node in self.facts.nodes.items()
                if (manifest := node.manifest) is not None
            },
        )
        record = RunRecord(runs_directory(self._environ), plan)
        worker = NodeWorker(self._fleet, Deliverer(self._fleet, fetched.database))
        return PlanRun(plan, record, worker, watcher, operator, listener)

    async def health(
        self,
        fetched: FetchedSnapshot | None = None,
        on_check: Callable[[Check], None] | None = None,
    ) -> HealthReport:
        """The final checks, once; compared with the snapshot where one is given."""
        return await self.wait_for_health(fetched, seconds=0, on_check=on_check)

    async def wait_for_health(
        self,
        fetched: FetchedSnapshot | None = None,
        *,
        seconds: float,
        on_check: Callable[[Check], None] | None = None,
        on_wait: Callable[[str], None] | None = None,
    ) -> HealthReport:
        """The final checks, repeated until they hold or `seconds` are over."""
        from recovery.health.checks import wait_until_healthy

        if self.facts is None or not self._manifests():
            await self.look()
        contents = fetched.verdict.contents if fetched else None
        return await wait_until_healthy(
            self._fleet,
            self.cluster,
            self._manifests(),
            Expected.of(contents, self._revision_bump) if contents else None,
            seconds=seconds,
            on_check=on_check,
            on_wait=on_wait,
        )

    @cached_property
    def _fleet(self) -> Fleet:
        from recovery.ssh.fleet import Fleet

        self._opened = True
        return Fleet(self.cluster)

    @cached_property
    def _stores(self) -> Sequence[Store]:
        from recovery.backups.cluster_stores import cluster_stores

        return cluster_stores(
            self.cluster, self._fleet, self._ask_s3_keys, self._read_s3_secret, self._tool_on
        )

    @cached_property
    def _fetching(self) -> Fetching:
        from recovery.backups.fetching import Fetching

        return Fetching(self._stores, self._cache, self._known_verdicts)

    @cached_property
    def _known_verdicts(self) -> KnownVerdicts:
        from recovery.backups.known_verdicts import KnownVerdicts

        return KnownVerdicts(cache_directory(self._environ))

    @cached_property
    def _cache(self) -> SnapshotCache:
        from recovery.backups.snapshot_cache import SnapshotCache

        return SnapshotCache(cache_directory(self._environ))

    async def _read_records(self) -> Sequence[Record]:
        from recovery.backups.platform_records import read_records

        seen = state_directory(self._environ) / "configurations" / f"{self.cluster.name}.json"
        facts = self.facts or await self.look()
        return await read_records(self._fleet, facts, seen)

    async def _read_s3_secret(self) -> str:
        from recovery.backups.credentials import SECRET_NAMESPACE
        from recovery.backups.platform_records import USUAL_SECRET, read_secret

        s3 = self.cluster.backup.s3 if self.cluster.backup else None
        name = (s3.secret_ref if s3 else "") or USUAL_SECRET
        facts = self.facts or await self.look()
        return await read_secret(self._fleet, facts, SECRET_NAMESPACE, name)

    def _manifests(self) -> dict[str, EtcdManifest]:
        nodes = self.facts.nodes if self.facts else {}
        return {name: node.manifest for name, node in nodes.items() if node.manifest is not None}

    async def _learning(self, wanted: Snapshot | Copy, looking: Awaitable[Looked]) -> Looked:
        """The answer, after the catalog has learned it."""
        try:
            found = await looking
        except SnapshotError as error:
            if isinstance(wanted, Snapshot):
                self._learn(wanted.name, Verdict(Integrity.CORRUPT, error.what, None))
            raise
        self._learn(found.name, found.verdict)
        return found

    def _learn(self, name: str, verdict: Verdict) -> None:
        if self.catalog is not None:
            self.catalog = with_verdict(self.catalog, name, verdict)

    def _tool_on(self, node: str) -> str:
        facts = self.facts.nodes.get(node) if self.facts is not None else None
        tool = choose_tool(None, facts.tools) if facts is not None else None
        return tool.path if tool is not None else ""

    def _taken_at(self, name: str) -> datetime | None:
        listed = self.catalog.snapshots if self.catalog is not None else ()
        return next((each.taken_at for each in listed if each.name == name), None)
