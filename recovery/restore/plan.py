"""A plan as pure data: steps, actions, the exact script for every node. It connects to nothing."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field

from recovery.health.space_alarm import NO_SPACE


class Risk(enum.Enum):
    """What an action can do to the cluster; the badge on the screen."""

    READ = "read"
    CHANGE = "change"
    DESTROY = "destroy"

    @property
    def badge(self) -> str:
        """The word shown beside a step."""
        return "DANGER" if self is Risk.DESTROY else self.value.upper()


class Watch(enum.Enum):
    """Things that only the bastion can see, or do, through tunnels to the members."""

    QUORUM_STILL_LOST = "quorum-still-lost"
    """Nothing came back by itself since the plan was made."""
    ETCD_FORMED = "etcd-formed"
    """Every member answers a linearizable read and sees the same leader."""
    CONTROL_PLANE_READY = "control-plane-ready"
    """Every API server says that it is ready."""
    MEMBERS_AGREE = "members-agree"
    """Same members, same hash at the same revision, and a write goes through.

    Of a snapshot that carries NOSPACE the write and the alarm are left to the step that clears it.
    """
    HISTORY_DROPPED = "history-dropped"
    """History before the restored revision is compacted away; nothing where no alarm is raised."""
    DEFRAGMENTED = "defragmented"
    """One member after another has given its free space back; nothing where no alarm is raised."""
    ALARM_CLEARED = "alarm-cleared"
    """NOSPACE is taken back on every member, and a write goes through."""
    HEALTH_PROVEN = "health-proven"
    """Every check of the health screen passes."""
    AS_IT_WAS = "as-it-was"
    """What answered before the run answers again."""


CLEARING: frozenset[Watch] = frozenset(
    {Watch.HISTORY_DROPPED, Watch.DEFRAGMENTED, Watch.ALARM_CLEARED}
)
"""Without any of these the alarm that came with the snapshot stays."""


class Carried(enum.Enum):
    """Files that the bastion carries to nodes."""

    SNAPSHOT = "snapshot"
    TOOL = "tool"


@dataclass(frozen=True, slots=True)
class Delivery:
    """A file that is carried to a node's path and checked there before it gets its name."""

    carried: Carried
    target: str
    sha256: str | None
    """Expected on arrival; None where only the source node can tell (a tool)."""
    size: int
    mode: int = 0o600
    source_node: str | None = None
    """For TOOL: the node that has it."""
    source_path: str | None = None


@dataclass(frozen=True, slots=True)
class NodeWork:
    """What an action does on one node. Scripts are POSIX sh, complete, as they will be run."""

    node: str
    script: str
    """For a delivery or a watch: the equivalent commands for a person, not run by the engine."""
    probe: str | None = None
    """A script that exits 0 exactly when the work is already done."""
    undo: str | None = None
    undone: str | None = None
    """A script that exits 0 exactly when there is nothing to undo, or nothing any more."""
    delivery: Delivery | None = None


@dataclass(frozen=True, slots=True)
class Action:
    """One script on one or more nodes, all nodes at once unless it says how far apart."""

    id: str
    title: str
    reason: str
    risk: Risk
    works: tuple[NodeWork, ...]
    watch: Watch | None = None
    timeout: float = 120.0
    """Seconds after which it counts as hanging."""
    essential: bool = True
    """False where the restore is good without it, so that a failure may be left for later."""
    apart: float = 0.0
    """Seconds for which a node waits for the one before it to be done; it begins then in any case.
    0: all at once."""

    @property
    def nodes(self) -> tuple[str, ...]:
        """The names of the nodes it touches."""
        return tuple(work.node for work in self.works)


@dataclass(frozen=True, slots=True)
class Step:
    """A part of the plan with one purpose."""

    id: str
    title: str
    purpose: str
    """One sentence that says what happens now."""
    documented_as: str
    """The number of the documented step that it is, for example `2`; empty for ours alone."""
    actions: tuple[Action, ...]
    safe_after: str = ""
    """What holds if one stops after this step, and how to go back."""

    @property
    def risk(self) -> Risk:
        """The worst risk among its actions."""
        order = [Risk.READ, Risk.CHANGE, Risk.DESTROY]
        return max((action.risk for action in self.actions), key=order.index, default=Risk.READ)


