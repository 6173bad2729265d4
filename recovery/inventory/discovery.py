"""From one control-plane node to the whole cluster: who belongs to it, and where things lie.

Sources, each asked whatever the others say: the API server, etcd's member list, the manifests of
all nodes reached (on kubeadm the first node's lists only itself, the last one's lists all), and
where those know nothing, the backups. Nothing on a node is changed.
"""

from __future__ import annotations

import asyncio
import enum
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

from recovery.backups.configuration import BackupSpec
from recovery.backups.outside_text import one_line
from recovery.cluster.kubernetes_objects import KubeNode
from recovery.errors import NodeError, RescueError
from recovery.inventory import wording
from recovery.inventory.cluster_survey import Told, ask_both
from recovery.inventory.last_saved import ask_backups, last_seen
from recovery.inventory.model import Cluster, Node, Role
from recovery.inventory.node_survey import NodeSurvey, survey_node
from recovery.places import state_directory

MOST_AT_ONCE = 20
"""Nodes that are logged in to at the same time."""

KUBEADM_DEFAULT = "kubernetes"
"""What kubeadm calls every cluster that nobody names."""


class Reach(enum.Enum):
    """Whether a node that was found can be worked on."""

    ASKING = "asking"
    REACHED = "reached"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class FoundNode:
    """A node of the cluster, as far as it is known."""

    node: Node
    reach: Reach
    error: NodeError | None = None
    """Why it cannot be worked on."""


@dataclass(frozen=True, slots=True)
class Discovered:
    """A cluster as it was found; `name` is empty where nobody knows it."""

    name: str
    nodes: tuple[FoundNode, ...]
    backup: BackupSpec | None
    remarks: tuple[str, ...]
    """What was not found, and what a person should check; one sentence each."""

    def cluster(self, name: str) -> Cluster:
        """As an inventory has it, under that name."""
        control_plane = [n.node for n in self.nodes if n.node.role is Role.CONTROL_PLANE]
        workers = [n.node for n in self.nodes if n.node.role is Role.WORKER]
        return Cluster(name, tuple(control_plane), tuple(workers), self.backup)


TellNode = Callable[[FoundNode], None]
"""Hears of a node when it is found, and again when it was asked."""


async def discover(
    first: Node, environ: Mapping[str, str], tell: TellNode = lambda _: None
) -> Discovered:
    """The cluster that this node belongs to. `first.name` is only used in errors.

    Raises NodeError where that node cannot be logged in to, or is no control-plane node; any
    other node that cannot be reached is in the answer, with its error.
    """
    tell(FoundNode(first, Reach.ASKING))
    survey = await _survey(first)
    if not survey.is_control_plane:
        raise NodeError(
            f"this is no control-plane node: {survey.manifest_error}",
            where=first.name,
            remedy="name a node on which etcd runs as a static pod",
        )
    first = replace(survey.node, name=_own_name(survey))
    return await _Search(replace(survey, node=first), environ, tell).run()


