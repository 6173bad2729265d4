"""Preflight, node by node: login, name, clock, manifest, data directory, space, programs."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from statistics import median

from recovery.cluster.diagnosis import majority
from recovery.cluster.etcd_tools import choose_tool
from recovery.cluster.facts import ClusterFacts, DataDirFacts, NodeFacts, ServiceState, Version
from recovery.health.model import Check, CheckStatus
from recovery.health.verdicts import failed, ok, warned

REACHABLE = "reachable"
"""The check of a node that says whether it answers over SSH at all."""

WAL_BYTES = 64_000_000
"""etcd preallocates its first write-ahead log (server/storage/wal, SegmentSizeBytes)."""

MARGIN_BYTES = 256 * 2**20
"""Room for what grows meanwhile, and for the restore program and the kept configuration."""

CLOCK_WARNING = 2.0
CLOCK_FAILURE = 60.0


def unreachable_checks(facts: ClusterFacts, name: str) -> Iterator[Check]:
    """For a node that did not answer: without a majority of the nodes nothing can be restored."""
    error = facts.unreachable.get(name)
    what = error.what if error else "not asked yet"
    remedy = (error.remedy if error else "") or "bring the node back, then look again"
    size = len(facts.cluster.control_plane)
    if error is None or len(facts.nodes) < majority(size):
        meaning = f"Fewer than {majority(size)} of {size} control-plane nodes can be reached."
        yield failed(REACHABLE, name, what, meaning, remedy)
        return
    yield Check(
        REACHABLE,
        name,
        CheckStatus.WARNING,
        what,
        f"The restore can go on with the other {len(facts.nodes)}, which are a majority; "
        f"`runs resume` brings {name} in once it answers.",
        f"{remedy}; or go on without it",
        must_be_acknowledged=True,
    )


def node_checks(facts: ClusterFacts, node: NodeFacts, source_size: int) -> Iterator[Check]:
    """Everything about one node that answered."""
    yield ok(REACHABLE, node.node.name, "answers over SSH")
    yield _root(node)
    yield _hostname(node)
    yield _clock(facts, node)
    yield _manifest(node)
    yield from _data_directory(node)
    yield from _space(node, source_size)
    yield _kubelet(node)
    yield _runtime(node)
    yield _program(facts, node)


def server_version(facts: ClusterFacts) -> Version | None:
    """The newest etcd that a manifest names: no restore program may be older than it."""
    manifests = [node.manifest for node in facts.nodes.values() if node.manifest is not None]
    return max((m.version for m in manifests if m.version is not None), default=None)


def _root(node: NodeFacts) -> Check:
    name = node.node.name
    if node.is_root:
        return ok("root", name, "commands run as root")
    return failed(
        "root",
        name,
        "commands do not run as root",
        "kubelet, containers and etcd's data belong to root.",
        "log in as root, or set ssh.sudo: true in the inventory",
    )


def _hostname(node: NodeFacts) -> Check:
    name, hostname = node.node.name, node.hostname
    if hostname.lower() == name.lower():
        return ok("host name", name, hostname)
    if node.manifest is not None and node.manifest.member_name == name:
        return warned(
            "host name",
            name,
            f"the host calls itself {hostname}",
            "Its etcd manifest has the right name, so it is most likely the right machine.",
            "make sure that the inventory's host leads to this node",
        )
    return failed(
        "host name",
        name,
        f"the host calls itself {hostname}",
        "This may be another machine than the inventory means.",
        "correct name or host in the inventory; names are those of kubectl get nodes",
    )


def _clock(facts: ClusterFacts, node: NodeFacts) -> Check:
    name = node.node.name
    others = median(one.clock_offset for one in facts.nodes.values())
    skew = node.clock_offset - others
    words = f"{abs(skew):.1f} s {'ahead of' if skew > 0 else 'behind'} the other nodes"
    if abs(skew) - node.clock_doubt <= CLOCK_WARNING:
        return ok("clock", name, f"within {CLOCK_WARNING:g} s of the other nodes")
    remedy = "start its time service: timedatectl, chronyc makestep"
    if abs(skew) - node.clock_doubt <= CLOCK_FAILURE:
        return warned(
            "clock", name, words, "Leases and certificates depend on clocks that agree.", remedy
        )
    return failed(
        "clock", name, words, "Certificates may be refused, and leases end at once.", remedy
    )


def _manifest(node: NodeFacts) -> Check:
    name = node.node.name
    if node.manifest is not None:
        return ok("etcd manifest", name, f"member {node.manifest.member_name}")
    return failed(
        "etcd manifest",
        name,
        node.manifest_error or "it is missing",
        "It names the data directory, the addresses and the certificates.",
        _mend_manifest(node),
    )


def _mend_manifest(node: NodeFacts) -> str:
    path, elsewhere = node.node.paths.etcd_manifest, node.manifest_elsewhere
    if elsewhere is not None:
        return f"put it back: mv {shlex.quote(elsewhere)} {shlex.quote(path)}"
    return f"mend {path}; another node's copy, with this node's name and addresses, will do"


def _data_directory(node: NodeFacts) -> Iterator[Check]:
    name, data = node.node.name, node.data_dir
    if data is None:
        yield failed(
            "data directory",
            name,
            "it could not be looked at",
            "Without it nobody knows where the data would go.",
            "see whether the node's disks answer: df, dmesg",
        )
    elif not data.is_mount and data.exists and data.device != data.parent_device:
        yield failed(
            "data directory",
            name,
            f"{data.path} is on another filesystem than the directory above it",
            "The old data is set aside by renaming, which only works within one filesystem.",
            "mount that filesystem on the data directory itself, or ask support",
        )
    elif data.is_mount:
        yield ok(
            "data directory",
            name,
            f"{data.path}, a mount of its own",
            "Staging and the old data stay inside it, so moves are renames.",
        )
    elif not data.exists:
        yield warned(
            "data directory",
            name,
            f"{data.path} does not exist",
            "It will be made. A node that lost its disk looks like this; so does a wrong path.",
            "see that --data-dir in etcd.yaml, and the disk, are as they should be",
        )
    else:
        yield ok("data directory", name, data.path, "Moves within its filesystem are renames.")


def _space(node: NodeFacts, source_size: int) -> Iterator[Check]:
    data = node.data_dir
    if data is None:
        return
    member = source_size + WAL_BYTES
    if data.device == data.work_device:
        yield _room(node, data, data.free, member + source_size + MARGIN_BYTES, data.path)
        return
    yield _room(node, data, data.free, member + MARGIN_BYTES, data.path)
    work = node.node.paths.work
    yield _room(node, data, data.work_free, source_size + MARGIN_BYTES, work, "staging space")


def _room(
    node: NodeFacts,
    data: DataDirFacts,
    free: int,
    needed: int,
    where: str,
    check: str = "disk space",
) -> Check:
    name = node.node.name
    if free >= needed:
        return ok(check, name, f"{mib(free)} free, {mib(needed)} needed")
    own = "; the old data stays, so it cannot be counted on" if data.member_exists else ""
    return failed(
        check,
        name,
        f"{mib(free)} free for {where}, {mib(needed)} needed",
        f"The snapshot and the new member are made beside the old data{own}.",
        "make room: old logs and images (crictl rmi --prune), earlier runs (runs clean)",
    )


def _kubelet(node: NodeFacts) -> Check:
    name, state = node.node.name, node.kubelet
    if state is ServiceState.ACTIVE:
        return ok("kubelet", name, "running")
    if state is ServiceState.MISSING:
        return failed(
            "kubelet",
            name,
            "there is no kubelet service",
            "kubelet starts etcd and the control plane again after the restore.",
            "install kubelet, or see whether this is the right machine",
        )
    return warned(
        "kubelet",
        name,
        state.value,
        "It is started at the end of the restore; whatever keeps it down will keep etcd down.",
        "see why: journalctl -u kubelet",
    )


def _runtime(node: NodeFacts) -> Check:
    name = node.node.name
    if node.containers_error is None:
        return ok("container runtime", name, f"{len(node.containers)} containers in kube-system")
    return failed(
        "container runtime",
        name,
        node.containers_error,
        "etcd and the control plane are stopped through crictl.",
        "see that containerd runs and crictl is on the PATH: crictl ps -a",
    )


def _program(facts: ClusterFacts, node: NodeFacts) -> Check:
    name, version = node.node.name, server_version(facts)
    own = choose_tool(version, node.tools)
    if own is not None:
        return ok("restore program", name, f"{own.kind.value} {own.version}", f"It is {own.path}.")
    for other in facts.nodes.values():
        tool = choose_tool(version, other.tools)
        if tool is not None and other.architecture == node.architecture:
            return ok(
                "restore program",
                name,
                f"{tool.kind.value} {tool.version}, from {other.node.name}",
                "This node has none that fits; it is copied from the other node and checked.",
            )
    wanted = f"etcd {version.major}.{version.minor} or newer" if version else "etcd"
    seen = ", ".join(sorted({f"{tool.kind.value} {tool.version}" for tool in node.tools}))
    return failed(
        "restore program",
        name,
        node.tools_error or (f"none fits; found {seen}" if seen else "none was found"),
        f"A snapshot is restored by etcdutl or etcdctl of {wanted}.",
        f"put etcdutl of {wanted} into /usr/local/bin of one node, or pull etcd's image there",
    )


def mib(size: int) -> str:
    """A size in binary units, whole."""
    if size >= 10 * 2**30:
        return f"{size / 2**30:.0f} GiB"
    return f"{size / 2**20:.0f} MiB"
