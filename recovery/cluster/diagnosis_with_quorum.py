"""The diagnosis of a cluster whose etcd serves: what keeps it from being healthy. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta

from recovery.cluster.by_hand import ID_LENGTH, clearing_space, last_of, promoting, replacing
from recovery.cluster.certificate_remedies import unusable
from recovery.cluster.certificates import Role
from recovery.cluster.facts import ClusterFacts, ClusterState, Diagnosis, NodeCommand
from recovery.cluster.member_trouble import MemberTrouble, trouble_of
from recovery.cluster.node_words import by_words, hash_words, listed

_ROLLS_BACK = "Do not restore: that would roll the cluster back."


def judge(facts: ClusterFacts, names: tuple[str, ...], following: tuple[str, ...]) -> Diagnosis:
    """What to say while `following`, a part of the members `names`, follow one leader."""
    total = len(names)
    missing = [name for name in names if name not in following]
    strangers = [name for name in missing if _belongs_elsewhere(facts, name, following[0])]
    learners = [name for name in following if facts.members[name].learner]
    troubles = sorted({error for name in following for error in facts.members[name].errors})
    unready = [name for name in names if _unready(facts, name)]
    groups = facts.agreement.groups if facts.agreement is not None else ()
    if len(groups) > 1 or any("CORRUPT" in trouble for trouble in troubles):
        return _diverged(facts, names, following, groups)
    if strangers:
        return _split(facts, names, following, strangers)
    if missing:
        return _without_some(facts, names, following, missing)
    if learners:
        return Diagnosis(
            ClusterState.DEGRADED,
            len(following),
            total,
            f"etcd serves, but {listed(learners)} has no vote yet.",
            f"{_ROLLS_BACK} Promote {listed(learners)}.",
            tuple(c for name in learners for c in promoting(facts, name, _helper(facts, names))),
        )
    if troubles:
        return _reporting(facts, names, following, troubles)
    if unready:
        return _api_down(facts, names, unready)
    return Diagnosis(
        ClusterState.HEALTHY,
        total,
        total,
        f"All {total} etcd members answer and follow the same leader{_what_else(facts)}.",
        "Nothing needs to be restored.",
    )


def _what_else(facts: ClusterFacts) -> str:
    compared = facts.agreement is not None and len(facts.agreement.readings) == len(facts.members)
    ready = all(n.api_server is not None and n.api_server.ready for n in facts.nodes.values())
    parts = [", hold the same data"] if compared else []
    return "".join(parts) + ("; every API server is ready" if ready else "")


def _unready(facts: ClusterFacts, name: str) -> bool:
    node = facts.nodes.get(name)
    return node is not None and node.api_server is not None and node.api_server.ready is False


def _belongs_elsewhere(facts: ClusterFacts, name: str, one: str) -> bool:
    status = facts.members.get(name)
    return status is not None and status.cluster_id != facts.members[one].cluster_id


def _helper(facts: ClusterFacts, names: Sequence[str]) -> str:
    """A member to work through: the leader, if it can be asked."""
    leaders = [n for n in names if n in facts.members and facts.members[n].is_leader]
    return next(iter(leaders), names[0])


def _diverged(
    facts: ClusterFacts,
    names: tuple[str, ...],
    following: tuple[str, ...],
    groups: tuple[tuple[str, ...], ...],
) -> Diagnosis:
    largest = groups[0] if groups else ()
    odd = [name for group in groups[1:] for name in group]
    settled = bool(odd) and len(largest) > len(names) // 2
    hashes = {_hash_of(facts, group) for group in groups} - {None}
    told = "; ".join(_held(facts, group, with_hash=len(hashes) > 1) for group in groups)
    if not odd:
        told = "alarm CORRUPT"
    if settled:
        advice = (
            f"Do not restore and do not trust what {listed(odd)} answers: replace it, after "
            f"making sure that {listed(largest)} hold what you want to keep. What differs can be "
            "seen by comparing their own data."
        )
        commands = tuple(c for name in odd for c in replacing(facts, name, largest[0]))
    else:
        advice = (
            "Nobody can tell from outside which of them is right: compare their own data with the "
            "backups, decide, and restore all members from that one snapshot."
        )
        commands = ()
    return Diagnosis(
        ClusterState.DIVERGED,
        len(following),
        len(names),
        f"The members call themselves healthy and do not hold the same data: {told}.",
        advice,
        commands,
    )


def _hash_of(facts: ClusterFacts, group: tuple[str, ...]) -> int | None:
    return facts.agreement.readings[group[0]].hash if facts.agreement is not None else None


def _held(facts: ClusterFacts, group: tuple[str, ...], *, with_hash: bool) -> str:
    assert facts.agreement is not None
    reading = facts.agreement.readings[group[0]]
    verb = "is" if len(group) == 1 else "are"
    words = f"{listed(group)} {verb} at revision {reading.after}"
    if with_hash and reading.hash is not None:
        words += f" (HashKV {hash_words(reading.hash)} at {facts.agreement.revision})"
    return words


def _split(
    facts: ClusterFacts,
    names: tuple[str, ...],
    following: tuple[str, ...],
    strangers: list[str],
) -> Diagnosis:
    verb = "belongs" if len(strangers) == 1 else "belong"
    return Diagnosis(
        ClusterState.DIVERGED,
        len(following),
        len(names),
        f"{listed(following)} serve, and {listed(strangers)} {verb} to another etcd cluster: it "
        "was started on data, or on an empty directory, of its own.",
        f"{_ROLLS_BACK} Replace {listed(strangers)}; what was written there is in no other member.",
        tuple(c for name in strangers for c in replacing(facts, name, _helper(facts, following))),
        tuple(f"{n}: cluster id {facts.members[n].cluster_id:x}" for n in (*following, *strangers)),
    )


def _without_some(
    facts: ClusterFacts, names: tuple[str, ...], following: tuple[str, ...], missing: list[str]
) -> Diagnosis:
    found = [trouble_of(facts, name) for name in missing]
    advice: list[str] = []
    commands: list[NodeCommand] = []
    for trouble in found:
        words, own = _mending(facts, trouble, _helper(facts, following))
        advice.append(words)
        commands += own
    return Diagnosis(
        ClusterState.DEGRADED,
        len(following),
        len(names),
        f"etcd serves, without {listed(missing)}: "
        + "; ".join(_named(trouble, len(found)) for trouble in found)
        + ".",
        f"{_ROLLS_BACK} {' '.join(advice)}",
        tuple(commands),
    )


def _named(trouble: MemberTrouble, count: int) -> str:
    return trouble.why if count == 1 else f"{trouble.node}: {trouble.why}"


def _mending(
    facts: ClusterFacts, trouble: MemberTrouble, helper: str
) -> tuple[str, tuple[NodeCommand, ...]]:
    name = trouble.node
    if name not in facts.nodes:
        return f"Bring {name} back within reach; replace it only if it is gone for good.", ()
    if trouble.intact:
        return f"On {name}, {trouble.advice}: its data is there.", trouble.commands
    return f"Replace the member {name}.", replacing(facts, name, helper)


def _reporting(
    facts: ClusterFacts,
    names: tuple[str, ...],
    following: tuple[str, ...],
    troubles: list[str],
) -> Diagnosis:
    full = any("NOSPACE" in trouble for trouble in troubles)
    if full:
        sentence = "All members answer, and etcd takes no writes: alarm NOSPACE."
        advice = (
            f"{_ROLLS_BACK} Compact, defragment every member, then disarm the alarm; a database "
            "that stays above its quota raises it again."
        )
        commands = clearing_space(facts, names)
    else:
        sentence = f"All members answer, and report: {'; '.join(troubles)}."
        advice = "Do not restore: clear what the members report."
        commands = ()
    return Diagnosis(ClusterState.DEGRADED, len(following), len(names), sentence, advice, commands)


def _api_down(facts: ClusterFacts, names: tuple[str, ...], unready: list[str]) -> Diagnosis:
    whys = {name: answer.why for name in unready if (answer := facts.nodes[name].api_server)}
    told = "; ".join(
        why if len(set(whys.values())) == 1 else f"{listed(those)}: {why}"
        for why, those in by_words(whys).items()
    )
    which = (
        "No API server" if len(unready) == len(names) else f"The API server of {listed(unready)}"
    )
    verb = "is" if len(unready) == len(names) else "is not" if len(unready) == 1 else "are not"
    if len(unready) > 1 and len(unready) < len(names):
        which = f"The API servers of {listed(unready)}"
    causes = {name: cause for name in unready if (cause := _unusable(facts, name)) is not None}
    seen = "".join(
        f" Of the certificates on {listed(those)}, {why}."
        for why, those in by_words(_nth(causes, 0)).items()
    )
    mending = "; ".join(
        f"on {listed(those)} {remedy}" for remedy, those in by_words(_nth(causes, 1)).items()
    )
    looking = f"look at kube-apiserver on {listed(unready)}, its log, its manifest"
    advice = f"{mending}. If it does not start then, {looking}" if mending else looking
    return Diagnosis(
        ClusterState.API_DOWN,
        len(names),
        len(names),
        f"etcd is healthy with all {len(names)} members. {which} {verb} ready: {told}.{seen}",
        f"Do not restore: {advice}.",
        tuple(command for name in unready for command in _looking_at_api(facts, name)),
    )


def _unusable(facts: ClusterFacts, name: str) -> tuple[str, str] | None:
    """The certificate without which this node's API server cannot start, and its remedy."""
    node = facts.nodes[name]
    if node.certificates is None:
        return None
    now = facts.gathered_at + timedelta(seconds=node.clock_offset)
    roles = (Role.CLUSTER_CA, Role.API_SERVER, Role.API_SERVER_TO_ETCD)
    found = (unusable(role, node.certificates, now) for role in roles)
    return next((each for each in found if each is not None), None)


def _nth(causes: Mapping[str, tuple[str, str]], number: int) -> dict[str, str]:
    return {name: cause[number] for name, cause in causes.items()}


def _looking_at_api(facts: ClusterFacts, name: str) -> tuple[NodeCommand, ...]:
    node = facts.nodes[name]
    container = last_of(node.containers, "kube-apiserver")
    if container is None:
        return (
            NodeCommand(
                name,
                f"ls -l {node.node.paths.manifests}; systemctl status kubelet --no-pager",
                "there is no kube-apiserver container: see whether its manifest is there",
            ),
        )
    text = f"crictl logs --tail 50 {container.id[:ID_LENGTH]}"
    return (NodeCommand(name, text, "read what kube-apiserver says"),)
