"""Who the nodes of a cluster are, from its backups: for when neither the API nor etcd answers."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from recovery.backups.configuration import DEFAULT_DIRECTORIES, BackupSpec
from recovery.backups.model import Copy
from recovery.backups.node_store import NodeStore
from recovery.backups.outside_text import one_line
from recovery.cluster.kubernetes_objects import KubeNode
from recovery.cluster.stored_nodes import NODES, read_stored_node
from recovery.errors import NodeError, RescueError
from recovery.inventory.cluster_survey import STORED_CONFIGURATION, Told, backup_of
from recovery.snapshots.reader.bundle import values_file
from recovery.ssh.script import script

if TYPE_CHECKING:
    from recovery.ssh.session import NodeSession

_TRIED = 3
"""Of the newest backups; one may be damaged or packed."""

_SLOWEST = 8 << 20
"""Bytes a second."""

_READ = """
[ -f "$FILE" ] && [ -r "$FILE" ] || exit 45
command -v python3 > /dev/null || exit 46
# The program comes on stdin: nothing is installed, and nothing stays behind.
nice -n 10 python3 -I -S -B - "$FILE" "$NODES" "$CONFIGURATION"
"""


async def ask_backups(
    session: NodeSession, data_dir: str, directories: Sequence[str] = DEFAULT_DIRECTORIES
) -> Told:
    """The newest backup on the node that can be read there, or else its member's own data."""
    source = f"a backup on {session.node.name}"
    copies = await _newest(session, directories)
    places = [(copy.path, copy.size) for copy in copies[:_TRIED]]
    # etcd holds no lock on it any more, or the member would have answered.
    places.append((f"{data_dir}/member/snap/db", 1 << 30))
    trouble: list[str] = []
    for path, size in places:
        try:
            answer = await _values(session, path, size)
        except NodeError as error:
            return Told(source, trouble=(f"{session.node.name}: {error.what}",))
        if "error" not in answer:
            return _told(f"{path} on {session.node.name}", answer)
        trouble.append(f"{path} on {session.node.name}: {answer['error']}")
    return Told(source, trouble=tuple(trouble))


def ask_last_seen(remembered: Path) -> Told:
    """The backup configuration as this machine saw it last."""
    source = f"what was seen last ({remembered})"
    try:
        backup, trouble = backup_of(remembered.read_bytes())
    except OSError:
        return Told(source)
    return Told(source, backup=backup, trouble=trouble)


async def _newest(session: NodeSession, directories: Iterable[str]) -> list[Copy]:
    found: dict[str, Copy] = {}
    for directory in directories:
        try:
            listed = await NodeStore(session, directory, optional=True).list()
        except RescueError:
            # It is only a guess that backups lie there.
            continue
        found.update((copy.path, copy) for copy in listed)
    return sorted(found.values(), key=lambda copy: copy.modified_at, reverse=True)


async def _values(session: NodeSession, path: str, size: int) -> Mapping[str, object]:
    body = script(
        _READ, file=path, nodes=NODES.decode(), configuration=STORED_CONFIGURATION.decode()
    )
    result = await session.run(body, timeout=30 + size / _SLOWEST, stdin=values_file())
    if result.exit_status == 45:
        return {"error": "it is not there"}
    if result.exit_status == 46:
        return {"error": "the node has no python3 to read it with"}
    try:
        answer = json.loads(result.stdout)
    except (ValueError, RecursionError):
        return {"error": "it cannot be read there"}
    if not isinstance(answer, dict):
        return {"error": "it cannot be read there"}
    if "error" in answer:
        return {"error": one_line(answer["error"])}
    return answer


def _told(source: str, answer: Mapping[str, object]) -> Told:
    listed, values = answer.get("members"), answer.get("values")
    members = []
    for each in listed if isinstance(listed, list) else []:
        if not isinstance(each, dict):
            continue
        name, urls = each.get("name"), each.get("peerURLs")
        if isinstance(name, str) and name and isinstance(urls, list):
            members.append((name, str(urls[0]) if urls else ""))
    nodes: list[KubeNode] = []
    backup: BackupSpec | None = None
    trouble: tuple[str, ...] = ()
    for key, encoded in (values if isinstance(values, dict) else {}).items():
        value = base64.b64decode(str(encoded))
        if key == STORED_CONFIGURATION.decode():
            backup, trouble = backup_of(value)
        elif (node := read_stored_node(value)) is not None:
            nodes.append(node)
    return Told(source, tuple(members), tuple(nodes), backup, "", trouble)


async def last_seen(remembered: Path) -> Told:
    """`ask_last_seen`, beside the loop."""
    return await asyncio.to_thread(ask_last_seen, remembered)
