"""The programs that can restore a snapshot: found on a node, asked what they can do, chosen."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from recovery.cluster.facts import EtcdTool, ToolKind, Version
from recovery.cluster.sections import SECTION_SH, fresh_marker, read_sections
from recovery.ssh.script import script

if TYPE_CHECKING:
    from recovery.ssh.session import NodeSession

FIND_SECONDS = 40
"""How long a node may look through its images; a full disk of layers takes a while."""

_ASK_SECONDS = 10
_MOST = 12
"""Different programs asked on one node; a node that went through many upgrades has a few."""

_FIND = rf"""
{SECTION_SH}
SEEN=' '
COUNT=0

# Asks one program for its version and its flags; each different file only once.
ask() {{
  [ -f "$1" ] && [ -x "$1" ] || return 0
  SUM=$(sha256sum < "$1" | cut -d ' ' -f 1)
  case $SEEN in *" $SUM "*) return 0 ;; esac
  [ "$COUNT" -lt "$MOST" ] || return 0
  SEEN="$SEEN$SUM "
  COUNT=$((COUNT + 1))
  section tool
  printf 'path=%s\n' "$1"
  ETCDCTL_API=3 timeout "$ASK_SECONDS" "$1" version < /dev/null 2>&1 || true
  ETCDCTL_API=3 timeout "$ASK_SECONDS" "$1" snapshot restore --help < /dev/null 2>&1 || true
}}

for NAME in etcdutl etcdctl; do
  FOUND=$(command -v "$NAME" || true)
  [ -z "$FOUND" ] || ask "$FOUND"
done
if [ -d "$CONTAINERD" ]; then
  # etcd runs in a container: the host often has its programs only inside the image's layers.
  LIST=$(timeout "$FIND_SECONDS" find "$CONTAINERD" \
    -type f \( -name etcdctl -o -name etcdutl \) -perm -100 2> /dev/null || true)
  IFS='
'
  set -f
  for FOUND in $LIST; do
    ask "$FOUND"
  done
fi
section end
"""

_VERSION = re.compile(r"^etcd(?:ctl|utl) version:\s*v?(\d+)\.(\d+)\.(\d+)", re.MULTILINE)


async def find_tools(session: NodeSession) -> tuple[EtcdTool, ...]:
    """The restore programs on the node's PATH and in its image layers, each different one once.

    Raises NodeError where the node cannot be asked.
    """
    marker = fresh_marker()
    answer = await session.check(
        find_script(session.node.paths.containerd, marker), timeout=FIND_SECONDS + 60
    )
    return read_tools(answer, marker)


def find_script(containerd: str, marker: str) -> str:
    """The script that looks for the programs below `containerd` and on the PATH."""
    return script(
        _FIND,
        containerd=containerd,
        marker=marker,
        most=_MOST,
        ask_seconds=_ASK_SECONDS,
        find_seconds=FIND_SECONDS,
    )


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
