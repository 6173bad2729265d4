"""An incident whose snapshots can be tried, at the pace that a test wants."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from textual.pilot import Pilot

from recovery.cluster.facts import Version
from recovery.errors import RescueError
from recovery.health.model import CLUSTER_SCOPE, Check, CheckStatus
from recovery.rehearsal.trial.model import StageReport, StageState, TrialReport, TrialStage
from recovery.snapshots.model import FetchedSnapshot
from screens.trial import TrialScreen
from tests.screens.canned import Answers, CannedIncident
from tests.screens.canned_cluster import canned_snapshots
from tests.screens.canned_comparison import OneScreenApp, canned_case

MEMBERS = ("scratch-1", "scratch-2", "scratch-3")
_STAGES = {
    TrialStage.PROGRAMS: ("etcd 3.5.16 in /usr/local/bin", 0.1),
    TrialStage.READ: ("23 104 keys, revision 182 334", 2.4),
    TrialStage.RESTORE: ("three members", 3.1),
    TrialStage.START: ("all answer after 4.2 s", 4.2),
    TrialStage.COMPARE: ("the same on all", 6.0),
    TrialStage.CLEAN: ("nothing is left", 0.4),
}


def canned_trial(*, other: bool = False) -> TrialReport:
    """A snapshot that serves, or one whose third member holds something else."""
    checks = list(_checks())
    if other:
        place = next(
            n
            for n, check in enumerate(checks)
            if (check.name, check.scope) == ("HashKV", "scratch-3")
        )
        checks[place] = Check(
            "HashKV",
            "scratch-3",
            CheckStatus.FAILED,
            "51c009ff instead of 8a4177e0",
            "This member does not hold what the snapshot's file holds.",
            "choose another snapshot; this one does not come back as it was",
        )
    return TrialReport(
        canned_snapshots()[0].name,
        canned_snapshots()[0].copies[0].location,
        Version(3, 5, 16),
        "/usr/local/bin",
        tuple(
            StageReport(stage, StageState.DONE, words, seconds)
            for stage, (words, seconds) in _STAGES.items()
        ),
        tuple(checks),
        serving_after=7.3,
        seconds=16.2,
        members=3,
        keys=23104,
        revision=182334,
        hash_kv=0x8A4177E0,
        log="scratch-3: could not get its hash" if other else "",
    )


def never_served() -> TrialReport:
    """etcd did not start from it."""
    report = canned_trial()
    stages = [
        replace(stage, state=StageState.FAILED, words="no member answers")
        if stage.stage is TrialStage.START
        else replace(stage, state=StageState.WAITING, words="", seconds=0.0)
        if stage.stage is TrialStage.COMPARE
        else stage
        for stage in report.stages
    ]
    checks = tuple(
        Check("answers a read", member, CheckStatus.FAILED, "panic: freepages", "It cannot serve.")
        for member in MEMBERS
    )
    return replace(report, stages=tuple(stages), checks=checks, serving_after=0.0, log="panic: x")


def _checks() -> Iterator[Check]:
    proofs = [
        ("restored", ("done",) * 3, "etcd's own tool took the snapshot, with its hash."),
        (
            "answers a read",
            ("after 4.1 s", "after 4.2 s", "after 4.0 s"),
            "A majority of the members agreed to it.",
        ),
        ("has a vote", ("votes",) * 3, "The cluster survives the loss of one member."),
        ("revision", ("182334",) * 3, "The history goes on where the snapshot ends."),
        ("number of keys", ("23104",) * 3, "As many as the snapshot's file has."),
        ("HashKV", ("8a4177e0",) * 3, "All hold exactly what the snapshot's file holds."),
    ]
    for name, messages, meaning in proofs:
        for member, message in zip(MEMBERS, messages, strict=True):
            yield Check(name, member, CheckStatus.OK, message, meaning)
    yield Check(
        "one leader", CLUSTER_SCOPE, CheckStatus.OK, "scratch-1", "All follow the same one."
    )
    yield Check(
        "every key",
        CLUSTER_SCOPE,
        CheckStatus.OK,
        "23104 with their revisions",
        "Read back from the cluster, each key is the one in the snapshot's file.",
    )
    yield Check(
        "a write",
        CLUSTER_SCOPE,
        CheckStatus.OK,
        "read back from every member",
        "Written through one member and read from each.",
    )


@dataclass
class Tried:
    """What the trial does, for tests to change."""

    report: TrialReport = field(default_factory=canned_trial)
    error: RescueError | None = None
    hold: asyncio.Event | None = None
    """The stage that reads the keys waits for it, at 62 %."""
    cleaning: asyncio.Event | None = None
    """Cleaning up after it was cancelled waits for it."""
    cleaned: bool = False
    times: int = 0


class TriedIncident(CannedIncident):
    """Its snapshots can be tried."""

    def __init__(self, answers: Answers | None = None, tried: Tried | None = None) -> None:
        super().__init__(answers)
        self.tried = tried or Tried()

    async def rehearse(
        self,
        fetched: FetchedSnapshot,
        on_stage: Callable[[StageReport], None] | None = None,
        *,
        etcd_dir: Path | None = None,
    ) -> TrialReport:
        """One stage after the other."""
        tried = self.tried
        tried.times += 1
        try:
            for stage in tried.report.stages:
                await asyncio.sleep(0)
                if on_stage is not None:
                    on_stage(replace(stage, state=StageState.RUNNING, words="", seconds=0.0))
                if stage.stage is TrialStage.READ:
                    await self._read(stage, on_stage)
                if on_stage is not None:
                    on_stage(stage)
        finally:
            if tried.cleaning is not None:
                await tried.cleaning.wait()
            tried.cleaned = True
        return tried.report

    async def _read(
        self, stage: StageReport, on_stage: Callable[[StageReport], None] | None
    ) -> None:
        if self.tried.error is not None:
            raise self.tried.error
        if self.tried.hold is not None and on_stage is not None:
            on_stage(StageReport(stage.stage, StageState.RUNNING, "", 2.0, done=14324, total=23104))
            await self.tried.hold.wait()


def trial_app(
    tried: Tried | None = None, answers: Answers | None = None, exports: Path | None = None
) -> OneScreenApp:
    """The trial of the newest snapshot."""
    incident = TriedIncident(answers, tried)
    case = canned_case(incident, exports)
    return OneScreenApp(case, TrialScreen(case, incident.answers.snapshots[0]))


@asynccontextmanager
async def trying(
    tried: Tried | None = None,
    answers: Answers | None = None,
    *,
    size: tuple[int, int] = (80, 24),
    exports: Path | None = None,
) -> AsyncIterator[Pilot[Any]]:
    """That trial, opened."""
    app = trial_app(tried, answers, exports)
    async with app.run_test(size=size, notifications=True) as pilot:
        yield pilot
