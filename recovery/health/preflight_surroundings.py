"""Preflight of what else lives on a node: strange listeners, services, schedules, its system."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from urllib.parse import urlsplit

from recovery.cluster.facts import NodeFacts
from recovery.cluster.ports import Listener, PortFacts
from recovery.cluster.surroundings import (
    AGENT_UNITS,
    ETCD_UNITS,
    REBOOTING_UNITS,
    RESTARTING_UNITS,
    Surroundings,
)
from recovery.health.model import Check
from recovery.health.verdicts import failed, ok, skipped, warned

_SHOWN = 3


def surroundings_checks(node: NodeFacts) -> Iterator[Check]:
    """Everything about one node that does not concern etcd's own files."""
    yield from _ports(node)
    name, known = node.node.name, node.surroundings
    if known is None:
        yield skipped(
            "other services",
            name,
            "they could not be looked at",
            "look again; see on the node: systemctl list-units --state=active",
        )
        return
    yield from _writable(node, known)
    yield from _system(name, known)
    yield from _labels(node, known)
    yield _services(name, known)


def _ports(node: NodeFacts) -> Iterator[Check]:
    name, manifest, known = node.node.name, node.manifest, node.ports
    check = "etcd's ports"
    if known is None or known.unknown:
        why = known.unknown if known else "they could not be looked at"
        yield skipped(
            check,
            name,
            f"not known: {why}",
            "see on the node who listens: ss -ltnp, or netstat -ltnp",
        )
        return
    if manifest is None:
        return
    urls = (*manifest.listen_client_urls, *manifest.listen_peer_urls)
    here = [(url.hostname, url.port) for url in map(urlsplit, urls) if url.hostname and url.port]
    strange = [one for one in _taking(known, here) if one.container != "etcd"]
    if not strange:
        yield ok(check, name, "free, or etcd's own")
    elif not _tells_containers(node, known) or not all(one.pid for one in strange):
        yield skipped(
            check,
            name,
            f"somebody listens on {_listed(strange)}, and nobody could tell who",
            "see on the node whether it is etcd's own container: ss -ltnp, crictl ps",
        )
    else:
        yield failed(
            check,
            name,
            f"held by another process: {_listed(strange)}",
            "It is not etcd's container, so stopping that does not free the port, and the restored "
            "member would not start.",
            _ending(name, strange),
        )
    yield from _api_port(node, known)


def _api_port(node: NodeFacts, known: PortFacts) -> Iterator[Check]:
    here = [(known.api_server_address, known.api_server_port)]
    strange = [one for one in _taking(known, here) if one.container != "kube-apiserver" and one.pid]
    if strange and _tells_containers(node, known):
        yield warned(
            "the API server's port",
            node.node.name,
            f"held by another process: {_listed(strange)}",
            "The API server may not come up beside it, and then the restore cannot be proven.",
            _ending(node.node.name, strange),
        )


def _tells_containers(node: NodeFacts, known: PortFacts) -> bool:
    """Whether etcd's own container would have been told from a strange process."""
    return node.containers_error is None and known.containers_known


def _taking(known: PortFacts, places: Iterable[tuple[str, int]]) -> list[Listener]:
    return [one for one in known.listeners if any(one.takes(*place) for place in places)]


def _listed(listeners: Iterable[Listener]) -> str:
    return _shortened(f"{one.address}:{one.port} by {one.in_words}" for one in listeners)


def _ending(node: str, listeners: Iterable[Listener]) -> str:
    """The exact commands that end them; a person decides."""
    return f"see on {node} what it is; if it is not needed: " + _shortened(
        f"systemctl disable --now {one.unit}"
        if one.unit
        else f"ps -fp {one.pid}, then kill {one.pid}"
        for one in listeners
    )


def _shortened(words: Iterable[str]) -> str:
    """The first three, and how many more there are."""
    told = list(dict.fromkeys(words))
    more = f"; and {len(told) - _SHOWN} more" if len(told) > _SHOWN else ""
    return "; ".join(told[:_SHOWN]) + more


