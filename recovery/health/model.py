"""Checks and their answers, for preflight and for health."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from datetime import datetime

CLUSTER_SCOPE = "cluster"
"""The scope of a check that speaks about the whole cluster; any other scope is a node's name."""


class CheckStatus(enum.Enum):
    """How a check ended. A check that could not be made is SKIPPED, never OK."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class OwnYes:
    """How a person says that they know exactly this, and go on."""

    flag: str
    """The option of `restore`."""
    title: str
    """The question's title on the screen."""
    words: str
    """What is typed there."""


@dataclass(frozen=True, slots=True)
class Check:
    """One answer about one node or the cluster."""

    name: str
    """A short noun phrase, the same for every node: `answers a read`, `disk space`."""
    scope: str
    status: CheckStatus
    message: str
    """What was seen, in a few words."""
    meaning: str = ""
    """What it means for the person, or what it proves."""
    remedy: str = ""
    must_be_acknowledged: bool = False
    """A warning so grave that a person has to say that they have read it."""
    own_yes: OwnYes | None = None
    """Where a general yes to warnings is not enough: the one that is."""


@dataclass(frozen=True, slots=True)
class MemberHealth:
    """A member's figures on the health screen. `hash` is HashKV at one revision for all."""

    name: str
    id: int
    version: str
    leader: bool
    learner: bool
    database_size: int
    revision: int
    raft_term: int
    raft_index: int
    hash: int | None


@dataclass(frozen=True, slots=True)
class HealthReport:
    """The final checks. The cluster is healthy only when every check passed."""

    cluster: str
    at: datetime
    checks: tuple[Check, ...]
    members: tuple[MemberHealth, ...]

    @property
    def healthy(self) -> bool:
        """True only where there are checks and none warned, failed or was skipped for a cause."""
        return bool(self.checks) and all(
            check.status in (CheckStatus.OK, CheckStatus.WARNING) for check in self.checks
        )
