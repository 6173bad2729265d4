"""The records of backups that this program took itself, in the platform's form.

Where the platform's resource is absent nothing keeps `status.records`. So the same entries are
kept in a small file beside the backups on every node, and in the state directory of this machine:
each alone tells the whole story, and neither needs the cluster.
"""

from __future__ import annotations

import asyncio
import json
import posixpath
from collections.abc import Iterable, Mapping
from datetime import datetime
from itertools import zip_longest
from pathlib import Path

from recovery.backups.disk import whole_file
from recovery.backups.model import Record
from recovery.backups.records import parse_records, parse_time, write_time
from recovery.errors import NodeError, RescueError
from recovery.places import make_private
from recovery.ssh.fleet import Fleet
from recovery.ssh.session import NodeSession

FILE_NAME = "etcd-rescue-records.json"
"""The file in a backup directory."""

CLUSTER = "cluster"
"""The field of a record that names its cluster."""

SUCCESS = "Success"
"""The platform's word for a backup that went well."""

MOST = 500
"""Records kept; the oldest go first."""

_LIMIT = 4 << 20
_SECONDS = 20.0

Entry = dict[str, object]
"""A record as it is written: `backupTimestamp`, `fileName`, `result`, and what else is known."""


class OwnRecords:
    """The records of one cluster. `here`: the file of this machine; `directories`: node → path.

    A directory may be shared with another cluster: its records are left alone, and never read as
    this one's. A record without a cluster's name is of an earlier program, and taken for its own.
    """

    def __init__(
        self, fleet: Fleet, directories: Mapping[str, str], here: Path, cluster: str
    ) -> None:
        self._cluster = cluster
        self._fleet = fleet
        self._directories = dict(directories)
        self._here = here

    async def read(self) -> tuple[Record, ...]:
        """What is known here and on the nodes that answer; nodes that do not hide nothing."""
        there = await self._fleet.each(self._directories, self._read_node)
        entries = [await self._read_here()]
        entries += [each for each in there.values() if not isinstance(each, NodeError)]
        return parse_records(_merged(map(self._own, entries)))

    async def read_here(self) -> tuple[Record, ...]:
        """What this machine knows by itself; asks nobody."""
        return parse_records(await self._read_here())

    async def add(self, entry: Entry, nodes: Iterable[str] | None = None) -> tuple[str, ...]:
        """Write one record here and on the nodes (all, unless named); returns what went wrong.

        A backup is as good without its record, so nothing is raised.
        """
        known = _merged([await self._read_here(), [entry]])
        return await self._write([{**each, CLUSTER: self._cluster} for each in known], (), nodes)

    async def forget(self, names: Iterable[str]) -> tuple[str, ...]:
        """Drop the records of backups that are gone because their time was over."""
        gone = tuple(names)
        return await self._write(_without(await self._read_here(), gone), gone, None)

    async def _write(
        self, here: list[Entry], gone: tuple[str, ...], nodes: Iterable[str] | None
    ) -> tuple[str, ...]:
        notes = []
        try:
            await asyncio.to_thread(self._write_here, here)
        except (OSError, RescueError) as error:
            notes.append(f"the record could not be written to {self._here}: {error}")
        wanted = [each for each in self._directories if nodes is None or each in set(nodes)]
        for node in wanted:
            # One after another: several nodes may share one directory, and so this one file.
            try:
                await self._write_node(self._fleet.session(node), here, gone)
            except NodeError as error:
                notes.append(f"the record could not be written to {node}: {error.what}")
        return tuple(notes)

    def _is_own(self, entry: Entry) -> bool:
        return entry.get(CLUSTER, self._cluster) == self._cluster

    def _own(self, entries: Iterable[Entry]) -> list[Entry]:
        return [each for each in entries if self._is_own(each)]

    def _path_on(self, session: NodeSession) -> str:
        return posixpath.join(self._directories[session.node.name], FILE_NAME)

    async def _read_node(self, session: NodeSession) -> list[Entry]:
        path = self._path_on(session)
        return _parsed(await session.read_file(path, limit=_LIMIT, timeout=_SECONDS))

    async def _write_node(
        self, session: NodeSession, entries: list[Entry], gone: tuple[str, ...]
    ) -> None:
        try:
            known = await self._read_node(session)
        except NodeError:
            known = []
        others = [each for each in known if not self._is_own(each)]
        own = _without(_merged([self._own(known), entries]), gone)
        content = _document([*others[-MOST:], *own])
        await session.write_file(self._path_on(session), content, timeout=_SECONDS)

    async def _read_here(self) -> list[Entry]:
        try:
            return _parsed(await asyncio.to_thread(self._here.read_bytes))
        except OSError:
            return []

    def _write_here(self, entries: list[Entry]) -> None:
        make_private(self._here.parent)
        with whole_file(self._here) as file:
            file.write(_document(entries))


def entry_of(file_name: str, at: datetime, result: str, **more: object) -> Entry:
    """A record as it is written."""
    return {"backupTimestamp": write_time(at), "fileName": file_name, "result": result, **more}


def _parsed(content: bytes) -> list[Entry]:
    """The entries of a file; what is no such file has none."""
    try:
        document = json.loads(content)
    except (ValueError, RecursionError):
        return []
    records = document.get("records") if isinstance(document, dict) else None
    if not isinstance(records, list):
        return []
    return [
        each for each in records if isinstance(each, dict) and isinstance(each.get("fileName"), str)
    ]


def _document(entries: list[Entry]) -> bytes:
    return (json.dumps({"records": entries}, indent=1) + "\n").encode()


def _merged(known: Iterable[Iterable[Entry]]) -> list[Entry]:
    """One entry a file, oldest first. Of failures in a row only the last one stays.

    A cluster that is down for a day, with a try an hour, has failed once, not a day's worth of
    times.
    """
    by_name: dict[str, Entry] = {}
    for entries in known:
        for entry in entries:
            name = str(entry["fileName"])
            if name not in by_name or _at(entry) >= _at(by_name[name]):
                by_name[name] = entry
    ordered = sorted(by_name.values(), key=lambda entry: (_at(entry), str(entry["fileName"])))
    kept = [
        entry
        for entry, following in zip_longest(ordered, ordered[1:])
        if _succeeded(entry) or following is None or _succeeded(following)
    ]
    return kept[-MOST:]


def _without(entries: Iterable[Entry], names: Iterable[str]) -> list[Entry]:
    gone = set(names)
    return [entry for entry in entries if entry["fileName"] not in gone]


def _at(entry: Entry) -> float:
    at = parse_time(entry.get("backupTimestamp"))
    return at.timestamp() if at is not None else 0.0


def _succeeded(entry: Entry) -> bool:
    return entry.get("result") == SUCCESS
