"""An incident with canned answers: what the screens are tested and looked at with."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path

from recovery.backups.care import BackupCare
from recovery.backups.catalog import own_data
from recovery.backups.configuration import BackupSpec, LocalStorage, S3Storage
from recovery.backups.model import (
    Catalog,
    Copy,
    Integrity,
    Record,
    Snapshot,
    SourceError,
    StoreKind,
)
from recovery.cluster.facts import ClusterFacts, ClusterState, Diagnosis, MemberStatus, NodeCommand
from recovery.errors import NodeUnreachableError, RescueError
from recovery.health.expected import Expected
from recovery.health.leftovers import Leftover, LeftoverKind, Leftovers
from recovery.health.model import CLUSTER_SCOPE, Check, CheckStatus, HealthReport, MemberHealth
from recovery.incident import Incident, Progress
from recovery.inventory.model import Cluster, Node, Role
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
from recovery.snapshots.model import (
    CountedName,
    FetchedSnapshot,
    JudgedSnapshot,
    SnapshotContents,
    SnapshotMember,
    Verdict,
)
from tests.screens.canned_backups import BackupAnswers, CannedBackups
from tests.screens.canned_plan import canned_plan
from tests.screens.canned_run import CannedRun, Script

NOW = datetime(2026, 11, 22, 14, 2, tzinfo=UTC)
MIB = 1024 * 1024


def canned_clock() -> datetime:
    """Always the same moment."""
    return NOW


def canned_cluster(name: str = "prod-a") -> Cluster:
    """Three control-plane nodes and a worker."""
    nodes = tuple(Node(f"etcd-{n}", f"10.0.0.1{n}") for n in (1, 2, 3))
    spec = BackupSpec(
        schedule="0 0 * * *",
        local=LocalStorage("/cpaas/backup", 7776000),
        s3=S3Storage("https://s3.example.com", "etcd", "eu-1", "prod-a"),
    )
    return Cluster(name, nodes, (Node("worker-1", "10.0.0.21", Role.WORKER),), spec)


def canned_snapshots() -> tuple[Snapshot, ...]:
    """Newest first: good, corrupt, good, cut short, one without a file."""
    return (
        _snapshot(datetime(2026, 11, 22, tzinfo=UTC), 212, (1, 2), s3=True),
        _snapshot(datetime(2026, 11, 21, tzinfo=UTC), 211, (1, 2, 3), s3=True),
        _snapshot(datetime(2026, 11, 20, tzinfo=UTC), 209, (1, 2, 3), s3=False),
        replace(
            _snapshot(datetime(2026, 11, 19, tzinfo=UTC), 97, (2,), s3=False),
            reason="the archive is cut short at byte 101 711 872 of 219 152 384",
            integrity=Integrity.CORRUPT,
        ),
        replace(
            _snapshot(datetime(2026, 11, 18, tzinfo=UTC), 0, (), s3=False, result="Failed"),
            reason="the record says Failed, and no file was found",
        ),
        _snapshot(datetime(2026, 11, 17, tzinfo=UTC), 204, (1, 3), s3=True),
        canned_own_data(),
    )


def canned_stopped() -> Diagnosis:
    """No etcd runs, and nothing is lost."""
    return Diagnosis(
        ClusterState.STARTABLE,
        0,
        3,
        "None of the 3 etcd members answers. The data of all 3 is intact.",
        "Start them before thinking of a restore, which would lose what was written since the "
        "snapshot: on etcd-1, etcd-2 and etcd-3, start kubelet (kubelet is stopped).",
        tuple(
            NodeCommand(f"etcd-{n}", "systemctl start kubelet", "it starts etcd") for n in (1, 2, 3)
        ),
        tuple(
            f"etcd-{n}: kubelet is stopped; there is no etcd container; its data in /var/lib/etcd "
            "is intact as far as its header tells: 230 MiB, written 3 min ago"
            for n in (1, 2, 3)
        ),
        ("The clock of etcd-2 is 240 s ahead of the others: set it.",),
    )


def canned_own_data() -> Snapshot:
    """What etcd-1, which runs without a leader, still holds."""
    path = "/var/lib/etcd/member/snap/db"
    written = NOW - timedelta(minutes=3)
    copy = Copy(StoreKind.MEMBER, path, 230 * MIB, written, node="etcd-1", in_use=True)
    (own,) = own_data([copy])
    return own


def _snapshot(
    taken: datetime, mib: int, nodes: Sequence[int], *, s3: bool, result: str = "Success"
) -> Snapshot:
    name = f"snapshot-etcd-{taken:%Y-%m-%d-%H%M%S}-10.0.0.11.tar"
    copies = [
        Copy(StoreKind.NODE, f"/cpaas/backup/{name}", mib * MIB, taken, node=f"etcd-{n}")
        for n in nodes
    ]
    if s3:
        copies.append(Copy(StoreKind.S3, f"prod-a/{name}", mib * MIB, taken, bucket="etcd"))
    return Snapshot(name, taken, tuple(copies), Record(name, taken, result))


def canned_contents(revision: int = 182334) -> SnapshotContents:
    """A cluster of some age."""
    counted = [
        ("events", 12004, 88), ("pods", 3120, 61), ("secrets", 2207, 12), ("configmaps", 1890, 21),
        ("replicasets", 1204, 9), ("leases", 611, 1), ("endpointslices", 604, 2),
        ("services", 588, 2), ("deployments", 402, 4), ("minions", 12, 1),
        ("apps.example.com/widgets", 462, 3),
    ]  # fmt: skip
    spaces = [
        ("kube-system", 9120, 70), ("shop", 5301, 51), ("cpaas-system", 4210, 40),
        ("monitoring", 2201, 22), ("ingress-nginx", 988, 8), ("default", 402, 2),
        ("very-long-namespace-of-the-payments-team-europe", 120, 1),
    ]  # fmt: skip
    return SnapshotContents(
        revision=revision,
        keys=24881,
        live_keys=23104,
        database_size=212 * MIB,
        cluster_version="3.5.16",
        members=tuple(
            SnapshotMember(n, f"etcd-{n}", (f"https://10.0.0.1{n}:2380",)) for n in (1, 2, 3)
        ),
        alarms=(),
        resources=tuple(CountedName(name, count, mib * MIB) for name, count, mib in counted),
        namespaces=tuple(CountedName(name, count, mib * MIB) for name, count, mib in spaces),
    )


def canned_preflight(*, failed: bool = False) -> tuple[Check, ...]:
    """Mostly well; one warning, and a failure on request."""
    checks = [
        Check("snapshot", CLUSTER_SCOPE, CheckStatus.OK, "sha256 matches, revision 182 334"),
        Check("same cluster", CLUSTER_SCOPE, CheckStatus.OK, "etcd-1, etcd-2, etcd-3 as here"),
        Check("quorum", CLUSTER_SCOPE, CheckStatus.OK, "lost: 1 of 3 members answers"),
    ]
    for number in (1, 2, 3):
        node = f"etcd-{number}"
        low = failed and number == 2
        checks += [
            Check("login", node, CheckStatus.OK, "root"),
            Check(
                "disk space",
                node,
                CheckStatus.FAILED if low else CheckStatus.OK,
                "310 MiB free, 552 MiB needed" if low else "38 GiB free",
                "The restored member and the old data lie side by side until clean-up."
                if low
                else "",
                "free 242 MiB on the filesystem of /var/lib/etcd on etcd-2" if low else "",
            ),
            Check("restore program", node, CheckStatus.OK, "etcdutl 3.5.16, bumps revisions"),
            Check("etcd.yaml", node, CheckStatus.OK, "understood"),
            Check(
                "clock",
                node,
                CheckStatus.WARNING if number == 3 else CheckStatus.OK,
                "4.2 s ahead of this machine" if number == 3 else "in step",
                "Leases can expire early while clocks differ." if number == 3 else "",
                "start chronyd on etcd-3, or go on: the restore itself does not need it"
                if number == 3
                else "",
            ),
        ]
    return tuple(checks)


def canned_living_quorum() -> Check:
    """What preflight says of a cluster that is not lost."""
    return Check(
        "quorum",
        CLUSTER_SCOPE,
        CheckStatus.WARNING,
        "DEGRADED 2/3: quorum is alive, the cluster is not lost",
        "A restore takes the API down and rolls everything back to the snapshot; all that was "
        "written since is gone: 14 hours, 1204 revisions (182334 in the snapshot, 183538 now).",
        "Do not restore: that would roll the cluster back. Repair or replace etcd-3. If it must "
        "be: `etcd-rescue backup now` takes a snapshot of what is there first",
        must_be_acknowledged=True,
    )


def canned_health(*, starting: bool = False) -> HealthReport:
    """Three agreeing members; one API server may still be starting."""
    nodes = ("etcd-1", "etcd-2", "etcd-3")
    checks = []

    def on_nodes(name: str, messages: Sequence[str], meaning: str = "") -> None:
        for node, message in zip(nodes, messages, strict=True):
            checks.append(Check(name, node, CheckStatus.OK, message, meaning))

    on_nodes("answers a read", ("2 ms", "3 ms", "2 ms"))
    on_nodes("leader and term", ("leader, term 4", "term 4", "term 4"))
    on_nodes("revision", ("1000182334",) * 3)
    on_nodes(
        "HashKV", ("8a41 77e0",) * 3, "All members hold the same data, and it is the snapshot's."
    )
    on_nodes("alarms", ("none",) * 3)
    on_nodes("API server readyz", ("ok", "ok", "ok"))
    if starting:
        checks[-1] = Check(
            "API server readyz",
            "etcd-3",
            CheckStatus.FAILED,
            "starting, 14 s",
            "The API server has not finished its start-up checks.",
            "wait; after two minutes look at its container's log on etcd-3",
        )
    on_nodes("kubelet", ("running",) * 3)
    checks += [
        Check("kubelet", "worker-1", CheckStatus.OK, "running"),
        Check(
            "a write goes through",
            CLUSTER_SCOPE,
            CheckStatus.OK,
            "written once, read on every member",
            "A write was read back on every member.",
        ),
        Check("objects", CLUSTER_SCOPE, CheckStatus.OK, "23 104 of 23 104"),
        Check(
            "nodes",
            CLUSTER_SCOPE,
            CheckStatus.WARNING if not starting else CheckStatus.OK,
            "4 of 4 ready",
            remedy="the old data is kept: clean up once you trust the result",
        ),
    ]
    members = tuple(
        MemberHealth(node, 7 + n, "3.5.16", n == 0, False, 212 * MIB, 1000182334, 4, 90, 0x8A4177E0)
        for n, node in enumerate(nodes)
    )
    return HealthReport("prod-a", NOW, tuple(checks), members)


def canned_leftovers() -> Leftovers:
    """A worker that is gone since, and a pod that is newer than the snapshot."""
    return Leftovers(
        "2026-11-22T14:05:00Z",
        (
            Leftover(
                LeftoverKind.NODE_SILENT,
                "worker-9 is in the API, and does not report (NodeStatusUnknown), and it is not in "
                "the inventory",
                "It may have been taken out of the cluster after the snapshot was taken.",
                ("kubectl describe node worker-9", "ssh root@10.0.0.29 systemctl status kubelet"),
            ),
            Leftover(
                LeftoverKind.PODS_NOT_RECORDED,
                "1 pod runs on worker-1 that the API does not know: shop/web-7f9c4",
                "Newer than the snapshot.",
                ("crictl pods --namespace shop --name web-7f9c4  # on worker-1",),
            ),
        ),
        ("what runs on etcd-3: crictl is not on the PATH",),
    )


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

    async def verify(
        self, wanted: Snapshot | Copy, progress: Progress | None = None
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

    async def preflight(
        self, fetched: FetchedSnapshot, on_check: Callable[[Check], None] | None = None
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

    def plan(self, fetched: FetchedSnapshot) -> Plan:
        """The canned plan for this snapshot."""
        return canned_plan(fetched.name, self.cluster.name)

    def restore(
        self,
        plan: Plan,
        fetched: FetchedSnapshot,
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
