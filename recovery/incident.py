"""One cluster under care: what screens and commands ask of the engine, in one place.

An `Incident` is a cluster that is looked at (`SeenCluster`), with the snapshots that are at hand
(`SnapshotsAtHand`), and hands out plans, runs and backups. It decides nothing and draws nothing.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from recovery.backups.credentials import AskForKeys
from recovery.backups.model import Catalog
from recovery.errors import DiskError, RefusedError, RescueError, SnapshotError, StoreError
from recovery.health.model import Check
from recovery.inventory.model import Cluster
from recovery.places import runs_directory
from recovery.restore.events import Event
from recovery.restore.operator import Operator
from recovery.restore.plan import Plan, RestoreSource
from recovery.restore.run_control import RestoreRun
from recovery.snapshots.model import JudgedSnapshot
from recovery.snapshots_at_hand import Looked, LookFor, Progress, SnapshotsAtHand

if TYPE_CHECKING:
    from recovery.backups.own_backups import OwnBackups
    from recovery.restore.circumstances import Told
    from recovery.restore.clean_up import CleanUp
    from recovery.restore.cluster_runs import ClusterRuns
    from recovery.restore.delivering import Supply
    from recovery.restore.journal import JournalEntry
    from recovery.restore.lock import LockHolder
    from recovery.restore.past_runs import PastRun
    from recovery.restore.standing import RunStanding
    from recovery.restore.unlisted_workers import UnlistedWorkers

__all__ = ["Incident", "Looked", "Progress"]

SECONDS_TO_BE_PROVEN = 60.0
"""API servers take a while after a run, so that one look right after it proves nothing."""


class Incident(SnapshotsAtHand):
    """One cluster under care. Use as an async context manager, so that sessions are closed."""

    def __init__(
        self,
        cluster: Cluster,
        *,
        environ: Mapping[str, str] = os.environ,
        ask_s3_keys: AskForKeys | None = None,
        allow_node_count: int | None = None,
    ) -> None:
        super().__init__(cluster, environ, ask_s3_keys)
        self.allow_node_count = allow_node_count
        self.preflight_checks: tuple[Check, ...] = ()
        self._unlisted: UnlistedWorkers | None = None
        """As preflight has found them."""

    async def preflight(
        self,
        judged: JudgedSnapshot,
        on_check: Callable[[Check], None] | None = None,
        *,
        seconds_old: float = 0,
    ) -> tuple[Check, ...]:
        """Look again, and judge whether a restore of this snapshot can go well.

        `seconds_old`: facts that are no older, and lack no node, are good enough.
        """
        from recovery.health.preflight import preflight
        from recovery.health.preflight_snapshot import richer_snapshot
        from recovery.restore.source import has_hash, require_sound
        from recovery.restore.unfinished import unfinished_runs
        from recovery.restore.unlisted_workers import find_unlisted_workers, worker_checks

        contents = require_sound(judged)
        facts = await self.look_unless_seen(seconds_old=seconds_old)
        self.preflight_checks = preflight(
            facts,
            contents,
            judged.verdict.size,
            has_hash(judged),
            judged.member,
            taken_at=self._taken_at(judged.name),
            allow_node_count=self.allow_node_count,
        )
        listed = self.catalog.snapshots if self.catalog is not None else ()
        richest = max(listed, key=lambda each: each.live_keys or 0, default=None)
        if richest is not None and richest.live_keys:
            self.preflight_checks += (*richer_snapshot(contents, richest.name, richest.live_keys),)
        self.preflight_checks += (*unfinished_runs(await self.look_for_runs()),)
        self._unlisted = await find_unlisted_workers(
            self._doors.fleet, self.cluster, self._serving(), contents
        )
        self.preflight_checks += (*worker_checks(self._unlisted),)
        for check in self.preflight_checks:
            if on_check is not None:
                on_check(check)
        return self.preflight_checks

    def plan(self, judged: JudgedSnapshot) -> Plan:
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
            restore_source(judged, self._taken_at(judged.name)),
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
        judged: JudgedSnapshot,
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

        if self.facts is None or judged.verdict.contents is None:
            raise RefusedError("there are no facts to restore by", remedy="run preflight first")
        if judged.database is not None:
            self._doors.cache.pin(judged.database)
        expected = Expected.of(judged.verdict.contents, plan.revision_bump)
        deliverer = Deliverer(self._doors.fleet, self._supply(judged))
        told = told or Told()
        newest = newest_state(self.catalog, self.facts)
        before = circumstances_of(
            self.facts, self.diagnosis, judged, plan.source, self.preflight_checks, newest, told
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
            self._own_records,
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
        """A run's snapshot, judged once more; an error where no copy of it is the same any more."""
        if self.catalog is None:
            # Any copy will do, and the first one's node may be gone.
            await self.list_snapshots(records=False)
        judged = await self._the_same(self.ready, source.location, source.name, source.sha256)
        if judged.database is not None:
            self._doors.cache.pin(judged.database)
        return self._supply(judged)

    def _supply(self, judged: JudgedSnapshot) -> Supply:
        """The snapshot, and what its copies can spare this machine."""
        from recovery.backups.other_copies import elsewhere_of
        from recovery.restore.delivering import Supply

        elsewhere = elsewhere_of(judged, self.catalog, self._doors.stores)
        return Supply(lambda: self._brought(judged), elsewhere, not judged.in_place)

    async def _brought(self, judged: JudgedSnapshot) -> Path:
        """Its database on this machine; an error where no copy gives what was judged."""
        if judged.database is not None:
            return judged.database
        sha256 = judged.verdict.sha256
        fetched = await self._the_same(self.verify, judged.location, judged.name, sha256)
        self._doors.cache.pin(fetched.database)
        return fetched.database

    async def _the_same(
        self, look: LookFor[Looked], location: str, name: str, sha256: str
    ) -> Looked:
        """The database of that sha256, from whichever copy gives it; the named place comes first.

        A copy may have become another file since it was judged, or be out of reach: others serve.
        """
        from recovery.backups.other_copies import listed_as, listed_with
        from recovery.backups.reference import resolve_reference

        listed = listed_with(location, self.catalog)
        try:
            if listed is None:
                copy = resolve_reference(location, self.catalog)
                return await look(copy, sha256=sha256)
            return await look(listed, sha256=sha256)
        except RescueError as error:
            others = listed_as(name, self.catalog) if listed is None else None
            if others is not None:
                return await look(others, sha256=sha256)
            copies_fail = isinstance(error, RefusedError | SnapshotError | StoreError)
            if copies_fail and not isinstance(error, DiskError):
                error.remedy = "put a good copy back where it lay and resume, or roll the run back"
            raise
