"""What is known of a node and its member, in a few words and in one line. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime

from recovery.cluster.etcd_exit import EtcdExit
from recovery.cluster.facts import (
    ClusterFacts,
    DataDirFacts,
    MemberStatus,
    NodeFacts,
    ServiceState,
)

_UNITS = ("B", "KiB", "MiB", "GiB", "TiB")


def node_summary(facts: ClusterFacts, name: str) -> str:
    """A few words about one node for the line at the top, for example `etcd running, no leader`."""
    if name in facts.unreachable:
        return f"unreachable: {facts.unreachable[name].what}"
    member = facts.members.get(name)
    if member is not None:
        return _member_summary(member)
    node = facts.nodes.get(name)
    if node is None:
        return "not asked"
    return _silent_summary(node)


def node_line(facts: ClusterFacts, name: str) -> str:
    """Everything about one node that a diagnosis rests on, in one line."""
    if name in facts.unreachable:
        return f"{name}: cannot be reached: {facts.unreachable[name].what}"
    node = facts.nodes.get(name)
    if node is None:
        return f"{name}: not asked"
    member = facts.members.get(name)
    if member is None:
        told = [_service(node), _container(node, facts.silent.get(name, "")), _data(facts, node)]
    else:
        told = [*_member(facts, member, name), _alarms(member), _api(node)]
    return f"{name}: {'; '.join(part for part in told if part)}"


def listed(names: Iterable[str]) -> str:
    """`etcd-1, etcd-2 and etcd-3`."""
    *others, last = names
    return f"{', '.join(others)} and {last}" if others else last


def by_words(told: Mapping[str, str]) -> dict[str, list[str]]:
    """The same words once, with all the nodes that they are about."""
    grouped: dict[str, list[str]] = {}
    for name, words in told.items():
        grouped.setdefault(words, []).append(name)
    return grouped


def binary_size(count: int) -> str:
    """Bytes in binary units: `212 MiB`."""
    value = float(count)
    for unit in _UNITS:
        if value < 1024 or unit == _UNITS[-1]:
            break
        value /= 1024
    return f"{value:.0f} {unit}" if value >= 10 or unit == "B" else f"{value:.1f} {unit}"


def hash_words(value: int) -> str:
    """A hash in two groups, as it is compared by eye."""
    text = f"{value:08x}"
    return f"{text[:4]} {text[4:]}"


def exit_words(ended: EtcdExit) -> str:
    """How often etcd ended, and why, in its own words."""
    if ended.running:
        return f"etcd runs and does not answer: {ended.reason}" if ended.reason else ""
    times = f"attempt {ended.attempt + 1}"
    code = "" if ended.exit_code is None else f", exit status {ended.exit_code}"
    reason = f": {ended.reason}" if ended.reason else ", and its log says nothing"
    return f"etcd ended ({times}{code}){reason}"


def data_words(data: DataDirFacts | None, now: datetime | None) -> str:
    """How the data in a directory is: gone, wrecked, only begun, or intact and how new."""
    if data is None:
        return "not known: its directory could not be looked at"
    if not data.exists:
        return "gone: its directory does not exist"
    if not data.member_exists or data.database_size is None:
        return "gone: its directory is empty"
    if data.fault is not None:
        return f"wrecked: {data.fault}"
    if not data.wal_files:
        return "gone: only a database just begun, without a write-ahead log"
    age = _age(data.database_modified_at, now)
    return f"intact as far as its header tells: {binary_size(data.database_size)}{age}"


def _age(then: datetime | None, now: datetime | None) -> str:
    if then is None or now is None:
        return ""
    seconds = (now - then).total_seconds()
    for unit, length in (("d", 86_400), ("h", 3600), ("min", 60)):
        if seconds >= length * (2 if unit != "min" else 1):
            return f", written {int(seconds // length)} {unit} ago"
    return ", written just now" if seconds > -60 else ", written in the future by its clock"


def _member_summary(member: MemberStatus) -> str:
    if member.learner:
        return "etcd running, still a learner"
    if not member.leader_id:
        return "etcd running, no leader"
    return "etcd running, leader" if member.is_leader else "etcd running"


def _silent_summary(node: NodeFacts) -> str:
    if node.manifest is None:
        return "no usable etcd manifest"
    data = node.data_dir
    if data is not None and (not data.member_exists or data.database_size is None):
        return "no data"
    if data is not None and data.fault is not None:
        return "data wrecked"
    containers = [container for container in node.containers if container.name == "etcd"]
    if any(container.running for container in containers):
        return "etcd running, does not answer"
    if node.kubelet is not ServiceState.ACTIVE:
        return "etcd stopped, kubelet stopped"
    return "etcd keeps exiting" if containers else "etcd stopped"


def _service(node: NodeFacts) -> str:
    if node.kubelet is ServiceState.ACTIVE:
        return "kubelet runs"
    words = {
        ServiceState.INACTIVE: "kubelet is stopped",
        ServiceState.FAILED: "kubelet does not stay up",
        ServiceState.MISSING: "there is no kubelet",
    }
    return words.get(node.kubelet, "kubelet's state is not known")


def _container(node: NodeFacts, silence: str) -> str:
    if node.manifest is None:
        return f"etcd.yaml: {node.manifest_error or 'it is missing'}"
    if node.etcd_exit is not None and exit_words(node.etcd_exit):
        return exit_words(node.etcd_exit)
    if node.containers_error is not None:
        return f"its containers are not known: {node.containers_error}"
    if any(one.name == "etcd" and one.running for one in node.containers):
        return f"etcd runs, and {silence or 'does not answer'}"
    return "there is no etcd container"


def _data(facts: ClusterFacts, node: NodeFacts) -> str:
    where = f" in {node.data_dir.path}" if node.data_dir else ""
    return f"its data{where} is {data_words(node.data_dir, facts.gathered_at)}"


def _member(facts: ClusterFacts, member: MemberStatus, name: str) -> Iterator[str]:
    role = "learner" if member.learner else "leader" if member.is_leader else "follower"
    if not member.leader_id:
        role = "no leader"
    yield f"etcd {member.version}, member {member.id:x}, {role}"
    yield f"term {member.raft_term}, index {member.raft_index}, revision {member.revision}"
    reading = facts.agreement.readings.get(name) if facts.agreement else None
    if facts.agreement is not None and reading is not None and reading.hash is not None:
        yield f"HashKV {hash_words(reading.hash)} at {facts.agreement.revision}"
    quota = f" of {binary_size(member.quota)}" if member.quota else ""
    yield f"database {binary_size(member.database_size)}{quota}"


def _alarms(member: MemberStatus) -> str:
    told = [" ".join(error.split()) for error in member.errors]
    return f"it reports {', '.join(told)}" if told else ""


def _api(node: NodeFacts) -> str:
    answer = node.api_server
    if answer is None:
        return ""
    if answer.ready is None:
        return f"its API server could not be asked: {answer.why}"
    return "API server ready" if answer.ready else f"API server not ready: {answer.why}"
