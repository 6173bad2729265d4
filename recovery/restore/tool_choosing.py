"""Which restore program each node takes: its own, or one carried from another node. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from recovery.cluster.etcd_tools import choose_tool
from recovery.cluster.facts import EtcdTool, NodeFacts, Version
from recovery.errors import RefusedError
from recovery.restore.ground import ToolChoice


def choose_tools(
    nodes: Sequence[NodeFacts], everywhere: Sequence[NodeFacts]
) -> dict[str, ToolChoice]:
    """A program for each of `nodes`: its own, or one of any node's.

    Raises RefusedError where there is none that fits.
    """
    version = _server_version(everywhere)
    own = {node.node.name: choose_tool(version, node.tools) for node in everywhere}
    choices: dict[str, ToolChoice] = {}
    for node in nodes:
        tool = own[node.node.name]
        choices[node.node.name] = (
            ToolChoice(tool) if tool is not None else _carried(node, everywhere, own, version)
        )
    return choices


def _carried(
    node: NodeFacts,
    nodes: Sequence[NodeFacts],
    own: dict[str, EtcdTool | None],
    version: Version | None,
) -> ToolChoice:
    for other in nodes:
        tool = own[other.node.name]
        if tool is not None and other.architecture == node.architecture:
            return ToolChoice(tool, carried_from=other.node.name)
    wanted = f"etcd {version.major}.{version.minor}" if version else "this etcd"
    raise RefusedError(
        f"no etcdutl or etcdctl that fits {wanted} was found on any node",
        where=node.node.name,
        remedy=f"put etcdutl of {wanted} on the PATH of one node, for example in /usr/local/bin",
    )


def _server_version(nodes: Sequence[NodeFacts]) -> Version | None:
    versions = [n.manifest.version for n in nodes if n.manifest and n.manifest.version]
    return max(versions, default=None)
