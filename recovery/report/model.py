"""An incident report as facts; how it looks is the business of markdown.py and html.py."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from recovery.health.leftovers import Leftovers
from recovery.restore.circumstances import Circumstances
from recovery.restore.node_log import LogLine
from recovery.restore.past_runs import RunState
from recovery.restore.plan import ManifestEdit, RestoreSource, Risk
from recovery.restore.record_facts import FinalChecks


class Part(enum.Enum):
    """What a program did with the run."""

    STARTED = "started"
    RESUMED = "resumed"
    ROLLED_BACK = "rolled back"


@dataclass(frozen=True, slots=True)
class TryReport:
    """One try of an action on one node."""

    node: str
    number: int
    """Counts the tries of the whole run."""
    started_at: str
    ended_at: str | None
    outcome: str
    """As the journal has it; empty where the end is not written down."""
    exit_status: int | None
    message: str
    output: tuple[LogLine, ...] = ()

    @property
    def went_well(self) -> bool:
        """Whether it was done, now or before."""
        return self.outcome in ("done", "already-done")


@dataclass(frozen=True, slots=True)
class Commands:
    """A script and the nodes that it is for."""

    nodes: tuple[str, ...]
    script: str


@dataclass(frozen=True, slots=True)
class ActionReport:
    """An action as one program did it."""

    id: str
    title: str
    reason: str
    risk: Risk | None
    commands: tuple[Commands, ...]
    tries: tuple[TryReport, ...]


@dataclass(frozen=True, slots=True)
class StepReport:
    """A step as one program did it."""

    id: str
    title: str
    purpose: str
    risk: Risk | None
    started_at: str
    ended_at: str | None
    outcome: str
    """As the journal has it; empty where the end is not written down."""
    actions: tuple[ActionReport, ...]

    @property
    def nothing_to_do(self) -> bool:
        """Whether an earlier program had done all of it."""
        tries = [one for action in self.actions for one in action.tries]
        return bool(tries) and all(one.outcome == "already-done" for one in tries)


@dataclass(frozen=True, slots=True)
class Consent:
    """A question that was asked, and its answer."""

    gate: str
    title: str
    risk: Risk | None
    asked_at: str
    answered_at: str | None
    granted: bool | None
    """None where nobody answered."""
    by: str
    shown: tuple[tuple[str, str], ...] = ()
    """What the question said: (word, text) pairs."""


@dataclass(frozen=True, slots=True)
class ProgramReport:
    """One program that took the run up, from there to its end."""

    part: Part
    operator: str
    reason: str
    started_at: str
    ended_at: str | None
    """None where its end is not written down: it was killed, or still runs."""
    outcome: str
    message: str
    steps: tuple[StepReport, ...]
    consents: tuple[Consent, ...]


@dataclass(frozen=True, slots=True)
class Moment:
    """A line of the timeline."""

    at: str
    words: str
    grave: bool = False
    """Whether something went wrong."""


@dataclass(frozen=True, slots=True)
class Outage:
    """A time in which too few control-plane nodes were up to serve the API."""

    began_at: str
    ended_at: str | None
    """None where its end is not written down."""
    seconds: float | None


@dataclass(frozen=True, slots=True)
class KeptData:
    """Where data that was replaced lies."""

    node: str
    what: str
    path: str


@dataclass(frozen=True, slots=True)
class Summary:
    """The first page. Every field is whole sentences."""

    verdict: str
    """For example `Recovered`."""
    good: bool
    happened: tuple[str, ...]
    done: tuple[str, ...]
    lost: tuple[str, ...]
    proven: tuple[str, ...]
    times: tuple[str, ...]
    left: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class NodeLog:
    """The whole output of one node."""

    node: str
    path: str
    text: str


@dataclass(frozen=True, slots=True)
class Report:
    """Everything there is to say about a run. Times are RFC 3339 UTC."""

    run_id: str
    cluster: str
    written_at: str
    state: RunState
    cleaned: bool
    directory: str
    operators: tuple[str, ...]
    nodes: tuple[str, ...]
    source: RestoreSource | None
    """None where the plan could not be read."""
    summary: Summary
    total_seconds: float | None
    outages: tuple[Outage, ...]
    timeline: tuple[Moment, ...]
    programs: tuple[ProgramReport, ...]
    faults: tuple[Moment, ...]
    before: Circumstances | None
    final: FinalChecks | None
    leftovers: Leftovers | None
    kept: tuple[KeptData, ...]
    manifest_edits: tuple[ManifestEdit, ...]
    logs: tuple[NodeLog, ...]
    unread: tuple[str, ...] = ()
    """Parts of the record that could not be read, and why."""
