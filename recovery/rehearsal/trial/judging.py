"""Judges a trial. Pure: what was read and what was answered in, checks out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from recovery.cluster.facts import Version
from recovery.health.model import CLUSTER_SCOPE, Check, CheckStatus
from recovery.health.verdicts import failed, ok, warned
from recovery.rehearsal.trial.asking import KeyDifferences, MemberAnswers
from recovery.rehearsal.trial.scratch_cluster import ScratchMember
from recovery.snapshots.live_keys import LiveKeys
from recovery.snapshots.model import SnapshotContents

RESTORED = "restored"
ANSWERS = "answers a read"
VOTES = "has a vote"
REVISION = "revision"
COUNT = "number of keys"
HASH = "HashKV"
ONE_CLUSTER = "one cluster"
ONE_LEADER = "one leader"
KEYS = "every key"
ALARMS = "alarms"
VERSION = "etcd version"
WRITE = "a write"

_LEASES_RAN_OUT = "keys whose leases ran out in the trial are gone since"
_ANOTHER = "choose another snapshot; this one does not come back as it was"
_LOGIN = "authentication is on in this snapshot, and a login is not known"


def restore_checks(members: Sequence[ScratchMember]) -> Iterator[Check]:
    """Whether etcd's tool made a member's data out of the snapshot."""
    for member in members:
        if member.restored:
            meaning = "etcd's own tool took the snapshot, and compared its hash where it has one."
            yield ok(RESTORED, member.name, "done", meaning)
        else:
            meaning = "etcd's own tool does not take this snapshot."
            yield failed(RESTORED, member.name, member.trouble, meaning, _ANOTHER)


def serving_checks(members: Sequence[ScratchMember]) -> Iterator[Check]:
    """Whether each member answered a linearizable read."""
    for member in members:
        if member.answers:
            meaning = "A linearizable read: a majority of the members agreed to it."
            yield ok(ANSWERS, member.name, f"after {member.seconds:.1f} s", meaning)
        else:
            meaning = "A cluster restored from this snapshot would not serve."
            yield failed(ANSWERS, member.name, member.trouble, meaning, _ANOTHER)


def member_checks(
    answers: Sequence[MemberAnswers], contents: SnapshotContents, live: LiveKeys
) -> Iterator[Check]:
    """Whether each member holds what was read from the snapshot's file."""
    for answer in answers:
        if answer.state is not None:
            yield _vote(answer.name, answer.state.learner)
            yield _revision(answer.name, answer.state.revision, live.revision, contents.leases)
        if answer.error:
            meaning = "It is not known to hold what the snapshot's file holds."
            yield failed(HASH, answer.name, answer.error, meaning, "try again")
            continue
        yield _count(answer, contents.live_keys)
        yield _hash(answer, live)


def cluster_checks(
    answers: Sequence[MemberAnswers], contents: SnapshotContents, version: Version
) -> Iterator[Check]:
    """Whether the members are one cluster, and what the snapshot brings with it."""
    states = {answer.name: answer.state for answer in answers if answer.state is not None}
    clusters = {state.cluster_id for state in states.values()}
    if len(clusters) == 1 and len(states) == len(answers):
        told = f"{len(states)} members, id {clusters.pop():x}"
        yield ok(ONE_CLUSTER, CLUSTER_SCOPE, told, "All of them were founded as one.")
    else:
        told = f"{len(clusters)} cluster ids among {len(states)} members that answered"
        yield failed(ONE_CLUSTER, CLUSTER_SCOPE, told, "They will never agree.", "try again")
    leaders = [name for name, state in states.items() if state.leads]
    if len(leaders) == 1 and all(state.has_leader for state in states.values()):
        yield ok(ONE_LEADER, CLUSTER_SCOPE, leaders[0], "The members agreed on one of them.")
    else:
        told = ", ".join(leaders) or "none"
        meaning = "Without one leader nothing can be written."
        yield failed(ONE_LEADER, CLUSTER_SCOPE, told, meaning, "try again")
    yield _alarms(contents)
    yield _version(contents.cluster_version, version)


def key_check(differences: KeyDifferences, live: LiveKeys) -> Check:
    """Whether the cluster gives out every key of the snapshot, and no other."""
    if not differences.count and differences.compared == live.count:
        told = f"{differences.compared} with their revisions"
        meaning = "Read back from the cluster, each key is the one in the snapshot's file."
        return ok(KEYS, CLUSTER_SCOPE, told, meaning)
    more = differences.count - len(differences.examples)
    told = "; ".join([*differences.examples, *([f"and {more} more"] if more > 0 else [])])
    meaning = "What the cluster gives out is not what the snapshot's file holds."
    return failed(KEYS, CLUSTER_SCOPE, f"{differences.count} differ: {told}", meaning, _ANOTHER)


def keys_unread(why: str) -> Check:
    """The keys could not be read to the end."""
    meaning = "The cluster stopped answering."
    return failed(KEYS, CLUSTER_SCOPE, why, meaning, "try again")


