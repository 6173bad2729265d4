"""Why one member does not serve, whether starting it would help, and how. Pure."""

from __future__ import annotations

import shlex
from dataclasses import dataclass

from recovery.cluster.by_hand import ID_LENGTH, last_of
from recovery.cluster.certificates import Role
from recovery.cluster.etcd_exit import ExitCause
from recovery.cluster.facts import ClusterFacts, NodeCommand, NodeFacts, ServiceState
from recovery.cluster.node_words import data_words, exit_words

FULL_BYTES = 64 * 2**20
"""The size of etcd's next write-ahead log (server/storage/wal, SegmentSizeBytes)."""

_SERVED = (Role.ETCD_SERVER, Role.ETCD_PEER)
"""What etcd shows to clients and to other members."""

_RENEW = (
    "kubeadm certs renew etcd-server && kubeadm certs renew etcd-peer && "
    "kubeadm certs renew etcd-healthcheck-client && kubeadm certs renew apiserver-etcd-client"
)


@dataclass(frozen=True, slots=True)
class MemberTrouble:
    """One member that does not serve."""

    node: str
    intact: bool
    """Its data is there, as far as a look from outside tells."""
    why: str
    """Why it does not run or answer, as a clause: `kubelet is stopped`."""
    advice: str
    """What to do on its node, as a clause: `start kubelet`."""
    commands: tuple[NodeCommand, ...] = ()


def trouble_of(facts: ClusterFacts, name: str) -> MemberTrouble:
    """What is wrong with the member of this node, which does not serve."""
    if name not in facts.nodes:
        error = facts.unreachable.get(name)
        what = error.what if error else "it was not asked"
        return MemberTrouble(name, False, f"its node cannot be reached: {what}", "reach its node")
    node, status = facts.nodes[name], facts.members.get(name)
    if status is not None:
        return MemberTrouble(name, True, "it runs and knows no leader", "let it run")
    if not _intact(node):
        why = f"its data is {data_words(node.data_dir, facts.gathered_at)}"
        there = node.data_dir is not None and node.data_dir.intact
        if there and node.etcd_exit is not None:
            why = node.etcd_exit.reason or why
        return MemberTrouble(name, False, why, "its data is of no use to etcd")
    return _startable(facts, node)


def _intact(node: NodeFacts) -> bool:
    spoiled = node.etcd_exit is not None and node.etcd_exit.cause.spoils_data
    return node.data_dir is not None and node.data_dir.intact and not spoiled


def _startable(facts: ClusterFacts, node: NodeFacts) -> MemberTrouble:
    name = node.node.name
    starts, whys, advice = _starts(node)
    ended = node.etcd_exit
    full = node.data_dir is not None and node.data_dir.free < FULL_BYTES
    if full or (ended is not None and ended.cause is ExitCause.DISK_FULL):
        return MemberTrouble(
            name,
            True,
            "its disk is full",
            "make room there",
            (*_making_room(node), *starts),
        )
    if expired_of(facts, node) or _certificate(facts, node):
        words = facts.silent.get(name, "") if name in facts.mistrusted else ""
        reason = expired_of(facts, node) or words or (ended.reason if ended else "")
        renew = NodeCommand(name, _RENEW, "renew its certificates, where kubeadm made them")
        return MemberTrouble(
            name,
            True,
            f"its certificate is refused: {reason}",
            "renew etcd's certificates and restart it",
            (renew, *_restarting(node), *starts),
        )
    if starts or whys:
        return MemberTrouble(name, True, " and ".join(whys), " and ".join(advice), starts)
    return _with_a_container(facts, node)


