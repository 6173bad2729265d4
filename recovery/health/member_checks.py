"""Judges what the members answered. Pure: answers in, checks out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from recovery.cluster.etcd_answers import HashAnswer
from recovery.cluster.facts import EtcdManifest, MemberStatus
from recovery.errors import EtcdError
from recovery.health.database_checks import DATABASE
from recovery.health.member_answers import MemberAnswer, WriteAnswer
from recovery.health.model import CLUSTER_SCOPE, Check, MemberHealth
from recovery.health.verdicts import failed, ok, skipped, warned

ANSWERS = "answers a read"
MEMBER = "member, leader, term"
REVISION = "revision"
HASH = "HashKV"
ALARMS = "alarms"
WRITE = "a write"
WATCH = "a watch"
NODE_CHECKS = (ANSWERS, MEMBER, REVISION, HASH, ALARMS, DATABASE)

LARGEST_SPREAD = 1000
"""Revisions that members may differ by between two questions a moment apart, under writes."""

_REPLACE = "replace this member: remove it, empty its data directory, let it join again"


def answer_checks(answer: MemberAnswer) -> tuple[Check, ...]:
    """What a member's own answer tells, before the members are compared."""
    name, status = answer.name, answer.status
    if status is None:
        error = answer.error
        what = error.what if error else "no answer"
        return (
            failed(
                ANSWERS,
                name,
                what,
                "A member that does not answer a read takes no part in the cluster.",
                error.remedy if error else "",
            ),
            *(skipped(check, name, "no answer") for check in NODE_CHECKS[1:]),
        )
    read = ok(
        ANSWERS,
        name,
        f"{max(1, round(answer.read_ms))} ms",
        "A read that a majority of the members agreed to.",
    )
    return (read, _member(name, status), _alarms(answer))


def _member(name: str, status: MemberStatus) -> Check:
    if status.learner:
        return failed(
            MEMBER,
            name,
            "a learner",
            "It receives data and has no vote, so the cluster survives fewer losses.",
            f"promote it: etcdctl member promote {status.id:x}",
        )
    if not status.leader_id:
        return failed(
            MEMBER,
            name,
            "no leader",
            "Without a leader nothing can be written.",
            "wait; an election takes seconds",
        )
    role = "leader, " if status.is_leader else ""
    return ok(MEMBER, name, f"{role}term {status.raft_term}", "It has a vote and sees a leader.")


def _alarms(answer: MemberAnswer) -> Check:
    assert answer.status is not None
    # One whose member is not listed came inside a snapshot, where members had other ids.
    others = {member.id for member in answer.listed} - {answer.status.id}
    raised = sorted({alarm.name for alarm in answer.alarms if alarm.member_id not in others})
    if not raised:
        return ok(ALARMS, answer.name, "none", "Nothing keeps this member from taking writes.")
    remedy = (
        "compact, defragment, then etcdctl alarm disarm"
        if raised == ["NOSPACE"]
        else "do not disarm it: this member's data differs; " + _REPLACE
    )
    return failed(ALARMS, answer.name, ", ".join(raised), "The cluster refuses writes.", remedy)


def agreement_checks(
    answers: Mapping[str, MemberAnswer],
    manifests: Mapping[str, EtcdManifest],
    absent: frozenset[str] = frozenset(),
) -> tuple[Check, ...]:
    """Whether all members are of one cluster, exactly those planned, under one leader.

    `absent` are planned, and were not asked.
    """
    statuses = {name: a.status for name, a in answers.items() if a.status is not None}
    if not statuses:
        return tuple(
            skipped(check, CLUSTER_SCOPE, "no member answers")
            for check in ("one cluster", "members", "one leader")
        )
    return (
        _one_cluster(statuses),
        _as_planned(answers, manifests, absent),
        _one_leader(statuses),
    )


def _one_cluster(statuses: Mapping[str, MemberStatus]) -> Check:
    ids = {status.cluster_id for status in statuses.values()}
    if len(ids) == 1:
        return ok("one cluster", CLUSTER_SCOPE, f"id {ids.pop():x}", "Nobody boots one of his own.")
    told = ", ".join(f"{name} {status.cluster_id:x}" for name, status in statuses.items())
    return failed(
        "one cluster",
        CLUSTER_SCOPE,
        told,
        "The members belong to different clusters and will never agree.",
        "restore all of them together, from one snapshot",
    )


def _as_planned(
    answers: Mapping[str, MemberAnswer],
    manifests: Mapping[str, EtcdManifest],
    absent: frozenset[str],
) -> Check:
    planned = {manifest.member_name for manifest in manifests.values()} | absent
    complaints = []
    for answer in answers.values():
        if answer.status is None:
            continue
        listed = _listed_names(answer, planned & absent)
        complaints += [f"{answer.name} lacks {name}" for name in sorted(planned - listed)]
        complaints += [f"{answer.name} also lists {name}" for name in sorted(listed - planned)]
        complaints += [f"{m.name} is a learner" for m in answer.listed if m.learner]
    if not complaints:
        return ok("members", CLUSTER_SCOPE, ", ".join(sorted(planned)), "Exactly those planned.")
    return failed(
        "members",
        CLUSTER_SCOPE,
        "; ".join(dict.fromkeys(complaints)),
        "A member too many or too few changes how many losses the cluster survives.",
        "compare etcdctl member list with the manifests; remove what does not belong",
    )


def _listed_names(answer: MemberAnswer, absent: frozenset[str] | set[str]) -> set[str]:
    """The members that this one lists, by name; one that never started has none yet.

    A member tells its name when it starts (server/etcdserver, `publish`), so one without a name
    is taken for one of those that are absent.
    """
    named = {member.name for member in answer.listed if member.name}
    nameless = sorted(f"{member.id:x}" for member in answer.listed if not member.name)
    awaited = sorted(absent - named)
    return named | set(awaited[: len(nameless)]) | set(nameless[len(awaited) :])