def keys_guarded() -> Check:
    """Reading keys takes a login."""
    return _left_out(KEYS, CLUSTER_SCOPE, f"{_LOGIN}; HashKV covers all keys and values")


def write_check(trouble: str) -> Check:
    """Whether a write went through; `trouble` says why it did not."""
    if not trouble:
        meaning = "Written through one member and read from each."
        return ok(WRITE, CLUSTER_SCOPE, "read back from every member", meaning)
    return failed(WRITE, CLUSTER_SCOPE, trouble, "The cluster can be read only.", _ANOTHER)


def no_write_check(contents: SnapshotContents) -> Check | None:
    """Why no write is tried; None where one is."""
    if contents.auth_enabled:
        return _left_out(WRITE, CLUSTER_SCOPE, _LOGIN)
    if contents.alarms:
        told = f"refused while the alarm {', '.join(contents.alarms)} is raised"
        return _left_out(WRITE, CLUSTER_SCOPE, told)
    return None


def _vote(name: str, learner: bool) -> Check:
    if not learner:
        return ok(VOTES, name, "votes", "The cluster survives the loss of one member.")
    return failed(
        VOTES,
        name,
        "a learner",
        "It receives data and has no vote, so the cluster survives fewer losses.",
        "restore with etcd 3.5.20 or newer; older ones bring members back as learners",
    )


def _revision(name: str, revision: int, expected: int, leases: int) -> Check:
    meaning = "The history goes on where the snapshot ends."
    if revision == expected:
        return ok(REVISION, name, str(revision), meaning)
    if expected < revision <= expected + leases:
        return ok(REVISION, name, f"{revision}, of {expected}: {_LEASES_RAN_OUT}", meaning)
    told = f"{revision} instead of {expected}"
    return failed(REVISION, name, told, "It does not hold the snapshot's history.", _ANOTHER)


def _count(answer: MemberAnswers, expected: int) -> Check:
    if answer.count is None:
        return _left_out(COUNT, answer.name, _LOGIN)
    if answer.count == expected:
        meaning = "As many keys live as were counted in the snapshot's file."
        return ok(COUNT, answer.name, str(expected), meaning)
    told = f"{answer.count} instead of {expected}"
    return failed(COUNT, answer.name, told, "Keys are missing, or too many.", _ANOTHER)


def _hash(answer: MemberAnswers, live: LiveKeys) -> Check:
    if answer.hash_revision != live.revision:
        told = f"of revision {answer.hash_revision}, not of {live.revision}: {_LEASES_RAN_OUT}"
        return _left_out(HASH, answer.name, told)
    if answer.hash_kv == live.hash_kv:
        meaning = "Keys, revisions and values are, bit for bit, those of the snapshot's file."
        return ok(HASH, answer.name, f"{live.hash_kv:08x}", meaning)
    told = f"{answer.hash_kv or 0:08x} instead of {live.hash_kv:08x}"
    meaning = "Its keys or values are not those of the snapshot's file."
    return failed(HASH, answer.name, told, meaning, _ANOTHER)


def _alarms(contents: SnapshotContents) -> Check:
    if not contents.alarms:
        meaning = "Nothing in the snapshot keeps the cluster from taking writes."
        return ok(ALARMS, CLUSTER_SCOPE, "none", meaning)
    told = f"{', '.join(contents.alarms)} inside the snapshot"
    if "CORRUPT" in contents.alarms:
        meaning = (
            "A member found its data to differ from the others' before the snapshot was taken."
        )
        return warned(ALARMS, CLUSTER_SCOPE, told, meaning, "rather take a snapshot from before it")
    meaning = "The restored cluster can be read, and refuses every write."
    remedy = "after the restore: compact, defragment, then etcdctl alarm disarm"
    return warned(ALARMS, CLUSTER_SCOPE, told, meaning, remedy)


def _version(of_snapshot: str, tried: Version) -> Check:
    minor = f"{tried.major}.{tried.minor}"
    if not of_snapshot:
        meaning = "The snapshot does not tell which etcd it is from."
        return ok(VERSION, CLUSTER_SCOPE, f"tried with {tried}", meaning)
    told = f"tried with {tried}; the snapshot is of {of_snapshot}"
    if of_snapshot.startswith(f"{minor}.") or of_snapshot == minor:
        return ok(VERSION, CLUSTER_SCOPE, told, "The same minor version as the cluster's.")
    meaning = "A newer etcd than the cluster's read it: that says little about the cluster's own."
    remedy = "name a directory with the cluster's version (--etcd-dir)"
    return warned(VERSION, CLUSTER_SCOPE, told, meaning, remedy)


def _left_out(name: str, scope: str, why: str) -> Check:
    meaning = "Left out: what is inside the snapshot forbids it."
    return Check(name, scope, CheckStatus.SKIPPED, why, meaning)
