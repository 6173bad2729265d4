"""The programs that can restore a snapshot: found on a node, asked what they can do, chosen."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from recovery.cluster.facts import EtcdTool, ToolKind, Version
from recovery.cluster.program_search import SEARCH_SECONDS, search_script
from recovery.cluster.sections import fresh_marker, read_sections

if TYPE_CHECKING:
    from recovery.ssh.session import NodeSession

_TOOLS = ("etcdutl", "etcdctl")

_VERSION = re.compile(r"^etcd(?:ctl|utl) version:\s*v?(\d+)\.(\d+)\.(\d+)", re.MULTILINE)


async def find_tools(session: NodeSession) -> tuple[EtcdTool, ...]:
    """The restore programs on the node's PATH and in its image layers, each different one once.

    Raises NodeError where the node cannot be asked.
    """
    marker = fresh_marker()
    text = search_script(_TOOLS, session.node.paths.containerd, marker)
    answer = await session.check(text, timeout=SEARCH_SECONDS)
    return read_tools(answer, marker)


def read_tools(output: str, marker: str) -> tuple[EtcdTool, ...]:
    """What the script printed, as facts; a program that does not say its version is left out."""
    return tuple(_tools(output, marker))


def choose_tool(server_version: Version | None, tools: Sequence[EtcdTool]) -> EtcdTool | None:
    """The program to restore with, or None where none of these fits.

    Only programs that have `snapshot restore` count, of the server's major version, and never of
    an older minor version: an older program writes data that a newer server need not understand.
    The server's own minor version goes before newer ones. Within it, those that can raise
    revisions go first (clients that watched before then notice the restore), then etcdutl before
    etcdctl (which etcd 3.6 no longer lets restore), then the newest patch. Where the server's
    version is unknown, the newest program is taken, for the same reason.
    """
    fitting = [tool for tool in tools if tool.restores and _fits(server_version, tool.version)]
    return min(fitting, key=lambda tool: _rank(server_version, tool), default=None)


def _fits(server: Version | None, tool: Version) -> bool:
    return server is None or (tool.major == server.major and tool.minor >= server.minor)


def _rank(server: Version | None, tool: EtcdTool) -> tuple[int, bool, bool, int, str]:
    version = tool.version
    distance = version.minor - server.minor if server else -(version.major * 1000 + version.minor)
    return (
        distance,
        not tool.bumps_revision,
        tool.kind is not ToolKind.ETCDUTL,
        -version.patch,
        tool.path,
    )


def _tools(output: str, marker: str) -> Iterator[EtcdTool]:
    for section in read_sections(output, marker):
        first, _, answer = section.text.partition("\n")
        version = _VERSION.search(answer)
        if section.name != "tool" or not first.startswith("path=/") or version is None:
            continue
        path = first.removeprefix("path=")
        major, minor, patch = (int(part) for part in version.groups())
        flags = set(_flags(answer.splitlines()))
        yield EtcdTool(
            kind=ToolKind.ETCDUTL if posixpath.basename(path) == "etcdutl" else ToolKind.ETCDCTL,
            path=path,
            version=Version(major, minor, patch),
            restores="--initial-cluster-token" in flags and "--data-dir" in flags,
            bumps_revision={"--bump-revision", "--mark-compacted"} <= flags,
        )


def _flags(lines: Iterable[str]) -> Iterator[str]:
    for line in lines:
        found = re.match(r"\s+(?:-\w, )?(--[a-z][a-z-]*)", line)
        if found:
            yield found.group(1)
