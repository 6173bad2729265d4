"""What a trial tells while it runs, and what it has shown in the end."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from recovery.cluster.facts import Version
from recovery.health.model import Check, CheckStatus


class TrialStage(enum.Enum):
    """The parts of a trial, in their order."""

    PROGRAMS = "find etcd"
    READ = "read every key of the snapshot"
    RESTORE = "restore three members"
    START = "start them"
    COMPARE = "compare them with the snapshot"
    CLEAN = "clean up"


class StageState(enum.Enum):
    """Where a stage stands."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class StageReport:
    """One stage, told when it begins, whenever there is something new, and when it ends."""

    stage: TrialStage
    state: StageState
    words: str = ""
    """What happens now, or what came of it."""
    seconds: float = 0.0
    done: int = 0
    """Bytes or keys, where they can be counted."""
    total: int = 0
    """0 where unknown."""


@dataclass(frozen=True, slots=True)
class TrialReport:
    """What the trial has shown. The scratch cluster is gone by then."""

    snapshot: str
    """Its name."""
    location: str
    etcd_version: Version
    etcd_from: str
    """Where the programs were: a directory of this machine, or `etcd-2:/var/lib/...`."""
    stages: tuple[StageReport, ...]
    checks: tuple[Check, ...]
    """Each says what it proves. The scope is a scratch member's name, or the cluster."""
    serving_after: float
    """Seconds from the start of the restore until every member answered a read; 0 if never."""
    seconds: float
    """The whole trial's."""

    @property
    def passed(self) -> bool:
        """True only where there are checks and every one of them passed."""
        return bool(self.checks) and all(check.status is CheckStatus.OK for check in self.checks)
