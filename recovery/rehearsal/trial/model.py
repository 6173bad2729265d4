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

    members: int = 0
    """How many scratch members there were."""
    keys: int = 0
    """Live keys at the revision, as read from the snapshot's file."""
    revision: int = 0
    hash_kv: int = 0
    """HashKV as computed from the snapshot's file."""
    log: str = ""
    """What etcd's programs said last, member by member, where they failed."""

    @property
    def passed(self) -> bool:
        """True only where every check that the snapshot allows was made, and none failed.

        A warning tells of something inside the snapshot (an alarm) or beside it (a newer etcd). A
        check is skipped only where the snapshot itself forbids it (an alarm, authentication).
        """
        return any(check.status is CheckStatus.OK for check in self.checks) and not self.failures

    @property
    def failures(self) -> tuple[Check, ...]:
        """The checks that failed."""
        return tuple(check for check in self.checks if check.status is CheckStatus.FAILED)

    @property
    def sentence(self) -> str:
        """What it comes to, in one sentence."""
        if self.passed:
            return (
                f"It serves: {self.members} members, {self.keys} keys, revision {self.revision}, "
                f"HashKV {self.hash_kv:08x}, serving after {self.serving_after:.1f} s."
            )
        if not self.serving_after:
            return "It does not serve: etcd does not start from this snapshot."
        count = len(self.failures)
        checks = "one check" if count == 1 else f"{count} checks"
        return f"It serves, but not what the snapshot holds: {checks} failed."
