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
from recovery.backups.restore_from import restore_from
from recovery.cluster.diagnosis import diagnose
from recovery.cluster.facts import ClusterFacts, Diagnosis, EtcdManifest
from recovery.doors import ClusterDoors
from recovery.errors import RefusedError, SnapshotError
from recovery.health.model import Check, HealthReport
from recovery.inventory.model import Cluster
from recovery.places import cache_directory, runs_directory, state_directory
from recovery.restore.events import Event
from recovery.restore.operator import Operator
from recovery.restore.plan import Plan, RestoreSource
from recovery.restore.run_control import RestoreRun
from recovery.snapshots.model import FetchedSnapshot, JudgedSnapshot, Verdict
from recovery.warming import S3, SSH_AND_ETCD, warmed

if TYPE_CHECKING:
    from recovery.backups.care import BackupCare
    from recovery.backups.own_backups import OwnBackups
    from recovery.backups.stores import BytesProgress
    from recovery.health.expected import Expected
    from recovery.health.leftovers import Leftovers
    from recovery.rehearsal.trial.model import TrialReport
    from recovery.rehearsal.trial.stages import OnStage
    from recovery.restore.circumstances import Told
    from recovery.restore.clean_up import CleanUp
    from recovery.restore.cluster_runs import ClusterRuns
    from recovery.restore.delivering import Supply
    from recovery.restore.journal import JournalEntry
    from recovery.restore.lock import LockHolder
    from recovery.restore.past_runs import PastRun
    from recovery.restore.standing import RunStanding
    from recovery.restore.unlisted_workers import UnlistedWorkers
    from recovery.snapshots.comparison import Comparison

Progress = Callable[[str, int, int], None]
"""Called with what is moving, bytes done, and bytes in all (0 where unknown)."""

SECONDS_TO_BE_PROVEN = 60.0
"""API servers take a while after a run, so that one look right after it proves nothing."""

Looked = TypeVar("Looked", FetchedSnapshot, JudgedSnapshot)