class _Search:
    """One search: what has been told so far, and the nodes that came of it."""

    def __init__(self, survey: NodeSurvey, environ: Mapping[str, str], tell: TellNode) -> None:
        self._first = survey
        self._environ = environ
        self._tell = tell
        self._told: list[Told] = []
        self._found: dict[str, FoundNode] = {}
        self._manifests: dict[str, NodeSurvey] = {survey.node.name: survey}
        self._remarks: list[str] = []
        self._turns = asyncio.Semaphore(MOST_AT_ONCE)

    async def run(self) -> Discovered:
        """All of it."""
        node = self._first.node
        self._note(FoundNode(node, Reach.REACHED))
        await self._ask_records(node)
        if self._first.manifest is None:
            self._remark(f"{node.name}: {self._first.manifest_error}")
        await self._reach(self._candidates())
        while new := [each for each in self._of_manifests() if each.name not in self._found]:
            await self._reach(new)
        self._say_how_sure()
        name = self._name()
        if name == KUBEADM_DEFAULT:
            self._remark(
                f"{name!r} is what kubeadm calls every cluster that nobody names: choose a name "
                "that says which one it is, because a restore has it typed out"
            )
        return Discovered(name, self._in_order(), await self._backup(name), tuple(self._remarks))

    async def _ask_records(self, node: Node) -> None:
        from recovery.ssh.session import NodeSession

        session = NodeSession(node)
        try:
            self._told += await ask_both(session, self._first)
            if not any(told.members for told in self._told) or not self._all_nodes():
                self._told.append(await ask_backups(session, node.paths.data_dir))
        finally:
            await session.close()
        for told in self._told:
            for trouble in told.trouble:
                self._remark(trouble)

    def _candidates(self) -> list[Node]:
        """Members first, then what else the API or a backup calls a node of the cluster."""
        named = {node.name: node for node in self._of_members()}
        for kube in self._all_nodes():
            role = Role.CONTROL_PLANE if kube.control_plane else Role.WORKER
            if kube.name not in named:
                self._add(named, kube.name, kube.address, role)
        return [node for node in named.values() if node.name not in self._found]

    def _of_members(self) -> list[Node]:
        named: dict[str, Node] = {}
        for name, url in next((told.members for told in self._told if told.members), ()):
            self._add(named, name, _host(url), Role.CONTROL_PLANE)
        return list(named.values())

    def _all_nodes(self) -> Sequence[KubeNode]:
        return next((told.nodes for told in self._told if told.nodes), ())

    def _of_manifests(self) -> list[Node]:
        named: dict[str, Node] = {}
        for survey in self._manifests.values():
            for name, url in survey.manifest.initial_cluster if survey.manifest else ():
                self._add(named, name, _host(url), Role.CONTROL_PLANE)
        return list(named.values())

    def _add(self, named: dict[str, Node], name: str, host: str, role: Role) -> None:
        if wording.node_name(name) is not None or (host and wording.host(host) is not None):
            self._remark(f"left out, because it is no usable name: {one_line(name or host, 80)}")
            return
        named[name] = Node(name, host or name, role, self._first.node.ssh)

    async def _reach(self, nodes: Iterable[Node]) -> None:
        """Log in to each of them, and learn where things lie there."""
        wanted = list(nodes)
        for node in wanted:
            self._note(FoundNode(node, Reach.ASKING))
        async with asyncio.TaskGroup() as group:
            for node in wanted:
                group.create_task(self._look_at(node))

    async def _look_at(self, node: Node) -> None:
        async with self._turns:
            try:
                survey = await _survey(node)
            except NodeError as error:
                self._note(FoundNode(node, Reach.FAILED, error))
                return
        self._manifests[node.name] = survey
        self._note(FoundNode(survey.node, Reach.REACHED))
        own = _own_name(survey)
        if survey.manifest is not None and own != node.name:
            self._remark(f"{node.name} at {node.host} calls its own member {own}")

    def _say_how_sure(self) -> None:
        members = next((told for told in self._told if told.members), None)
        if members is None:
            self._remark(
                "the control plane is known from manifests and the API only: on kubeadm a manifest "
                "may list only some of the members, so compare this list with your own records"
            )
        elif members.source.startswith("/"):
            self._remark(f"the control plane is as {members.source} knows it")
        if not any(told.nodes for told in self._told):
            self._remark("workers are not known: add them, or their kubelets are not restarted")

    def _name(self) -> str:
        names = [told.cluster_name for told in self._told] + [self._first.cluster_name]
        for name in filter(None, names):
            if wording.cluster_name(name) is None:
                return name
        return ""

    async def _backup(self, name: str) -> BackupSpec | None:
        for told in self._told:
            if told.backup is not None:
                return told.backup
        if name:
            place = state_directory(self._environ) / "configurations" / f"{name}.json"
            seen = await last_seen(Path(place))
            if seen.backup is not None:
                self._remark(f"the backup block is from {seen.source}")
                return seen.backup
        self._remark(
            "no backup configuration was found: without it, /cpaas/backup and /cpaas are looked "
            "through on every node, and no S3"
        )
        return None

    def _in_order(self) -> tuple[FoundNode, ...]:
        return tuple(sorted(self._found.values(), key=lambda each: _rank(each.node)))

    def _note(self, found: FoundNode) -> None:
        self._found[found.node.name] = found
        self._tell(found)

    def _remark(self, text: str) -> None:
        plain = one_line(text)
        if plain not in self._remarks:
            self._remarks.append(plain)


async def _survey(node: Node) -> NodeSurvey:
    from recovery.ssh.session import NodeSession

    session = NodeSession(node)
    try:
        return await survey_node(session)
    finally:
        await session.close()


def _own_name(survey: NodeSurvey) -> str:
    named = survey.manifest.member_name if survey.manifest else survey.hostname.lower()
    if wording.node_name(named) is None:
        return named
    raise RescueError(
        f"the node calls itself {one_line(named, 80)!r}, which no Kubernetes node can be called",
        where=survey.node.name,
        remedy="write the inventory by hand; the README shows the least that it needs",
    )


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def _rank(node: Node) -> tuple[bool, list[tuple[int, str]]]:
    """Control plane first, then by name, numbers in names as numbers."""

    parts = re.split(r"(\d+)", node.name)
    return node.role is Role.WORKER, [(int(p) if p.isdigit() else 0, p) for p in parts]
