"""An incident with canned answers: what the screens are tested and looked at with."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

from recovery.backups.care import BackupCare
from recovery.backups.model import (
    Catalog,
    Copy,
    Integrity,
    Snapshot,
    SourceError,
    StoreKind,
)
from recovery.backups.stores import BytesProgress
from recovery.cluster.facts import ClusterFacts, ClusterState, Diagnosis, MemberStatus
from recovery.errors import NodeUnreachableError, RescueError
from recovery.health.expected import Expected
from recovery.health.leftovers import Leftovers
from recovery.health.model import Check, HealthReport
from recovery.incident import Incident, Progress
from recovery.rehearsal.trial.kept_trials import KeptTrial
from recovery.restore.circumstances import Told
from recovery.restore.clean_up import CleanUp, Cleared
from recovery.restore.events import Event, Outcome
from recovery.restore.journal import JournalEntry
from recovery.restore.lock import LockHolder
from recovery.restore.operator import Operator
from recovery.restore.past_runs import PastRun
from recovery.restore.plan import Plan
from recovery.restore.rollback import rollback_plan
from recovery.restore.run_control import RestoreRun
from recovery.restore.standing import RunStanding
from recovery.restore.standings import standing_of
from recovery.snapshots.key_catalog import SnapshotKeys
from recovery.snapshots.model import (
    FetchedSnapshot,
    JudgedSnapshot,
    Verdict,
)
from tests.screens.canned_backups import BackupAnswers, CannedBackups
from tests.screens.canned_checks import canned_health, canned_preflight
from tests.screens.canned_cluster import (
    MIB,
    NOW,
    canned_cluster,
    canned_contents,
    canned_snapshots,
)
from tests.screens.canned_plan import canned_plan
from tests.screens.canned_run import CannedRun, Script


@dataclass
class Answers:
    """What the canned incident says, for tests to change."""

    snapshots: tuple[Snapshot, ...] = field(default_factory=canned_snapshots)
    errors: tuple[SourceError, ...] = (
        SourceError(
            StoreKind.NODE,
            "etcd-3:/cpaas/backup",
            "the node does not answer",
            "bring etcd-3 back, or go on with the copies that are elsewhere",
        ),
    )
    checks: tuple[Check, ...] = field(default_factory=canned_preflight)
    reports: list[HealthReport] = field(default_factory=lambda: [canned_health()])
    """One for each look at health; the last one stays."""
    corrupt: frozenset[str] = frozenset()
    script: Script = field(default_factory=Script)
    look_error: Exception | None = None
    diagnosis: Diagnosis | None = None
    """Instead of a quorum that is lost."""
    verify_error: RescueError | None = None
    past_runs: tuple[PastRun, ...] = ()
    leftovers: Leftovers = field(default_factory=lambda: Leftovers("2026-11-22T14:05:00Z"))
    backups: BackupAnswers = field(default_factory=BackupAnswers)
    earlier_trials: dict[str, KeptTrial] = field(default_factory=dict)
    """By the name of the snapshot that was rehearsed before this session."""


_KEYS = sorted(
    [
        "apps.example.com/widgets/shop/blue",
        "configmaps/kube-system/coredns",
        *(f"pods/shop/web-{number:02}" for number in range(40)),
        "minions/worker-1",
        "secrets/very-long-namespace-of-the-payments-team-europe/checkout-payment-provider",
        "services/endpoints/default/kubernetes",
    ]
)


class CannedIncident(Incident):
    """Answers at once, or at the given pace (seconds between two answers)."""

    def __init__(
        self, answers: Answers | None = None, *, pace: float = 0.0, name: str = "prod-a"
    ) -> None:
        self.cluster = canned_cluster(name)
        self.facts: ClusterFacts | None = None
        self.catalog: Catalog | None = None
        self.preflight_checks: tuple[Check, ...] = ()
        self.answers = answers or Answers()
        self.pace = pace
        self.restored = False
        self.runs: list[CannedRun] = []
        self.cleaned: list[str] = []
        self.looks = 0
        self.told: Told | None = None

    @cached_property
    def backups(self) -> BackupCare:
        """With canned answers."""
        return CannedBackups(self.cluster, self.answers.backups)

    async def close(self) -> None:
        """Nothing is open."""

    def earlier_trial(self, judged: JudgedSnapshot) -> KeptTrial | None:
        """As the answers have it."""
        return self.answers.earlier_trials.get(judged.name)

    async def _breathe(self, parts: float = 1.0) -> None:
        await asyncio.sleep(self.pace * parts)

    @property
    def diagnosis(self) -> Diagnosis:
        """Lost, until restored."""
        if self.facts is None:
            return Diagnosis(ClusterState.UNKNOWN, 0, 3, "", "")
        if self.answers.diagnosis is not None:
            return self.answers.diagnosis
        if self.restored:
            return Diagnosis(
                ClusterState.HEALTHY, 3, 3, "All three members agree.", "Nothing needs to be done."
            )
        return Diagnosis(
            ClusterState.QUORUM_LOST,
            1,
            3,
            "One of three members answers, and two are needed: etcd takes no writes.",
            "Restore the newest verified snapshot.",
        )

    async def look(
        self, on_node: Callable[[str, str], None] | None = None, *, hasty: bool = False
    ) -> ClusterFacts:
        """Three nodes: one alone, one empty, one gone; or three that are well."""
        self.looks += 1
        if self.answers.look_error is not None:
            raise self.answers.look_error
        lost = [
            ("etcd-1", "etcd running, no leader"),
            ("etcd-2", "no data"),
            ("etcd-3", "unreachable"),
        ]
        well = [("etcd-1", "etcd leads"), ("etcd-2", "etcd runs"), ("etcd-3", "etcd runs")]
        for node, words in well if self.restored else lost:
            await self._breathe()
            if on_node:
                on_node(node, words)
        names = ("etcd-1", "etcd-2", "etcd-3") if self.restored else ("etcd-1",)
        leader = 1 if self.restored else 0
        self.facts = ClusterFacts(
            self.cluster,
            NOW,
            {},
            {} if self.restored else {"etcd-3": NodeUnreachableError("refused", where="etcd-3")},
            {
                name: MemberStatus(
                    name, n, 9, "3.5.16", leader, False, 230 * MIB, 183537 + n, 4, 90 + n
                )
                for n, name in enumerate(names, 1)
            },
            {} if self.restored else {"etcd-2": "no data", "etcd-3": "unreachable"},
        )
        return self.facts

    async def list_snapshots(
        self, on_update: Callable[[Catalog], None] | None = None, *, records: bool = True
    ) -> Catalog:
        """First half of them, then all."""
        known = {item.name: item for item in (self.catalog.snapshots if self.catalog else ())}
        everything = tuple(known.get(item.name, item) for item in self.answers.snapshots)
        for count in (len(everything) // 2, len(everything)):
            await self._breathe()
            self.catalog = Catalog(everything[:count], self.answers.errors, 3)
            if on_update:
                on_update(self.catalog)
        assert self.catalog is not None
        return self.catalog

    async def inspect(
        self, wanted: Snapshot | Copy, progress: Progress | None = None
    ) -> JudgedSnapshot:
        """What verifying tells."""
        return (await self.verify(wanted, progress)).judged

    async def ready(
        self, wanted: Snapshot | Copy, progress: Progress | None = None, *, sha256: str = ""
    ) -> JudgedSnapshot:
        """What verifying tells."""
        return (await self.verify(wanted, progress)).judged

    async def verify(
        self, wanted: Snapshot | Copy, progress: Progress | None = None, *, sha256: str = ""
    ) -> FetchedSnapshot:
        """Good, or corrupt where the answers say so."""
        assert isinstance(wanted, Snapshot)
        snapshot = wanted
        for share in range(0, 101, 10):
            if progress:
                progress("fetching", snapshot.size * share // 100, snapshot.size)
            await self._breathe(0.3)
        if self.answers.verify_error is not None:
            raise self.answers.verify_error
        bad = snapshot.name in self.answers.corrupt
        days = (NOW - (snapshot.taken_at or NOW)).days
        revision = 183538 if snapshot.member is not None else 182334 - 1204 * days
        verdict = Verdict(
            Integrity.CORRUPT if bad else Integrity.VERIFIED,
            "the contents do not match the hash at their end" if bad else None,
            None if bad else canned_contents(revision),
            sha256="8a4177e0c5d2f19b" * 4,
            size=snapshot.size,
            revision=None if bad else revision,
        )
        if self.catalog is not None:
            learned = replace(
                snapshot,
                integrity=verdict.integrity,
                reason=verdict.reason,
                revision=verdict.revision,
            )
            self.catalog = replace(
                self.catalog,
                snapshots=tuple(
                    learned if item.name == snapshot.name else item
                    for item in self.catalog.snapshots
                ),
            )
        return FetchedSnapshot(
            snapshot.name,
            snapshot.copies[0].location,
            Path("snapshot.db"),
            "8a4177e0c5d2f19b" * 4,
            snapshot.size,
            verdict,
            ("tar",),
        )

    async def keys_of(
        self, fetched: FetchedSnapshot, progress: BytesProgress | None = None
    ) -> SnapshotKeys:
        """Few enough to see them all."""
        keys = SnapshotKeys(182334)
        keys.take(
            (f"/registry/{key}".encode(), 182000 + number) for number, key in enumerate(_KEYS)
        )
        return keys

    async def preflight(
        self,
        judged: JudgedSnapshot,
        on_check: Callable[[Check], None] | None = None,
        *,
        seconds_old: float = 0,
    ) -> tuple[Check, ...]:
        """One check after the other."""
        for check in self.answers.checks:
            await self._breathe(0.2)
            if on_check:
                on_check(check)
        self.preflight_checks = self.answers.checks
        return self.answers.checks

    def past_runs(self) -> tuple[PastRun, ...]:
        """What the answers say."""
        return self.answers.past_runs

    async def look_for_runs(self) -> tuple[PastRun, ...]:
        """The same; no node knows others."""
        await self._breathe()
        return self.answers.past_runs

    async def standing(self, run_id: str | None) -> RunStanding:
        """Of the canned plan."""
        run = next(run for run in self.answers.past_runs if run_id in (None, run.id))
        return standing_of(run, canned_plan("snapshot.tar", self.cluster.name))

    async def resume(
        self,
        run_id: str | None,
        operator: Operator,
        listener: Callable[[Event], None],
        reason: str = "",
    ) -> RestoreRun:
        """A scripted run."""
        plan = canned_plan("snapshot.tar", self.cluster.name)
        run = CannedRun(plan, operator, listener, self.answers.script, self._run_ended, self.pace)
        self.runs.append(run)
        return run

    async def roll_back(
        self,
        run_id: str | None,
        operator: Operator,
        listener: Callable[[Event], None],
        reason: str = "",
    ) -> RestoreRun:
        """A scripted run of the way back."""
        plan = rollback_plan(canned_plan("snapshot.tar", self.cluster.name))
        run = CannedRun(plan, operator, listener, self.answers.script, lambda _: None, self.pace)
        self.runs.append(run)
        return run

    async def weigh_clean_up(self, run_id: str | None) -> CleanUp:
        """147 MB on each node."""
        nodes = tuple(
            Cleared(name, (f"/var/lib/.etcd-rescue-{run_id}",), 147 * MIB)
            for name in ("etcd-1", "etcd-2", "etcd-3")
        )
        return CleanUp(run_id or "", self.cluster.name, nodes)

    async def clean_up(self, weighed: CleanUp, note: Callable[[str, str], None]) -> None:
        """Remembers it."""
        self.cleaned.append(weighed.run_id)

    async def leftovers(self) -> Leftovers:
        """What the answers say."""
        await self._breathe()
        return self.answers.leftovers

    async def take_over(self, holder: LockHolder) -> None:
        """Whoever holds it is gone."""
        self.answers.script.locked_by = None

    async def journal_of(self, holder: LockHolder) -> tuple[JournalEntry, ...]:
        """The first run's."""
        return self.answers.past_runs[0].entries if self.answers.past_runs else ()

    def plan(self, judged: JudgedSnapshot) -> Plan:
        """The canned plan for this snapshot."""
        return canned_plan(judged.name, self.cluster.name)

    def restore(
        self,
        plan: Plan,
        judged: JudgedSnapshot,
        operator: Operator,
        listener: Callable[[Event], None],
        told: Told | None = None,
    ) -> RestoreRun:
        """A scripted run."""
        self.told = told
        run = CannedRun(plan, operator, listener, self.answers.script, self._run_ended, self.pace)
        self.runs.append(run)
        return run

    def _run_ended(self, outcome: Outcome) -> None:
        self.restored = outcome is Outcome.DONE

    async def health(
        self,
        expected: Expected | None = None,
        on_check: Callable[[Check], None] | None = None,
    ) -> HealthReport:
        """The next canned report."""
        reports = self.answers.reports
        report = reports.pop(0) if len(reports) > 1 else reports[0]
        for check in report.checks:
            await self._breathe(0.1)
            if on_check:
                on_check(check)
        return report
