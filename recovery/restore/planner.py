"""From facts and a snapshot to a plan: a pure function that connects to nothing."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from recovery.cluster.diagnosis import diagnose, majority
from recovery.cluster.facts import (
    ClusterFacts,
    EtcdManifest,
    NodeFacts,
)
from recovery.cluster.manifest_edit import with_existing_state
from recovery.cluster.node_count import refused_node_count
from recovery.cluster.pod_command import read_pod_command
from recovery.cluster.space_quota import fills_quota
from recovery.errors import RefusedError
from recovery.inventory.model import Node
from recovery.restore.gates import gates
from recovery.restore.ground import NodeGround, ToolChoice
from recovery.restore.plan import (
    ManifestEdit,
    MemberBefore,
    NodePlace,
    Plan,
    PlannedMember,
    PlannedWorker,
    RestoreSource,
    Step,
)
from recovery.restore.plan_warnings import warnings_of
from recovery.restore.planned_members import in_words, planned_members
from recovery.restore.steps.s01_recheck import recheck
from recovery.restore.steps.s02_stage import stage
from recovery.restore.steps.s03_restore_members import restore_members
from recovery.restore.steps.s04_stop import stop_control_plane
from recovery.restore.steps.s05_manifest import set_existing
from recovery.restore.steps.s06_set_aside import set_aside
from recovery.restore.steps.s07_place import place
from recovery.restore.steps.s08_start import start
from recovery.restore.steps.s09_verify import verify
from recovery.restore.steps.s10_alarm import clear_alarm
from recovery.restore.steps.s11_kubelets import restart_kubelets
from recovery.restore.steps.s12_prove import prove
from recovery.restore.tool_choosing import choose_tools

REVISION_BUMP = 1_000_000_000
"""Enough that no client can have seen a higher revision (etcd's own disaster recovery guide)."""

WAL_BYTES = 64_000_000
"""etcd preallocates its first write-ahead log (server/storage/wal, SegmentSizeBytes)."""

_HARMFUL_FLAGS = {
    "wal-dir": "the old log there would be replayed over the restored database; "
    "move it back to member/wal in the data directory and take the flag away",
    "force-new-cluster": "the member would throw the others out and start alone; take it away",
}
"""Flags of etcd with which a restored member does harm, and what to do (etcd server/embed)."""


@dataclass(frozen=True, slots=True)
class PlanOptions:
    """What a person can choose; the run's id is fixed before anything starts."""

    run_id: str
    without: tuple[str, ...] = ()
    """Control-plane nodes that are left for later: a majority must be there without them."""
    only: tuple[str, ...] = ()
    """Plan for these nodes alone, which an earlier plan with the same id has left for later."""
    workers: tuple[Node, ...] = ()
    """Workers that the inventory does not list, and that can be reached."""
    allow_node_count: int | None = None
    """The number of control-plane nodes that a person allowed beyond the documented three."""


def new_run_id(now: datetime | None = None) -> str:
    """An id that sorts by time and is never used twice, for example `20261123-140512-7f3a`."""
    moment = now or datetime.now(UTC)
    return f"{moment:%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"


def plan(facts: ClusterFacts, source: RestoreSource, options: PlanOptions) -> Plan:
    """The steps that restore `source` on the cluster that `facts` describe.

    Raises RefusedError where the facts do not allow a plan, naming the node and the remedy.
    """
    _refuse_undocumented(facts, options)
    source = replace(source, fills_quota=fills_quota(facts, source.size))
    nodes = _present(facts, options)
    choices = choose_tools(nodes, list(facts.nodes.values()))
    bump = REVISION_BUMP if all(c.tool.bumps_revision for c in choices.values()) else 0
    grounds = [_ground(node, choices[node.node.name], options.run_id) for node in nodes]
    members = planned_members(facts, source)
    quorum_lost = _quorum_lost(facts)
    steps = _steps(facts, grounds, source, members, options, bump, quorum_lost)
    return Plan(
        run_id=options.run_id,
        cluster=facts.cluster.name,
        source=source,
        nodes=tuple(ground.name for ground in grounds),
        steps=steps,
        gates=gates(facts.cluster, grounds, source, len(options.workers)),
        manifest_edits=tuple(
            ManifestEdit(
                ground.name, ground.manifest.path, ground.manifest.text, ground.manifest_after
            )
            for ground in grounds
            if ground.manifest_after != ground.manifest.text
        ),
        warnings=warnings_of(grounds, source, bump, quorum_lost),
        revision_bump=bump,
        quorum_was_lost=quorum_lost,
        members=members,
        places=tuple(
            NodePlace(g.name, g.node.paths.work, g.run_dir, g.staging, g.member) for g in grounds
        ),
        absent=options.without,
        before=_before(facts),
        unlisted_workers=tuple(PlannedWorker(w.name, w.host) for w in options.workers),
    )


def _before(facts: ClusterFacts) -> tuple[MemberBefore, ...]:
    return tuple(
        MemberBefore(
            node.name,
            answered=node.name in facts.members,
            had_leader=node.name in facts.members and facts.members[node.name].leader_id != 0,
        )
        for node in facts.cluster.control_plane
    )


def _steps(
    facts: ClusterFacts,
    grounds: Sequence[NodeGround],
    source: RestoreSource,
    members: Sequence[PlannedMember],
    options: PlanOptions,
    bump: int,
    quorum_lost: bool,
) -> tuple[Step, ...]:
    after = {ground.name: _sha256(ground.manifest_after) for ground in grounds}
    alarmed = source.refuses_writes
    return (
        recheck(grounds, source.size + WAL_BYTES),
        stage(grounds, source),
        restore_members(grounds, source, members, f"etcd-rescue-{options.run_id}", bump),
        stop_control_plane(grounds, quorum_was_lost=quorum_lost),
        set_existing(grounds, after),
        set_aside(grounds),
        place(grounds),
        # An API server that cannot write may never be ready: with an alarm it is waited for later.
        start(grounds, sees_control_plane=not alarmed),
        verify(grounds, alarmed=alarmed),
        *((clear_alarm(grounds, source, source.revision + bump),) if alarmed else ()),
        restart_kubelets(facts.cluster.control_plane, (*facts.cluster.workers, *options.workers)),
        prove(grounds),
    )


def _refuse_undocumented(facts: ClusterFacts, options: PlanOptions) -> None:
    refused = refused_node_count(len(facts.cluster.control_plane), options.allow_node_count)
    # What an earlier plan has left for later was allowed with that plan.
    if refused is not None and not options.only:
        raise RefusedError(refused[0], where=facts.cluster.name, remedy=refused[1])


def _present(facts: ClusterFacts, options: PlanOptions) -> list[NodeFacts]:
    names = [node.name for node in facts.cluster.control_plane]
    wanted = [name for name in names if name not in options.without]
    if options.only:
        wanted = [name for name in wanted if name in options.only]
    if not options.only and len(wanted) < majority(len(names)):
        raise RefusedError(
            f"without {in_words(options.without)} there is no majority of the {len(names)} members",
            where=facts.cluster.name,
            remedy=f"bring one of {in_words(options.without)} back",
        )
    missing = [name for name in wanted if name in facts.unreachable]
    if missing:
        error = facts.unreachable[missing[0]]
        raise RefusedError(
            f"{in_words(missing)} cannot be reached, and all control-plane nodes are restored "
            "together",
            where=facts.cluster.name,
            remedy=f"bring {in_words(missing)} back, or correct the inventory: {error.what}",
        )
    nodes = [facts.nodes[name] for name in wanted if name in facts.nodes]
    if len(nodes) != len(wanted):
        raise RefusedError(
            "not every control-plane node has been asked yet",
            where=facts.cluster.name,
            remedy="look again",
        )
    return nodes


def _ground(facts: NodeFacts, tool: ToolChoice, run_id: str) -> NodeGround:
    node: Node = facts.node
    if facts.manifest is None:
        raise RefusedError(
            f"the etcd manifest cannot be used: {facts.manifest_error or 'it is missing'}",
            where=f"{node.name}:{node.paths.etcd_manifest}",
            remedy="put a copy of it back, for example from another control-plane node with this "
            "node's name and addresses",
        )
    if not facts.manifest.initial_advertise_peer_urls:
        raise RefusedError(
            "the etcd manifest has no --initial-advertise-peer-urls",
            where=f"{node.name}:{node.paths.etcd_manifest}",
            remedy="add the flag with the URL at which the other members reach this one",
        )
    _refuse_harmful_flags(node, facts.manifest)
    data = facts.data_dir
    after = with_existing_state(facts.manifest.text)
    return NodeGround(
        node=node,
        manifest=facts.manifest,
        manifest_after=after if after.endswith("\n") else after + "\n",
        data_dir=data.path if data else facts.manifest.data_dir,
        owner=data.owner if data and data.exists else "0:0",
        mode=data.mode if data and data.exists else "700",
        data_is_mount=bool(data and data.is_mount),
        selinux=facts.selinux_enforcing,
        tool=tool,
        run_id=run_id,
    )


def _refuse_harmful_flags(node: Node, manifest: EtcdManifest) -> None:
    command = read_pod_command(manifest.text, "etcd", manifest.path)
    for flag, remedy in _HARMFUL_FLAGS.items():
        variable = "ETCD_" + flag.upper().replace("-", "_")
        value = command.value(flag) or command.environment.get(variable)
        if value and value.lower() not in ("false", "0", "f"):
            raise RefusedError(
                f"the etcd manifest has --{flag}, with which this restore would do harm",
                where=f"{node.name}:{manifest.path}",
                remedy=remedy,
            )


def _quorum_lost(facts: ClusterFacts) -> bool:
    return not diagnose(facts, facts.cluster).state.has_quorum


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
