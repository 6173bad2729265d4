"""The runs of one cluster: begin one, take one up again, lead one back, clean up after it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from recovery.cluster.facts import ClusterFacts
from recovery.cluster.kubernetes import api_server_url
from recovery.errors import RefusedError, RescueError
from recovery.health.expected import Expected
from recovery.inventory.model import Cluster
from recovery.restore.circumstances import Circumstances
from recovery.restore.clean_up import CleanUp
from recovery.restore.cleaning import clean, weigh
from recovery.restore.cluster_lock import ClusterLock, look_for_holder
from recovery.restore.delivering import NO_SUPPLY, Deliverer, Supply
from recovery.restore.events import Event
from recovery.restore.holding import NodeHolding
from recovery.restore.journal import JournalEntry, JournalEvent
from recovery.restore.kept_plan import expected_of, plan_of
from recovery.restore.late_nodes import with_late_nodes
from recovery.restore.lock import LockHolder
from recovery.restore.node_work import NodeWorker
from recovery.restore.operator import Operator
from recovery.restore.past_runs import (
    PastRun,
    RunState,
    list_runs,
    newest_of,
    no_such_run,
    read_run,
)
from recovery.restore.plan import Plan, RestoreSource
from recovery.restore.planner import PlanOptions, plan
from recovery.restore.progress import Progress, progress_of
from recovery.restore.record_copies import RecordCopies
from recovery.restore.redaction import without_secrets
from recovery.restore.rollback import rollback_plan
from recovery.restore.run import Beginning, PlanRun
from recovery.restore.run_control import RestoreRun
from recovery.restore.run_elsewhere import newest_record, require_not_cleaned
from recovery.restore.run_record import RunRecord
from recovery.restore.runs_on_nodes import bring_record, entries_on_nodes, look_for_runs, merged
from recovery.restore.standing import RunStanding
from recovery.restore.standings import standing_of
from recovery.restore.unlisted import with_unlisted
from recovery.restore.watching import ClusterWatcher
from recovery.ssh.fleet import Fleet

Listener = Callable[[Event], None]

_DELIVER = "deliver-snapshot"
_GLANCE_SECONDS = 5.0
"""For showing a run: silent nodes hold nobody up."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the runs of a cluster ask of whoever cares for it."""

    look: Callable[[], Awaitable[ClusterFacts]]
    """Asks all nodes now."""
    snapshot: Callable[[RestoreSource], Awaitable[Supply]]
    """The snapshot on this machine, fetched where it is not here any more."""


