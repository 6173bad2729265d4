"""Records of runs as they lie on a disk: made by the run's own code, with canned times."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from recovery.health.model import CLUSTER_SCOPE, Check, CheckStatus
from recovery.restore.circumstances import Circumstances, Loss, NodeBefore, Proof
from recovery.restore.events import Stream
from recovery.restore.journal import JournalEntry, JournalEvent
from recovery.restore.node_log import heading, log_lines
from recovery.restore.plan import Action, Plan, Step
from recovery.restore.planner import PlanOptions, plan
from recovery.restore.process_identity import ProcessIdentity
from recovery.restore.record_facts import FinalChecks
from recovery.restore.rollback import rollback_plan
from recovery.restore.run_record import RunRecord
from recovery.snapshots.comparison import Change, ChangeCount, KeyChange
from tests.restore.broken_cluster import SOURCE, facts

START = datetime(2026, 11, 22, 14, 0, tzinfo=UTC)
RUN_ID = "20261122-140000-7f3a"
GONE = dataclasses.replace(ProcessIdentity.mine(), started="1")

PROVEN = FinalChecks(
    "2026-11-22T14:05:00Z",
    True,
    (
        Check("answers a read", "etcd-1", CheckStatus.OK, "2 ms"),
        Check("HashKV", CLUSTER_SCOPE, CheckStatus.OK, "8a4177e0 on all members"),
    ),
)


def canned_before() -> Circumstances:
    """A cluster of three, two of them dead, and a comparison with what the third still had."""
    return Circumstances(
        at="2026-11-22T13:58:00Z",
        diagnosis="QUORUM LOST 1/3",
        sentence="One of three members answers, and two are needed: etcd takes no writes.",
        advice="Restore from a verified snapshot.",
        nodes=(
            NodeBefore("etcd-1", "10.0.0.11", "control-plane", "etcd running, no leader"),
            NodeBefore("etcd-2", "10.0.0.12", "control-plane", "no data"),
            NodeBefore("etcd-3", "10.0.0.13", "control-plane", "unreachable: refused"),
        ),
        proof=Proof(
            SOURCE.name,
            SOURCE.location,
            "verified",
            SOURCE.sha256,
            SOURCE.size,
            SOURCE.revision,
            23104,
            "3.5.16",
            ("etcd-1", "etcd-2", "etcd-3"),
            (),
            True,
            ("tar",),
        ),
        loss=Loss(
            since=SOURCE.taken_at,
            newest_revision=183_538,
            newest_where="the data of etcd-1",
            revisions=1204,
            compared_with="etcd-1's own data",
            added=4,
            changed=31,
            removed=1,
            by_resource=(ChangeCount("configmaps", 4, 30, 0),),
            by_namespace=(ChangeCount("payments", 4, 31, 1),),
            keys=(KeyChange("/registry/configmaps/payments/a", Change.ADDED, "configmaps", "p"),),
        ),
        checks=(Check("disk space", "etcd-1", CheckStatus.OK, "20 GiB free"),),
        acknowledged=True,
    )


@dataclass
class CannedRecord:
    """Writes a run's record step by step; every line of the journal is a second later."""

    directory: Path
    plan: Plan = field(default_factory=lambda: plan(facts(), SOURCE, PlanOptions(RUN_ID)))
    now: datetime = START
    tries: dict[tuple[str, str], int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        runs = self.directory.parent
        self.record = RunRecord.of_new_run(runs, self.plan, None, canned_before())

    def write(self, event: JournalEvent, **fields: str | int | None) -> None:
        """One line, a second after the last one."""
        self.now += timedelta(seconds=1)
        entry = JournalEntry(event, at=self.now.isoformat(timespec="milliseconds"), **fields)  # type: ignore[arg-type]
        self.record.journal.append(entry)

    def begin(
        self,
        event: JournalEvent = JournalEvent.RUN_STARTED,
        operator: str = "ann@bastion-1",
        reason: str | None = None,
    ) -> None:
        """A program takes the run up; by now it is gone."""
        self.write(
            event,
            run_id=RUN_ID,
            cluster=self.plan.cluster,
            snapshot=self.plan.source.name,
            operator=operator,
            pid=GONE.pid,
            machine=GONE.machine,
            boot=GONE.boot,
            process_started=GONE.started,
            message=reason,
        )

    def step(self, step: Step, outcome: str = "done") -> None:
        """A whole step, with its question before it."""
        gate = self.plan.gate_before(step.id)
        if gate is not None:
            self.write(JournalEvent.GATE_ASKED, gate=gate.id)
            self.write(JournalEvent.GATE_GRANTED, gate=gate.id)
        self.write(JournalEvent.STEP_STARTED, step=step.id)
        for action in step.actions:
            self.action(step, action, outcome)
        self.write(JournalEvent.STEP_ENDED, step=step.id, outcome="done")

    def action(self, step: Step, action: Action, outcome: str | None = "done") -> None:
        """One try on every node; `outcome` None: the program dies before any ends."""
        for node in action.nodes:
            place = (action.id, node)
            number = self.tries[place] = self.tries.get(place, 0) + 1
            where = {"step": step.id, "action": action.id, "node": node, "attempt": number}
            self.write(JournalEvent.ACTION_STARTED, **where)  # type: ignore[arg-type]
            said = [
                heading(self.now, step.id, action.id, number),
                *log_lines(self.now, Stream.COMMAND, [f"$ do {action.id}"]),
            ]
            self.record._log(node, said)
        for node in action.nodes if outcome is not None else ():
            number = self.tries[action.id, node]
            self.write(
                JournalEvent.ACTION_ENDED,
                step=step.id,
                action=action.id,
                node=node,
                attempt=number,
                outcome=outcome,
                exit_status=1 if outcome == "failed" else 0,
                message="the script ended with status 1: no room" if outcome == "failed" else None,
            )

    def until(self, last: str) -> None:
        """All steps before that one."""
        for step in self.plan.steps:
            if step.id == last:
                return
            self.step(step)

    def end(self, outcome: str, message: str = "It is over.") -> None:
        """The program's last line."""
        self.write(JournalEvent.RUN_ENDED, outcome=outcome, message=message)

    def finish(self) -> Path:
        """Close it; returns its directory."""
        self.record.close()
        return self.record.directory


def recovered(runs: Path) -> CannedRecord:
    """A run that went well, with proof."""
    canned = CannedRecord(runs / RUN_ID)
    canned.begin(reason="the disk of etcd-2 died")
    canned.until("")
    canned.record.keep_final(PROVEN)
    canned.end("done", "The restore is done.")
    return canned


def killed(runs: Path) -> CannedRecord:
    """A program that died while data was set aside."""
    canned = CannedRecord(runs / RUN_ID)
    canned.begin()
    canned.until("set-aside")
    step = canned.plan.step("set-aside")
    canned.write(JournalEvent.STEP_STARTED, step=step.id)
    canned.action(step, step.actions[0], None)
    return canned


def led_back(runs: Path) -> CannedRecord:
    """The same, and then somebody else led it back from another machine."""
    canned = killed(runs)
    canned.begin(JournalEvent.ROLLBACK_STARTED, "bob@bastion-2", "we wait for a newer backup")
    canned.plan = rollback_plan(canned.plan)
    canned.until("")
    canned.end("done", "The cluster is as it was before the restore.")
    return canned
