"""Why a run was begun and on what ground, kept for whoever reads its report. Holds no secrets."""

from __future__ import annotations

from dataclasses import dataclass, replace

from recovery.backups.newest_state import RAISED, NewestState
from recovery.cluster.facts import ClusterFacts, Diagnosis
from recovery.cluster.node_words import node_summary
from recovery.health.model import Check
from recovery.restore.plan import RestoreSource
from recovery.restore.record_facts import rfc3339
from recovery.snapshots.comparison import Change, ChangeCount, Comparison, KeyChange
from recovery.snapshots.model import JudgedSnapshot

MOST_KEYS = 500
"""Names of lost keys that are kept; the counts are of all of them."""


@dataclass(frozen=True, slots=True)
class Told:
    """What a person has said, and what is known from looking around, before a run begins."""

    reason: str = ""
    """Why they restore, in their own words."""
    acknowledged: bool = False
    """Whether they said that they have read preflight's warnings."""
    comparison: Comparison | None = None
    """From the snapshot to the newest state, where somebody has compared them."""
    compared_with: str = ""
    """The name of that newest state."""


@dataclass(frozen=True, slots=True)
class NodeBefore:
    """How a node stood before the run."""

    name: str
    host: str
    role: str
    words: str


@dataclass(frozen=True, slots=True)
class Proof:
    """The snapshot, and why it was trusted."""

    name: str
    location: str
    """The copy that was read, as a REF."""
    integrity: str
    sha256: str
    """Of the database that was restored, lower-case hex."""
    size: int
    """Of that database, in bytes."""
    revision: int
    live_keys: int
    cluster_version: str
    members: tuple[str, ...]
    alarms: tuple[str, ...]
    has_hash: bool
    unpacked_from: tuple[str, ...] = ()
    member: str | None = None
    """The member whose own database it is; None for a backup."""
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Loss:
    """What restoring the snapshot gives up, as far as anybody could tell beforehand."""

    since: str | None
    """When the snapshot was taken, RFC 3339 UTC."""
    newest_revision: int | None = None
    newest_where: str = ""
    revisions: int | None = None
    """Revisions written since the snapshot; None where nobody knows."""
    compared_with: str = ""
    """Empty where nothing was compared; then the counts say nothing."""
    added: int = 0
    changed: int = 0
    removed: int = 0
    by_resource: tuple[ChangeCount, ...] = ()
    by_namespace: tuple[ChangeCount, ...] = ()
    keys: tuple[KeyChange, ...] = ()
    """The first of them, by name; never a value."""


@dataclass(frozen=True, slots=True)
class Circumstances:
    """Everything that was known when the run was begun."""

    at: str
    """RFC 3339 UTC: when the nodes were last looked at."""
    diagnosis: str
    """`QUORUM LOST 1/3`."""
    sentence: str
    advice: str
    nodes: tuple[NodeBefore, ...]
    proof: Proof
    loss: Loss
    checks: tuple[Check, ...] = ()
    """Preflight, as it stood."""
    acknowledged: bool = False
    left_for_later: tuple[str, ...] = ()
    """Control-plane nodes that were left for later."""


def circumstances_of(
    facts: ClusterFacts,
    diagnosis: Diagnosis,
    judged: JudgedSnapshot,
    source: RestoreSource,
    checks: tuple[Check, ...],
    newest: NewestState | None,
    told: Told,
) -> Circumstances:
    """What is known now. Pure."""
    return Circumstances(
        at=rfc3339(facts.gathered_at),
        diagnosis=diagnosis.label,
        sentence=diagnosis.sentence,
        advice=diagnosis.advice,
        nodes=tuple(
            NodeBefore(node.name, node.host, node.role.value, node_summary(facts, node.name))
            for node in facts.cluster.control_plane
        ),
        proof=_proof(judged, source),
        loss=_loss(source, newest, told),
        checks=checks,
        acknowledged=told.acknowledged,
        left_for_later=tuple(facts.unreachable),
    )


def _proof(judged: JudgedSnapshot, source: RestoreSource) -> Proof:
    contents = judged.verdict.contents
    return Proof(
        name=judged.name,
        location=judged.location,
        integrity=judged.verdict.integrity.value,
        sha256=judged.verdict.sha256,
        size=judged.verdict.size,
        revision=source.revision,
        live_keys=contents.live_keys if contents else 0,
        cluster_version=contents.cluster_version if contents else "",
        members=tuple(member.name for member in contents.members) if contents else (),
        alarms=contents.alarms if contents else (),
        has_hash=source.has_hash,
        unpacked_from=judged.unpacked_from,
        member=judged.member,
        remarks=contents.remarks if contents else (),
    )


def _loss(source: RestoreSource, newest: NewestState | None, told: Told) -> Loss:
    revisions = newest.revision - source.revision if newest is not None else None
    known = revisions is not None and 0 <= revisions < RAISED
    compared = told.comparison
    if newest is None:
        where = ""
    elif newest.member is not None:
        where = f"the data of {newest.member}"
    else:
        where = newest.snapshot.name if newest.snapshot is not None else ""
    loss = Loss(
        since=source.taken_at,
        newest_revision=newest.revision if newest is not None and known else None,
        newest_where=where if known else "",
        revisions=revisions if known else None,
    )
    if compared is None:
        return loss
    return replace(
        loss,
        compared_with=told.compared_with,
        added=compared.count(Change.ADDED),
        changed=compared.count(Change.CHANGED),
        removed=compared.count(Change.REMOVED),
        by_resource=compared.by_resource(),
        by_namespace=compared.by_namespace(),
        keys=compared.keys[:MOST_KEYS],
    )