def _writable(node: NodeFacts, known: Surroundings) -> Iterator[Check]:
    if not node.is_root:
        return
    backups = [path for path in known.read_only if path == _backups(node, known)]
    needed = [path for path in known.read_only if path not in backups]
    if needed:
        yield failed(
            "writable",
            node.node.name,
            f"read-only: {', '.join(needed)}",
            "The restore writes there. A filesystem that met an error is made read-only.",
            "see dmesg for the disk's errors; then mount -o remount,rw on that filesystem",
        )
    else:
        yield ok("writable", node.node.name, "data, manifests, work")
    if backups:
        yield warned(
            "backup directory",
            node.node.name,
            f"read-only: {', '.join(backups)}",
            "The platform can write no local backups here, so S3 is the only source.",
            "see that backups go to S3 (remoteStorage), and choose one of those",
        )


def _backups(node: NodeFacts, known: Surroundings) -> str:
    """The backup directory is the one directory of those that the restore does not write to."""
    paths = node.node.paths
    data = node.manifest.data_dir if node.manifest else paths.data_dir
    own = {data, paths.manifests, paths.work}
    return next((path for path in known.read_only if path not in own), "")


def _system(name: str, known: Surroundings) -> Iterator[Check]:
    if known.immutable:
        yield warned(
            "operating system",
            name,
            f"immutable: {known.os_name or known.os_id or 'its /usr is read-only'}",
            "The platform keeps no local backups on such a system: S3 is the only source. What is "
            "missing on the node cannot be installed there.",
            "choose a snapshot from S3; a restore program can be put below the work directory",
        )
    elif known.os_id:
        yield ok("operating system", name, known.os_name or known.os_id)


def _labels(node: NodeFacts, known: Surroundings) -> Iterator[Check]:
    if not node.selinux_enforcing:
        return
    name = node.node.name
    if "restorecon" in known.programs:
        yield ok("SELinux", name, "enforcing; labels are restored with restorecon")
    elif "chcon" in known.programs and node.data_dir and node.data_dir.member_exists:
        yield ok("SELinux", name, "enforcing; the old data's label is put on the new")
    else:
        yield warned(
            "SELinux",
            name,
            "enforcing, and nothing there puts labels right",
            "etcd may not be allowed to read the restored data.",
            "install restorecon (policycoreutils), or have permissive mode at hand: setenforce 0",
        )


def _services(name: str, known: Surroundings) -> Check:
    check = "other services"
    told, remedies = [], []
    for units, words, remedy in (
        (ETCD_UNITS, "an etcd of systemd's own", "systemctl disable --now"),
        (RESTARTING_UNITS, "restarts services", "systemctl stop"),
        (AGENT_UNITS, "puts configuration back", "systemctl stop"),
        (REBOOTING_UNITS, "may reboot the node", "systemctl stop"),
    ):
        active = [unit for unit in known.active_units if unit in units]
        if active:
            told.append(f"{', '.join(active)} ({words})")
            remedies.append(f"{remedy} {' '.join(active)}")
    if known.kubelet_started_by:
        told.append(f"{', '.join(known.kubelet_started_by)} (starts kubelet)")
        remedies.append(f"systemctl stop {' '.join(known.kubelet_started_by)}")
    if known.schedules:
        told.append(f"{', '.join(known.schedules)} (starts kubelet or etcd)")
        remedies.append("see those files, and keep what they do from happening meanwhile")
    if told:
        return warned(
            check,
            name,
            "; ".join(told),
            "It can start kubelet or etcd, or change their files, in the middle of the restore. "
            "The restore notices a kubelet that was started again, and stops there.",
            f"on {name}, until the restore is over: {'; '.join(remedies)}",
        )
    if not known.units_known:
        return skipped(
            check,
            name,
            "systemd did not say which run",
            "see on the node: systemctl list-units --state=active",
        )
    return ok(check, name, "none starts kubelet or etcd")
