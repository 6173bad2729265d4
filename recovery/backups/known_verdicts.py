"""What earlier readings have found out about copies, kept on this machine.

A verdict holds for a copy as long as its store calls it the same file: the same place, size and
times, the same inode or ETag. One JSON file a copy, in `verdicts/` of the cache directory.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import posixpath
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from recovery.backups.catalog import with_verdict
from recovery.backups.disk import whole_file
from recovery.backups.model import Catalog, Copy, Integrity
from recovery.backups.outside_text import is_plain_name
from recovery.errors import DiskError
from recovery.places import make_private
from recovery.snapshots.model import Verdict
from recovery.snapshots.reader.bundle import one_file
from recovery.snapshots.verdict_json import read_verdict, verdict_document

MOST = 2000
"""Verdicts kept; the ones used longest ago go first."""


@dataclass(frozen=True, slots=True)
class KnownVerdict:
    """A copy's verdict, and the wrappings around its database."""

    verdict: Verdict
    wrappings: tuple[str, ...] = ()


class KnownVerdicts:
    """The verdicts of one cache directory. `root` is made on first use."""

    def __init__(self, root: Path) -> None:
        self._directory = root / "verdicts"
        self._read: dict[Copy, KnownVerdict] = {}
        self._reader = ""

    def names(self, most: int = 100) -> list[str]:
        """The file names of the copies that were read last, for completing what is typed."""
        try:
            files = sorted(self._directory.glob("*.json"), key=_modified, reverse=True)
        except OSError:
            return []
        names: list[str] = []
        for file in files[:most]:
            with suppress(OSError, ValueError, AttributeError):
                names.append(str(json.loads(file.read_bytes()).get("name", "")))
        return [name for name in dict.fromkeys(names) if is_plain_name(name)]

    async def learn(self, copy: Copy, verdict: Verdict, wrappings: Iterable[str] = ()) -> None:
        """Keep it. A disk that takes nothing only means that it has to be found out again."""
        known = KnownVerdict(verdict, tuple(wrappings))
        if copy.identity:
            self._read[copy] = known
            await asyncio.to_thread(self._write, copy, known)

    async def of(self, copies: Iterable[Copy]) -> dict[Copy, KnownVerdict]:
        """What is known of these copies."""
        wanted = [copy for copy in copies if copy.identity]
        missing = [copy for copy in wanted if copy not in self._read]
        if missing:
            self._read.update(await asyncio.to_thread(self._load, missing))
        return {copy: self._read[copy] for copy in wanted if copy in self._read}

    async def applied_to(self, catalog: Catalog) -> Catalog:
        """The catalog with what was found out about copies that are still the same.

        A snapshot is called corrupt only where all of its copies are.
        """
        untold = [each for each in catalog.snapshots if each.integrity is Integrity.UNVERIFIED]
        known = await self.of(copy for snapshot in untold for copy in snapshot.copies)
        for snapshot in untold:
            verdicts = [known[copy].verdict for copy in snapshot.copies if copy in known]
            sound = [each for each in verdicts if each.integrity is not Integrity.CORRUPT]
            if sound or (verdicts and len(verdicts) == len(snapshot.copies)):
                catalog = with_verdict(catalog, snapshot.name, (sound or verdicts)[0])
        return catalog

    def _load(self, copies: list[Copy]) -> dict[Copy, KnownVerdict]:
        found = {}
        for copy in copies:
            with suppress(OSError, ValueError, KeyError, TypeError, AttributeError):
                document = json.loads(self._path(copy).read_bytes())
                wrappings = tuple(str(each) for each in document.pop("wrappings"))
                document.pop("name", None)
                found[copy] = KnownVerdict(read_verdict(document), wrappings)
        return found

    def _write(self, copy: Copy, known: KnownVerdict) -> None:
        document = {
            **verdict_document(known.verdict),
            "wrappings": known.wrappings,
            "name": posixpath.basename(copy.path),
        }
        with suppress(OSError, DiskError):
            make_private(self._directory)
            with whole_file(self._path(copy)) as file:
                file.write(json.dumps(document).encode())
            self._forget_the_oldest()

    def _path(self, copy: Copy) -> Path:
        if not self._reader:
            # Another reader may judge differently.
            self._reader = hashlib.sha256(one_file()).hexdigest()
        told_by = (
            self._reader,
            copy.location,
            copy.size,
            copy.modified_at.timestamp(),
            copy.identity,
        )
        return self._directory / f"{hashlib.sha256(json.dumps(told_by).encode()).hexdigest()}.json"

    def _forget_the_oldest(self) -> None:
        files = list(self._directory.glob("*.json"))
        if len(files) > MOST:
            files.sort(key=lambda path: path.stat().st_mtime)
            for path in files[: len(files) - MOST]:
                path.unlink(missing_ok=True)


def _modified(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0
