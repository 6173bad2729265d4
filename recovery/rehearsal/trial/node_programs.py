"""etcd's programs on the nodes: found on the PATH and in the image layers, and fetched."""

from __future__ import annotations

import asyncio
import os
import posixpath
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from recovery.cluster.etcd_tools import choose_tool, read_tools
from recovery.cluster.facts import EtcdTool, Version
from recovery.cluster.program_search import SEARCH_SECONDS, search_script
from recovery.cluster.sections import fresh_marker, read_sections
from recovery.errors import NodeError, RehearsalError
from recovery.rehearsal.trial.kept_programs import arriving, keep
from recovery.rehearsal.trial.programs import (
    Told,
    TrialPrograms,
    distance,
    fits,
    in_directory,
)

if TYPE_CHECKING:
    from recovery.ssh.session import NodeSession

_PROGRAMS = ("etcd", "etcdutl", "etcdctl")
_VERSION = re.compile(r"^etcd Version:\s*v?(\d+)\.(\d+)\.(\d+)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class NodePrograms:
    """A server program on a node, and a program of the same minor version that restores."""

    node: str
    etcd: str
    version: Version
    restorer: EtcdTool


async def fetch_from_nodes(
    needed: Version | None,
    cache: Path,
    sessions: Sequence[NodeSession],
    trouble: list[str],
    told: Told | None = None,
) -> TrialPrograms | None:
    """Look on all nodes at once, and fetch the programs that fit best into the cache.

    None where no node has any; `trouble` then tells why, node by node. Raises TransferError or
    DiskError where fetching fails, RehearsalError where what came does not run here.
    """
    if told is not None:
        told("looking on the nodes", 0, 0)
    looking = (_look(session, needed, trouble) for session in sessions)
    found = [one for group in await asyncio.gather(*looking) for one in group]
    if not found:
        return None
    chosen = min(found, key=lambda one: (distance(needed, one.version), one.node))
    session = next(one for one in sessions if one.node.name == chosen.node)
    return await _fetch(session, chosen, cache, told)


async def _look(
    session: NodeSession, needed: Version | None, trouble: list[str]
) -> list[NodePrograms]:
    marker = fresh_marker()
    name = session.node.name
    try:
        text = search_script(_PROGRAMS, session.node.paths.containerd, marker)
        answer = await session.check(text, timeout=SEARCH_SECONDS)
    except NodeError as error:
        trouble.append(f"{name}: {error.what}")
        return []
    machine = _machine(answer, marker)
    if machine != os.uname().machine:
        trouble.append(f"{name}: its programs are for {machine}, this is {os.uname().machine}")
        return []
    found = list(_pairs(name, answer, marker))
    fitting = [one for one in found if fits(needed, one.version)]
    if not fitting:
        versions = ", ".join(str(one.version) for one in found)
        trouble.append(f"{name}: has etcd {versions}" if found else f"{name}: has no etcd")
    return fitting


def _machine(answer: str, marker: str) -> str:
    texts = [one.text.strip() for one in read_sections(answer, marker) if one.name == "machine"]
    return texts[0] if texts else "an unknown machine"


def _pairs(node: str, answer: str, marker: str) -> Iterator[NodePrograms]:
    tools = read_tools(answer, marker)
    for section in read_sections(answer, marker):
        first, _, said = section.text.partition("\n")
        told = _VERSION.search(said)
        if section.name != "server" or not first.startswith("path=/") or told is None:
            continue
        version = Version(*(int(part) for part in told.groups()))
        restorer = choose_tool(version, tools)
        if restorer is not None and restorer.version.minor == version.minor:
            yield NodePrograms(node, first.removeprefix("path="), version, restorer)


async def _fetch(
    session: NodeSession, chosen: NodePrograms, cache: Path, told: Told | None
) -> TrialPrograms:
    origin = f"{chosen.node}:{posixpath.dirname(chosen.etcd)}"
    with arriving(cache) as directory:
        for path, name in (
            (chosen.etcd, "etcd"),
            (chosen.restorer.path, chosen.restorer.kind.value),
        ):

            def moved(done: int, total: int, path: str = path) -> None:
                if told is not None:
                    told(f"fetching {chosen.node}:{path}", done, total)

            await session.fetch(path, directory / name, progress=moved)
        kept = await asyncio.to_thread(keep, directory, origin)
    programs = await asyncio.to_thread(in_directory, kept.directory, origin)
    if programs is None:
        raise RehearsalError(
            f"the etcd {chosen.version} that was fetched does not run on this machine",
            where=origin,
            remedy="in a checkout: pip install '.[demo]'; or name a directory with --etcd-dir",
        )
    return programs