class ClusterRuns:
    """Everything about the runs of one cluster. `runs`: the directory of their records here."""

    def __init__(
        self, fleet: Fleet, cluster: Cluster, runs: Path, surroundings: Surroundings
    ) -> None:
        self._fleet = fleet
        self._cluster = cluster
        self._runs = runs
        self._surroundings = surroundings
        self._works = {node.name: node.paths.work for node in cluster.control_plane}
        self._may_replace: set[str] = set()
        self._taken_over: set[str] = set()

    def known(self) -> tuple[PastRun, ...]:
        """Those with a record on this machine, newest first."""
        return tuple(run for run in list_runs(self._runs) if run.cluster == self._cluster.name)

    async def look_for(self) -> tuple[PastRun, ...]:
        """Those known here and on the nodes, each as whoever took it up last has left it.

        A dead node holds nobody up.
        """
        there = await look_for_runs(self._fleet, self._works, self._cluster.name)
        return merged(self.known(), there)

    async def standing(self, run_id: str | None) -> RunStanding:
        """How far the run came (the newest without an id), as the nodes know it if they answer.

        Raises RescueError, UsageError.
        """
        run = await self._find(run_id)
        with suppress(TimeoutError, RefusedError):
            # Whoever acts on it is told of two stories then; here one of them is shown.
            async with asyncio.timeout(_GLANCE_SECONDS):
                run = await newest_record(self._fleet, self._works, run, self._runs)
        return self._standing_of(run)

    def _standing_of(self, run: PastRun) -> RunStanding:
        if run.state is RunState.RUNNING and run.id in self._taken_over:
            run = replace(run, state=RunState.INTERRUPTED)
        return standing_of(run, plan_of(run))

    async def _standing_now(self, run_id: str | None) -> RunStanding:
        """For whoever is about to act: what other machines did since counts."""
        run = await self._find(run_id)
        return self._standing_of(await newest_record(self._fleet, self._works, run, self._runs))

    def begin(
        self,
        plan: Plan,
        facts: ClusterFacts,
        expected: Expected,
        deliverer: Deliverer,
        operator: Operator,
        listener: Listener,
        before: Circumstances | None = None,
        reason: str = "",
    ) -> PlanRun:
        """A new run, not yet started; `before` and `reason` are for its report."""
        record = RunRecord.of_new_run(self._runs, plan, expected, before)
        beginning = Beginning(reason=without_secrets(reason))
        return self._run(plan, facts, expected, deliverer, operator, listener, record, beginning)

    async def resume(
        self, run_id: str | None, operator: Operator, listener: Listener, reason: str = ""
    ) -> RestoreRun:
        """The run taken up where it was left; nodes that were left out take part again.

        Raises RefusedError where nothing is left to do, RescueError where its record is unusable.
        """
        standing = await self._standing_now(run_id)
        if standing.resume_refused:
            raise _refused("resumed", standing, standing.resume_refused)
        progress = progress_of(standing.run.entries)
        await require_not_cleaned(self._fleet, standing.plan, progress)
        facts = await self._surroundings.look()
        record = RunRecord(standing.run.directory)
        whole = _with_absent(standing.plan, facts)
        if whole is not standing.plan:
            record.keep_plan(whole)
        expected = expected_of(standing.run)
        deliverer = Deliverer(self._fleet, await self._snapshot(whole, progress))
        beginning = Beginning(JournalEvent.RUN_RESUMED, progress, without_secrets(reason))
        return self._run(whole, facts, expected, deliverer, operator, listener, record, beginning)

    async def roll_back(
        self, run_id: str | None, operator: Operator, listener: Listener, reason: str = ""
    ) -> RestoreRun:
        """The way back from wherever the run stands. Raises RefusedError, RescueError."""
        standing = await self._standing_now(run_id)
        if standing.roll_back_refused:
            raise _refused("rolled back", standing, standing.roll_back_refused)
        progress = progress_of(standing.run.entries)
        await require_not_cleaned(self._fleet, standing.plan, progress)
        facts = await self._surroundings.look()
        record = RunRecord(standing.run.directory)
        beginning = Beginning(JournalEvent.ROLLBACK_STARTED, progress, without_secrets(reason))
        return self._run(
            rollback_plan(standing.plan, progress),
            facts,
            expected_of(standing.run),
            Deliverer(self._fleet, NO_SUPPLY),
            operator,
            listener,
            record,
            beginning,
        )

    async def weigh_clean_up(self, run_id: str | None) -> CleanUp:
        """What cleaning up after the run deletes. Raises RefusedError where it must stay."""
        standing = await self._standing_now(run_id)
        if standing.clean_refused:
            raise _refused("cleaned up", standing, standing.clean_refused)
        return await weigh(self._fleet, standing.plan)

    async def clean_up(self, weighed: CleanUp, note: Callable[[str, str], None]) -> None:
        """Delete it, under the cluster's lock."""
        standing = await self._standing_now(weighed.run_id)
        if standing.clean_refused:
            raise _refused("cleaned up", standing, standing.clean_refused)
        lock = ClusterLock(self._fleet, self._cluster.name, self._works, weighed.run_id)
        await lock.take(self._may_replace)
        try:
            lock.keep(lambda _: None)
            lock.doing("cleaning up")
            record = RunRecord(standing.run.directory)
            try:
                await clean(self._fleet, standing.plan, record, note)
            finally:
                record.close()
            try:
                await asyncio.to_thread(_report_of, record.directory)
            except RescueError as error:
                told = f"all of it is deleted; only the report could not be written anew: {error}"
                note(standing.plan.nodes[0], told)
        finally:
            await lock.give_back()

    async def lock_holder(self) -> LockHolder | None:
        """Whoever works on this cluster now; None where nobody does."""
        return await look_for_holder(self._fleet, self._cluster.name, self._works)

    def may_take_over(self, holder: LockHolder) -> None:
        """A person has decided to take over: the next run replaces this holder's lock."""
        self._may_replace.add(holder.token)
        self._taken_over.add(holder.run_id)

    async def journal_of(self, holder: LockHolder) -> tuple[JournalEntry, ...]:
        """What the other one's run has written so far."""
        return await entries_on_nodes(self._fleet, self._works, self._works, holder.run_id)

    async def _find(self, run_id: str | None) -> PastRun:
        here = {run.id: run for run in self.known()}
        if run_id in here:
            return here[run_id]
        unheard: set[str] = set()
        found = await look_for_runs(self._fleet, self._works, self._cluster.name, unheard)
        known = merged(here.values(), found)
        run = next((run for run in known if run.id == run_id), None)
        if run_id is None:
            run = newest_of(known)
        if run is not None and run.id in here:
            return here[run.id]
        if run is not None:
            return read_run(await bring_record(self._fleet, self._works, run, self._runs))
        raise no_such_run(run_id, self._runs, [*here.values(), *found], self._cluster.name, unheard)

    async def _snapshot(self, plan: Plan, progress: Progress) -> Supply:
        if all((_DELIVER, node) in progress.done for node in plan.nodes):
            return NO_SUPPLY
        return await self._surroundings.snapshot(plan.source)

    def _run(
        self,
        plan: Plan,
        facts: ClusterFacts,
        expected: Expected,
        deliverer: Deliverer,
        operator: Operator,
        listener: Listener,
        record: RunRecord,
        beginning: Beginning,
    ) -> PlanRun:
        whole = with_unlisted(self._cluster, plan)
        self._fleet.learn(whole.workers)
        lock = ClusterLock(self._fleet, self._cluster.name, self._works, plan.run_id)
        holding = NodeHolding(
            lock,
            RecordCopies(self._fleet, plan.places, record.directory),
            may_replace=tuple(self._may_replace),
            without=plan.absent,
            writes_at_once=beginning.resumed,
        )
        run_dirs = {place.node: place.run_dir for place in plan.places}
        worker = NodeWorker(self._fleet, deliverer, run_dirs, lock.guard)
        watcher = ClusterWatcher(
            self._fleet,
            self._cluster,
            {n: node.manifest for n, node in facts.nodes.items() if node.manifest is not None},
            expected,
            _api_servers(facts),
            keep_final=record.keep_final,
            keep_leftovers=record.keep_leftovers,
            whole_cluster=whole,
        )
        run = PlanRun(
            plan,
            record,
            worker,
            watcher,
            operator,
            listener,
            beginning=beginning,
            holding=holding,
            write_report=lambda: _report_of(record.directory),
        )
        run.expected = expected
        return run


def _report_of(directory: Path) -> None:
    from recovery.report.writing import write_report

    write_report(directory)


def _api_servers(facts: ClusterFacts) -> Mapping[str, str]:
    return {
        name: api_server_url(manifest, node.api_server_port, node.api_server_address)
        for name, node in facts.nodes.items()
        if (manifest := node.manifest) is not None
    }


def _with_absent(made: Plan, facts: ClusterFacts) -> Plan:
    """The plan with the nodes that were absent when it was made and can be reached now."""
    there = tuple(node for node in made.absent if node in facts.nodes)
    if not there:
        return made
    still = tuple(node for node in made.absent if node not in there)
    options = PlanOptions(made.run_id, without=still, only=there)
    return with_late_nodes(made, plan(facts, made.source, options))


def _refused(what: str, standing: RunStanding, why: str) -> RefusedError:
    return RefusedError(
        f"run {standing.run.id} cannot be {what}: {why}",
        where=standing.run.cluster,
        remedy=f"etcd-rescue runs show {standing.run.id} tells all that it did",
    )
