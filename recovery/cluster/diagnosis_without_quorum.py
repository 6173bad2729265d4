"""The diagnosis of a cluster without quorum: start what is there, or restore. Pure."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from recovery.cluster.facts import ClusterFacts, ClusterState, Diagnosis, NodeCommand
from recovery.cluster.member_trouble import MemberTrouble, trouble_of
from recovery.cluster.node_words import by_words, listed

HERE = "this machine"
"""Where this program itself is run."""


_LAST_LINES = 3


@dataclass(frozen=True, slots=True)
class RestoreFrom:
    """The snapshot that a restore would start from."""

    reference: str
    """As the command line takes it."""
    words: str


def judge(
    facts: ClusterFacts,
    names: tuple[str, ...],
    answering: tuple[str, ...],
    following: tuple[str, ...],
    source: RestoreFrom | None,
) -> Diagnosis:
    """What to say where too few of the members `names` are alive to agree on anything."""
    troubles = {name: trouble_of(facts, name) for name in names if name not in following}
    intact = [name for name in names if name in troubles and troubles[name].intact]
    away = [name for name in names if name not in facts.nodes]
    enough = len(names) // 2 + 1
    clusters = {facts.members[name].cluster_id for name in answering}
    if len(clusters) > 1:
        return _split(facts, names, answering)
    if len(intact) >= enough:
        return _startable(facts, names, answering, following, [troubles[n] for n in intact])
    sentence = _sentence(names, answering, following)
    useless = [t for t in troubles.values() if not t.intact and t.node in facts.nodes]
    if useless:
        sentence += " " + "; ".join(f"{t.node}: {t.why}" for t in useless) + "."
    if away and len(intact) + len(away) >= enough:
        advice = (
            f"Bring {listed(away)} back within reach before thinking of a restore: if the data is "
            "intact there, starting etcd brings the quorum back."
        )
    elif away:
        advice = f"{_restore(source)} {listed(away)} can come in later, once within reach."
    else:
        advice = _restore(source)
    return Diagnosis(
        ClusterState.QUORUM_LOST,
        len(answering),
        len(names),
        sentence,
        advice,
        _restoring(facts, source) if advice.startswith("Restore") else (),
    )


def _restore(source: RestoreFrom | None) -> str:
    return f"Restore from {source.words if source else 'a verified snapshot'}."


def _restoring(facts: ClusterFacts, source: RestoreFrom | None) -> tuple[NodeCommand, ...]:
    reference = shlex.quote(source.reference) if source else "latest"
    cluster = shlex.quote(facts.cluster.name)
    return (
        NodeCommand(HERE, f"etcd-rescue verify {reference}", "prove that it is whole"),
        NodeCommand(
            HERE, f"etcd-rescue plan {reference}", "see what a restore would do; touches nothing"
        ),
        NodeCommand(HERE, f"etcd-rescue restore {reference} --confirm {cluster}", "do it"),
    )


def mending(facts: ClusterFacts, names: Iterable[str]) -> tuple[NodeCommand, ...]:
    """What to run on the nodes of these members, as far as they can be reached."""
    found = [trouble_of(facts, name) for name in names if name in facts.nodes]
    return tuple(command for trouble in found for command in trouble.commands)


def _sentence(names: Sequence[str], answering: Sequence[str], following: Sequence[str]) -> str:
    total = len(names)
    if following:
        return (
            f"{listed(following)} leads a cluster of its own: too few of the {total} members are "
            "alive to be the real one."
        )
    if not answering:
        return f"None of the {total} etcd members answers."
    verb = "answers" if len(answering) == 1 else "answer"
    return f"{len(answering)} of {total} etcd members {verb}, and no leader can be elected."


def _startable(
    facts: ClusterFacts,
    names: tuple[str, ...],
    answering: tuple[str, ...],
    following: tuple[str, ...],
    intact: list[MemberTrouble],
) -> Diagnosis:
    total, there = len(names), [trouble.node for trouble in intact]
    down = [trouble for trouble in intact if trouble.node not in facts.members]
    whose = f"all {total}" if len(there) == total else f"{listed(there)}, which are enough,"
    sentence = f"{_sentence(names, answering, following)} The data of {whose} is intact."
    if down:
        told = by_words({trouble.node: f"{trouble.advice} ({trouble.why})" for trouble in down})
        steps = "; ".join(f"on {listed(those)}, {words}" for words, those in told.items())
        advice = (
            f"Start them before thinking of a restore, which would lose what was written since "
            f"the snapshot: {steps}."
        )
    else:
        advice = (
            "They run and cannot agree on a leader. Before thinking of a restore, see why they do "
            "not reach each other: port 2380 between the nodes, their certificates, their clocks."
        )
    return Diagnosis(
        ClusterState.STARTABLE,
        len(answering),
        total,
        sentence,
        advice,
        tuple(command for trouble in down for command in trouble.commands),
        _last_words(facts, down),
    )


def _last_words(facts: ClusterFacts, down: list[MemberTrouble]) -> tuple[str, ...]:
    words = []
    for trouble in down:
        ended = facts.nodes[trouble.node].etcd_exit
        lines = ended.lines[-_LAST_LINES:] if ended is not None else ()
        words += [f"{trouble.node}'s etcd said: {text}" for text in lines]
    return tuple(words)


def _split(facts: ClusterFacts, names: tuple[str, ...], answering: tuple[str, ...]) -> Diagnosis:
    ids = ", ".join(f"{name} {facts.members[name].cluster_id:x}" for name in answering)
    return Diagnosis(
        ClusterState.QUORUM_LOST,
        len(answering),
        len(names),
        f"The members that answer belong to different etcd clusters ({ids}) and will never agree.",
        "Decide whose data is to be kept, comparing their own data with the backups; then restore "
        "all members together from that one snapshot.",
    )