def _one_leader(statuses: Mapping[str, MemberStatus]) -> Check:
    leaders = {status.leader_id for status in statuses.values()}
    ids = {status.id: name for name, status in statuses.items()}
    if len(leaders) == 1 and 0 not in leaders:
        leader = leaders.pop()
        return ok("one leader", CLUSTER_SCOPE, ids.get(leader, f"{leader:x}"), "All follow it.")
    told = ", ".join(
        f"{name} follows {ids.get(status.leader_id, 'nobody')}" for name, status in statuses.items()
    )
    return failed(
        "one leader",
        CLUSTER_SCOPE,
        told,
        "Members that follow different leaders, or none, do not serve together.",
        "wait; an election takes seconds",
    )


def write_check(write: WriteAnswer, names: Sequence[str]) -> Check:
    """Whether a write went through one member and was read on all of them."""
    name = WRITE
    if not write.through:
        return skipped(name, CLUSTER_SCOPE, "no member answers")
    if write.failures or set(write.read_on) != set(names):
        told = "; ".join(f"{member}: {why}" for member, why in write.failures.items())
        return failed(
            name,
            CLUSTER_SCOPE,
            told or f"not read on {', '.join(sorted(set(names) - set(write.read_on)))}",
            "A cluster that takes no writes only looks alive.",
            "see the members' alarms and logs",
        )
    message = f"written through {write.through}, read on every member"
    if not write.removed:
        return warned(
            name,
            CLUSTER_SCOPE,
            f"{message}, not removed",
            "A small key of this check is left below /etcd-rescue/health/; it does no harm.",
            "etcdctl del --prefix /etcd-rescue/health/",
        )
    return ok(name, CLUSTER_SCOPE, f"{message}, removed", "The cluster takes writes.")


def watch_check(write: WriteAnswer, names: Sequence[str]) -> Check:
    """Whether a watch on each member was told of the probing write."""
    if not write.through:
        return skipped(WATCH, CLUSTER_SCOPE, "no member answers")
    if not write.revision:
        return skipped(WATCH, CLUSTER_SCOPE, "nothing could be written that it would tell of")
    if write.unwatched or set(write.watched_on) != set(names):
        told = "; ".join(f"{member}: {why}" for member, why in write.unwatched.items())
        return failed(
            WATCH,
            CLUSTER_SCOPE,
            told or f"silent on {', '.join(sorted(set(names) - set(write.watched_on)))}",
            "Controllers and kubelets live on watches: without them nothing follows a change.",
            "check again; if it stays, restart that member, then its API server",
        )
    return ok(
        WATCH,
        CLUSTER_SCOPE,
        "every member told of the write",
        "Watches work again; those that clients held from before may need a restart of theirs.",
    )


def revision_checks(
    statuses: Mapping[str, MemberStatus | EtcdError], written: int
) -> tuple[Check, ...]:
    """Whether every member has come as far as the probing write (0: there was none)."""
    known = {n: one.revision for n, one in statuses.items() if isinstance(one, MemberStatus)}
    furthest = max(known.values(), default=0)
    return tuple(_revision(name, known.get(name), furthest, written) for name in statuses)


def _revision(name: str, revision: int | None, furthest: int, written: int) -> Check:
    if revision is None:
        return skipped(REVISION, name, "no answer")
    if revision < written or furthest - revision > LARGEST_SPREAD:
        return failed(
            REVISION,
            name,
            f"{revision}, {furthest - revision} behind",
            "Its data is not that of the others, whatever it says about its health.",
            _REPLACE,
        )
    return ok(REVISION, name, str(revision), "It has everything that was written.")


def hash_checks(hashes: Mapping[str, HashAnswer | EtcdError]) -> tuple[Check, ...]:
    """Whether all members have the same hash at the same revision, one check for each."""
    known = {name: one for name, one in hashes.items() if isinstance(one, HashAnswer)}
    different = len({(one.hash, one.compact_revision) for one in known.values()}) > 1
    return tuple(_hash(name, one, different) for name, one in hashes.items())


def _hash(name: str, answer: HashAnswer | EtcdError, different: bool) -> Check:
    if isinstance(answer, EtcdError):
        return failed(
            HASH,
            name,
            answer.what,
            "Without the hash nobody knows whether it holds the same data.",
            answer.remedy or "check again; compactions come and go",
        )
    text = hash_words(answer.hash)
    if different:
        return failed(
            HASH,
            name,
            text,
            "The members hold different data at the same revision, though each looks healthy.",
            "find the one that differs, and replace it; if in doubt restore all from one snapshot",
        )
    return ok(HASH, name, text, "All members hold the same data, to the byte.")


def hash_words(value: int) -> str:
    """A hash in two groups, as it is compared by eye."""
    text = f"{value:08x}"
    return f"{text[:4]} {text[4:]}"


def member_healths(
    statuses: Mapping[str, MemberStatus | EtcdError], hashes: Mapping[str, HashAnswer | EtcdError]
) -> Iterable[MemberHealth]:
    """The figures of the members that answer."""
    for name, status in statuses.items():
        if not isinstance(status, MemberStatus):
            continue
        answer = hashes.get(name)
        yield MemberHealth(
            name=name,
            id=status.id,
            version=status.version,
            leader=status.is_leader,
            learner=status.learner,
            database_size=status.database_size,
            revision=status.revision,
            raft_term=status.raft_term,
            raft_index=status.raft_index,
            hash=answer.hash if isinstance(answer, HashAnswer) else None,
        )