@dataclass(frozen=True, slots=True)
class Gate:
    """A question asked before its first step, for all the steps that it covers."""

    id: str
    title: str
    risk: Risk
    steps: tuple[str, ...]
    """Ids of the steps it covers, in order; asked before the first."""
    stops: str = ""
    replaces: str = ""
    keeps: str = ""
    loses: str = ""
    undo: str = ""


@dataclass(frozen=True, slots=True)
class PlannedMember:
    """A member of the restored cluster, as --initial-cluster names it."""

    name: str
    peer_urls: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RestoreSource:
    """The snapshot that is restored, as far as a plan needs it."""

    name: str
    location: str
    sha256: str
    size: int
    has_hash: bool
    revision: int
    taken_at: str | None = None
    """RFC 3339 UTC."""
    member: str | None = None
    """The name of the member whose own database it is; None for a backup."""
    members: tuple[PlannedMember, ...] = ()
    """The members as the snapshot knows them."""
    alarms: tuple[str, ...] = ()
    """The alarms that travel inside it, by name."""
    fills_quota: bool = False
    """Whether it is as large as a member may become, so that the first write raises NOSPACE."""
    wrappings: tuple[str, ...] = ()
    """What stands around the database in its store, outermost first: `tar`, `gzip`, `zstd`."""

    @property
    def refuses_writes(self) -> bool:
        """Whether what is restored from it takes no writes until room is made in it."""
        return self.fills_quota or NO_SPACE in self.alarms


@dataclass(frozen=True, slots=True)
class NodePlace:
    """Where a run lives on one control-plane node. Paths are the node's own."""

    node: str
    work: str
    """The directory of all runs, which holds the cluster's lock."""
    run_dir: str
    """This run's: snapshot, tool, configuration, jobs, and a copy of its record."""
    staging: str
    """This run's, on the data directory's filesystem: the restored member, what is set aside."""
    member: str
    """The member's directory inside the data directory."""


@dataclass(frozen=True, slots=True)
class PlannedWorker:
    """A worker that the inventory does not list, and where it was reached."""

    name: str
    host: str


@dataclass(frozen=True, slots=True)
class MemberBefore:
    """How a member stood when the plan was made, for comparison after a rollback."""

    node: str
    answered: bool
    had_leader: bool


@dataclass(frozen=True, slots=True)
class ManifestEdit:
    """The change to one node's etcd.yaml: both texts, so that a diff can be shown."""

    node: str
    path: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Plan:
    """What a restore does, from the first check to the last proof."""

    run_id: str
    cluster: str
    source: RestoreSource
    nodes: tuple[str, ...]
    steps: tuple[Step, ...]
    gates: tuple[Gate, ...]
    manifest_edits: tuple[ManifestEdit, ...] = ()
    warnings: tuple[str, ...] = field(default=())
    revision_bump: int = 0
    """How far revisions are raised; 0 where the tool cannot."""
    quorum_was_lost: bool = True
    """Whether the cluster had lost its quorum when the plan was made."""
    members: tuple[PlannedMember, ...] = ()
    """All members of the restored cluster, those on absent nodes too."""
    places: tuple[NodePlace, ...] = ()
    absent: tuple[str, ...] = ()
    """Control-plane nodes that could not be reached; a resumed run brings them in."""
    before: tuple[MemberBefore, ...] = ()
    unlisted_workers: tuple[PlannedWorker, ...] = ()
    """Whose kubelets are restarted although the inventory does not list them."""
    alarm_stays: bool = False
    """A person has refused to clear the alarm, or it failed; never so in a plan as it is made."""

    @property
    def token(self) -> str:
        """The --initial-cluster-token: fresh in every run, so that no stale member can join."""
        return f"etcd-rescue-{self.run_id}"

    def place(self, node: str) -> NodePlace:
        """Where the run lives on that node; KeyError where it has no place there."""
        for place in self.places:
            if place.node == node:
                return place
        raise KeyError(node)

    def step(self, step_id: str) -> Step:
        """The step of that id; KeyError where there is none."""
        for step in self.steps:
            if step.id == step_id:
                return step
        raise KeyError(step_id)

    def gate_before(self, step_id: str) -> Gate | None:
        """The gate that is asked right before this step, if any."""
        return next((gate for gate in self.gates if gate.steps and gate.steps[0] == step_id), None)