def _starts(node: NodeFacts) -> tuple[tuple[NodeCommand, ...], list[str], list[str]]:
    """What keeps kubelet from starting etcd at all."""
    name, path = node.node.name, node.node.paths.etcd_manifest
    commands, whys, advice = [], [], []
    if node.manifest is None:
        elsewhere = node.manifest_elsewhere
        missing = node.manifest_error in (None, "it is missing")
        whys.append(
            "its etcd.yaml is not among the manifests"
            if missing
            else f"its etcd.yaml cannot be used: {node.manifest_error}"
        )
        advice.append("put etcd.yaml back" if missing else "mend etcd.yaml")
        if missing and elsewhere is not None:
            whys[-1] += f", but in {elsewhere}"
            text = f"mv {shlex.quote(elsewhere)} {shlex.quote(path)}"
            commands.append(NodeCommand(name, text, "kubelet starts what lies among the manifests"))
    if node.kubelet is not ServiceState.ACTIVE:
        failing = node.kubelet is ServiceState.FAILED
        whys.append("kubelet does not stay up" if failing else "kubelet is stopped")
        advice.append("start kubelet")
        if failing:
            text = "journalctl -u kubelet --no-pager -n 50"
            commands.append(NodeCommand(name, text, "see why kubelet ends"))
        commands.append(NodeCommand(name, "systemctl start kubelet", "it starts etcd"))
    return tuple(commands), whys, advice


def _with_a_container(facts: ClusterFacts, node: NodeFacts) -> MemberTrouble:
    name, ended = node.node.name, node.etcd_exit
    if node.containers_error is not None:
        why = f"its container runtime does not answer: {node.containers_error}"
        look = NodeCommand(name, "systemctl status containerd; crictl ps -a", "see the runtime")
        return MemberTrouble(name, True, why, "mend the container runtime", (look,))
    if ended is None:
        journal = NodeCommand(
            name, "journalctl -u kubelet --no-pager -n 50", "see why kubelet starts no etcd"
        )
        why = "kubelet runs and has started no etcd"
        return MemberTrouble(name, True, why, "see what kubelet says", (journal,))
    log = NodeCommand(
        name, f"crictl logs --tail 50 {ended.container_id[:ID_LENGTH]}", "read its last words"
    )
    if ended.running:
        silence = facts.silent.get(name, "it does not answer")
        reason = f"; it says: {ended.reason}" if ended.reason else ""
        why = f"it runs, but {silence}{reason}"
        return MemberTrouble(name, True, why, "see its log", (log,))
    advice = {
        ExitCause.PORT_IN_USE: "end what holds its port, an old etcd most likely",
        ExitCause.PERMISSION: "give its files back to root, with their modes and labels",
    }.get(ended.cause, "see its log, and mend what it says")
    return MemberTrouble(name, True, exit_words(ended), advice, (log,))


def expired_of(facts: ClusterFacts, node: NodeFacts) -> str:
    """Which of etcd's own certificates on this node are out of date, in words; empty for none."""
    known = node.certificates
    found = [known.of(role) for role in _SERVED] if known is not None else []
    return ", ".join(
        f"{one.role.value} expired {one.not_after:%Y-%m-%d %H:%M}Z"
        for one in found
        if one is not None and one.not_after <= facts.gathered_at
    )


def _certificate(facts: ClusterFacts, node: NodeFacts) -> bool:
    by_log = node.etcd_exit is not None and node.etcd_exit.cause is ExitCause.CERTIFICATE
    return by_log or "certificate" in (
        facts.silent.get(node.node.name, "") if node.node.name in facts.mistrusted else ""
    )


def _making_room(node: NodeFacts) -> tuple[NodeCommand, ...]:
    path = node.data_dir.path if node.data_dir else node.node.paths.data_dir
    text = f"df -h {shlex.quote(path)}; du -xh --max-depth=2 {shlex.quote(path)} | sort -h | tail"
    return (NodeCommand(node.node.name, text, "see what fills it; delete no member directory"),)


def _restarting(node: NodeFacts) -> tuple[NodeCommand, ...]:
    container = last_of(node.containers, "etcd")
    if container is None or not container.running:
        return ()
    text = f"crictl stop {container.id[:ID_LENGTH]}"
    return (NodeCommand(node.node.name, text, "kubelet starts it anew, with the new ones"),)
