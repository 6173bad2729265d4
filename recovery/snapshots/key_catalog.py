"""Every live key of a snapshot in memory: a million of them are narrowed and searched at once."""

from __future__ import annotations

import asyncio
import sys
import tempfile
from array import array
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from time import monotonic

from recovery.errors import RescueError
from recovery.snapshots.live_keys import list_live_keys
from recovery.snapshots.reader.kubernetes import resource_of
from recovery.snapshots.reader.shown import shown
from recovery.snapshots.reading_process import Progress

_TURN = 0.005
"""Seconds of searching between two turns of everybody else."""
_STEP = 2000
"""Keys searched at once; less than a millisecond, or two where each of them is found."""
_TAKEN = 10_000
"""Keys taken in at once, in a thread; about ten milliseconds."""

Count = tuple[str, int]
"""A resource's or a namespace's name, and how many keys it has."""


@dataclass(frozen=True, slots=True)
class KeysWanted:
    """Which keys are wanted; None and the empty text want all."""

    resource: str | None = None
    """Empty: what is not Kubernetes'."""
    namespace: str | None = None
    """Empty: what lies in none."""
    text: str = ""
    """A part of the key, or of the resource's name. The case of a to z does not matter."""


@dataclass(frozen=True, slots=True)
class StoredKey:
    """One live key."""

    raw: bytes
    resource: str
    """Empty for a key that is not Kubernetes'."""
    namespace: str
    """Empty for what lies in none."""
    revision: int
    """Of its last change."""

    @property
    def text(self) -> str:
        """All of it; bytes that a terminal would not bear are written `\\xNN`."""
        text = self.raw.decode("utf-8", "backslashreplace")
        return text if text.isprintable() else shown(self.raw, len(self.raw))

    @property
    def name(self) -> str:
        """The object's own name; of a key that is not Kubernetes', all of it."""
        name = self.raw.rpartition(b"/")[2] if self.resource else b""
        return shown(name, len(name)) if name else self.text


class SnapshotKeys:
    """All live keys in the order of their bytes.

    Takes the bytes of the keys and some sixteen more for each. Neighbours of the same resource and
    namespace, a *run*, share their names.
    """

    def __init__(self, revision: int) -> None:
        self.revision = revision
        """Of the snapshot."""
        self._bytes = bytearray()
        self._begins = array("Q", [0])
        """Where each key begins among the bytes; at last, where a next one would."""
        self._revisions = array("Q")
        self._runs: list[tuple[str, str]] = []
        self._run_begins: list[int] = []
        self._group: bytes | None = None

    def __len__(self) -> int:
        return len(self._revisions)

    def key(self, place: int) -> StoredKey:
        """The key at this place, from 0 on."""
        raw = bytes(self._bytes[self._begins[place] : self._begins[place + 1]])
        names = self._runs[bisect_right(self._run_begins, place) - 1]
        return StoredKey(raw, *names, self._revisions[place])

    def take(self, keys: Iterable[tuple[bytes, int]]) -> int:
        """Add keys, with their revisions, that come after those that are here; returns how many."""
        before = len(self)
        for raw, revision in keys:
            group = raw.rpartition(b"/")[0]
            if group != self._group:
                self._begin(group)
            self._bytes += raw
            self._begins.append(len(self._bytes))
            self._revisions.append(revision)
        return len(self) - before

    def _begin(self, group: bytes) -> None:
        self._group = group
        resource, namespace = resource_of(group) or ("", "")
        names = sys.intern(resource), sys.intern(namespace)
        if not self._runs or self._runs[-1] != names:
            self._runs.append(names)
            self._run_begins.append(len(self))

    async def find(self, wanted: KeysWanted) -> Sequence[int]:
        """The places of the wanted keys, in order. Others get their turn; it can be cancelled."""
        if wanted == KeysWanted():
            return range(len(self))
        places = array("Q")
        turn = monotonic() + _TURN
        for part in self._found(wanted):
            places.extend(part)
            if monotonic() > turn:
                await asyncio.sleep(0)
                turn = monotonic() + _TURN
        return places

    def _found(self, wanted: KeysWanted) -> Iterator[Iterable[int]]:
        """Few places at a time, and sometimes none, so that there can be a pause in between."""
        needle = wanted.text.encode("utf-8", "backslashreplace").lower()
        folded = wanted.text.casefold()
        for resource, namespace, start, stop in self._spans():
            if wanted.resource not in (None, resource) or wanted.namespace not in (None, namespace):
                yield ()
                continue
            every = folded in resource.casefold()
            for begin in range(start, stop, _STEP):
                end = min(begin + _STEP, stop)
                yield range(begin, end) if every else self._holding(needle, begin, end)

    def _spans(self) -> Iterator[tuple[str, str, int, int]]:
        for number, (resource, namespace) in enumerate(self._runs):
            last = number + 1 == len(self._runs)
            stop = len(self) if last else self._run_begins[number + 1]
            yield resource, namespace, self._run_begins[number], stop

    def _holding(self, needle: bytes, place: int, end: int) -> list[int]:
        """The places from `place` to `end` whose keys hold the needle."""
        begins, base = self._begins, self._begins[place]
        text = self._bytes[base : begins[end]].lower()
        found = []
        at = text.find(needle)
        while at >= 0:
            place = bisect_right(begins, base + at, place, end) - 1
            behind = begins[place + 1] - base
            if at + len(needle) <= behind:
                found.append(place)
                at = text.find(needle, behind)
                place += 1
            else:
                at = text.find(needle, at + 1)
        return found

    async def resources(self, places: Sequence[int]) -> list[Count]:
        """How many of these keys each resource has, those with the most first."""
        return await asyncio.to_thread(self._counted, places, 0)

    async def namespaces(self, places: Sequence[int]) -> list[Count]:
        """How many of these keys each namespace has, those with the most first."""
        return await asyncio.to_thread(self._counted, places, 1)

    def _counted(self, places: Sequence[int], which: int) -> list[Count]:
        counter: Counter[str] = Counter()
        behind = 0
        for *names, _, stop in self._spans():
            before, behind = behind, bisect_left(places, stop, behind)
            if behind > before:
                counter[str(names[which])] += behind - before
        return sorted(counter.items(), key=lambda each: (-each[1], each[0]))


async def read_keys(
    database: Path, progress: Progress | None = None, directory: Path | None = None
) -> SnapshotKeys:
    """Every live key of a verified database; no value is looked at.

    `progress` hears bytes. A listing lies in a private directory under `directory` (the system's
    own for temporary files where none is given) meanwhile. Cancelling ends it. Raises
    SnapshotError where the database cannot be read or is damaged, RescueError where there is
    nowhere to write.
    """
    try:
        private = tempfile.TemporaryDirectory(prefix="etcd-rescue-", dir=directory)
    except OSError as error:
        raise RescueError(
            f"no temporary directory can be made: {error.strerror}",
            where=str(directory or tempfile.gettempdir()),
            remedy="set TMPDIR to a directory that you can write to",
        ) from error
    with private as path:
        live = await list_live_keys(database, Path(path) / "keys", progress)
        keys = SnapshotKeys(live.revision)
        listed = live.keys()
        while await asyncio.to_thread(keys.take, islice(listed, _TAKEN)):
            pass
        return keys