class Incident:
    """One cluster under care. Use as an async context manager, so that sessions are closed."""

    def __init__(
        self,
        cluster: Cluster,
        *,
        environ: Mapping[str, str] = os.environ,
        ask_s3_keys: AskForKeys | None = None,
        allow_node_count: int | None = None,
    ) -> None:
        self.cluster = cluster
        self.allow_node_count = allow_node_count
        self.facts: ClusterFacts | None = None
        self.catalog: Catalog | None = None
        self.preflight_checks: tuple[Check, ...] = ()
        self._environ = environ
        self._ask_s3_keys = ask_s3_keys
        self._doors = ClusterDoors(
            cluster, environ, ask_s3_keys, facts=self._known_facts, latest=lambda: self.facts
        )
        self._looks = self._latest_look = 0
        self._unlisted: UnlistedWorkers | None = None
        """As preflight has found them."""

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

        self._looks += 1
        began = self._looks
        facts = await gather(self._doors.fleet, self.cluster, on_node, hasty=hasty)
        if began > self._latest_look:
            # One that began earlier and took longer tells of what is over.
            self._latest_look, self.facts = began, facts
        return facts

    def forget_facts(self) -> None:
        """The cluster was changed: until it is looked at again, nothing is known of it."""
        self.facts = None

    async def list_snapshots(
        self, on_update: Callable[[Catalog], None] | None = None, *, records: bool = True
    ) -> Catalog:
        """List every store, and the records where asked; `on_update` hears the catalog as it grows.

        The records are in the cluster itself, so that looking for them takes longest. Verdicts of
        an earlier listing are kept where the copies are the same.
        """
        earlier = self.catalog
        spec = self.cluster.backup
        await warmed(*SSH_AND_ETCD, *(S3 if spec is not None and spec.s3 is not None else ()))

        def updated(catalog: Catalog) -> None:
            self.catalog = keep_verdicts(catalog, earlier) if earlier else catalog
            if on_update is not None:
                on_update(self.catalog)

        reading = self._read_records if records else None
        own = self.own_backups.records.read if records else None
        updated(await list_catalog(self._doors.stores, reading, updated, own_records=own))
        assert self.catalog is not None
        self.catalog = await self._doors.known_verdicts.applied_to(self.catalog)
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
        return await self._learning(wanted, self._doors.fetching.judge(wanted, progress))

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
        return await self._learning(wanted, self._doors.fetching.fetch(wanted, progress))

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

        self._doors.cache.pin(fetched.database)
        return await try_snapshot(
            fetched,
            cache_directory(self._environ),
            etcd_dir=etcd_dir,
            nodes=lambda: [
                self._doors.fleet.session(node.name) for node in self.cluster.control_plane
            ],
            on_stage=on_stage,
        )

    async def preflight(
        self, fetched: FetchedSnapshot, on_check: Callable[[Check], None] | None = None
    ) -> tuple[Check, ...]:
        """Look again, and judge whether a restore of this snapshot can go well."""
        from recovery.health.preflight import preflight
        from recovery.health.preflight_snapshot import richer_snapshot
        from recovery.restore.source import has_hash, require_sound
        from recovery.restore.unfinished import unfinished_runs
        from recovery.restore.unlisted_workers import find_unlisted_workers, worker_checks

        contents = require_sound(fetched)
        self.preflight_checks = preflight(
            await self.look(),
            contents,
            fetched.size,
            has_hash(fetched),
            fetched.member,
            taken_at=self._taken_at(fetched.name),
            allow_node_count=self.allow_node_count,
        )
        listed = self.catalog.snapshots if self.catalog is not None else ()
        richest = max(listed, key=lambda each: each.live_keys or 0, default=None)
        if richest is not None and richest.live_keys:
            self.preflight_checks += (*richer_snapshot(contents, richest.name, richest.live_keys),)
        self.preflight_checks += (*unfinished_runs(self.past_runs()),)
        self._unlisted = await find_unlisted_workers(
            self._doors.fleet, self.cluster, self._manifests(), fetched.database, contents
        )
        self.preflight_checks += (*worker_checks(self._unlisted),)
        for check in self.preflight_checks:
            if on_check is not None:
                on_check(check)
        return self.preflight_checks

    def plan(self, fetched: FetchedSnapshot) -> Plan:
        """The plan for this snapshot from the latest facts; raises RefusedError where none is.

        Control-plane nodes that cannot be reached are left for later, as preflight has said.
        """
        from recovery.restore.planner import PlanOptions, new_run_id, plan
        from recovery.restore.source import restore_source

        if self.facts is None:
            raise RefusedError("the nodes have not been asked yet", remedy="look at them first")
        absent = (n.name for n in self.cluster.control_plane if n.name in self.facts.unreachable)
        return plan(
            self.facts,
            restore_source(fetched, self._taken_at(fetched.name)),
            PlanOptions(
                new_run_id(),
                without=tuple(absent),
                workers=self._unlisted.reached if self._unlisted is not None else (),
                allow_node_count=self.allow_node_count,
            ),
        )

    def restore(
        self,
        plan: Plan,
        fetched: FetchedSnapshot,
        operator: Operator,
        listener: Callable[[Event], None],
        told: Told | None = None,
    ) -> RestoreRun:
        """A run of the plan, not yet started. The listener is called on the event loop's thread.

        `told` is for the run's report: what a person has said, and what was compared.
        """
        from recovery.backups.newest_state import newest_state
        from recovery.health.expected import Expected
        from recovery.restore.circumstances import Told, circumstances_of
        from recovery.restore.delivering import Deliverer

        if self.facts is None or fetched.verdict.contents is None:
            raise RefusedError("there are no facts to restore by", remedy="run preflight first")
        self._doors.cache.pin(fetched.database)
        expected = Expected.of(fetched.verdict.contents, plan.revision_bump)
        deliverer = Deliverer(self._doors.fleet, self._supply(fetched))
        told = told or Told()
        newest = newest_state(self.catalog, self.facts)
        before = circumstances_of(
            self.facts, self.diagnosis, fetched, plan.source, self.preflight_checks, newest, told
        )
        return self._runs.begin(
            plan, self.facts, expected, deliverer, operator, listener, before, told.reason
        )

    def past_runs(self) -> tuple[PastRun, ...]:
        """This cluster's runs that have a record on this machine, newest first."""
        from recovery.restore.past_runs import list_runs

        known = list_runs(runs_directory(self._environ))
        return tuple(run for run in known if run.cluster == self.cluster.name)

    async def look_for_runs(self) -> tuple[PastRun, ...]:
        """Those, and the ones that only the nodes know, started from other machines."""
        return await self._runs.look_for()

    async def standing(self, run_id: str | None) -> RunStanding:
        """How far a run came and what can be done about it; the newest run without an id."""
        return await self._runs.standing(run_id)

    async def resume(
        self,
        run_id: str | None,
        operator: Operator,
        listener: Callable[[Event], None],
        reason: str = "",
    ) -> RestoreRun:
        """An interrupted run, taken up where it was left. Raises RefusedError, RescueError."""
        return await self._runs.resume(run_id, operator, listener, reason)

    async def roll_back(
        self,
        run_id: str | None,
        operator: Operator,
        listener: Callable[[Event], None],
        reason: str = "",
    ) -> RestoreRun:
        """The way back from wherever a run stands. Raises RefusedError, RescueError."""
        return await self._runs.roll_back(run_id, operator, listener, reason)

    async def weigh_clean_up(self, run_id: str | None) -> CleanUp:
        """What cleaning up after a run deletes; RefusedError unless the cluster is healthy now."""
        weighed = await self._runs.weigh_clean_up(run_id)
        report = await self.wait_for_health(seconds=SECONDS_TO_BE_PROVEN)
        if not report.healthy:
            raise RefusedError(
                "the cluster is not proven healthy, so what a run has kept may still be needed",
                where=self.cluster.name,
                remedy="etcd-rescue health shows what is wrong; clean up after that",
            )
        return weighed

    async def clean_up(self, weighed: CleanUp, note: Callable[[str, str], None]) -> None:
        """Delete what was weighed; `note` hears a node's name and what was done there."""
        await self._runs.clean_up(weighed, note)

    async def lock_holder(self) -> LockHolder | None:
        """Whoever works on this cluster now, with this program on whichever machine."""
        return await self._runs.lock_holder()

    async def take_over(self, holder: LockHolder) -> None:
        """A person decided to: the next run replaces this holder's lock."""
        self._runs.may_take_over(holder)

    async def journal_of(self, holder: LockHolder) -> tuple[JournalEntry, ...]:
        """What the holder's run has written so far, as the nodes know it."""
        return await self._runs.journal_of(holder)

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

    @cached_property
    def own_backups(self) -> OwnBackups:
        """Backups taken and kept without the platform."""
        from recovery.backups.assembling import assemble
        from recovery.backups.own_backups import Surroundings
        from recovery.restore.unfinished import unfinished_runs

        async def listed() -> Catalog:
            return await self.list_snapshots(records=False)

        async def unfinished() -> str | None:
            left = unfinished_runs(await self.look_for_runs())
            return next((check.message for check in left), None)

        return assemble(
            self.cluster,
            self._doors.fleet,
            self._doors.stores,
            self._doors.cache,
            self._doors.known_verdicts,
            state_directory(self._environ),
            Surroundings(self.look, listed, unfinished),
        )

    @cached_property
    def _runs(self) -> ClusterRuns:
        """Everything about the runs of this cluster."""
        from recovery.restore.cluster_runs import ClusterRuns, Surroundings

        surroundings = Surroundings(self.look, self._supply_of)
        return ClusterRuns(
            self._doors.fleet, self.cluster, runs_directory(self._environ), surroundings
        )

    async def _supply_of(self, source: RestoreSource) -> Supply:
        """A run's snapshot, fetched once more; RefusedError where it is another file now."""
        from recovery.backups.reference import resolve_reference

        fetched = await self.verify(resolve_reference(source.location, self.catalog))
        if fetched.sha256 != source.sha256:
            raise RefusedError(
                f"{source.name} is not the file that this run was begun with",
                where=source.location,
                remedy="roll the run back, and begin another one",
            )
        self._doors.cache.pin(fetched.database)
        return self._supply(fetched)

    def _supply(self, fetched: FetchedSnapshot) -> Supply:
        """The snapshot here, and what its other copies can spare this machine."""
        from recovery.backups.other_copies import elsewhere_of
        from recovery.restore.delivering import Supply

        return Supply(fetched.database, elsewhere_of(fetched, self.catalog, self._doors.stores))

    async def _read_records(self) -> Sequence[Record]:
        return await self.backups.records()

    async def _known_facts(self) -> ClusterFacts:
        """The latest, or the first."""
        return self.facts or await self.look()

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

    def _taken_at(self, name: str) -> datetime | None:
        listed = self.catalog.snapshots if self.catalog is not None else ()
        return next((each.taken_at for each in listed if each.name == name), None)
