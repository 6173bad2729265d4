"""What earlier rehearsals have shown, kept on this machine by the sha256 of the database.

One file, `trials.jsonl` in the state directory, a line for each rehearsal that came to an end.
"""

from __future__ import annotations

import asyncio
import json
import os
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from recovery.errors import DiskError
from recovery.places import make_private
from recovery.rehearsal.trial.model import TrialReport


@dataclass(frozen=True, slots=True)
class KeptTrial:
    """The outcome of one rehearsal."""

    ended_at: datetime
    passed: bool
    serving_after: float
    """Seconds until every scratch member answered a read; 0 if never."""
    seconds: float
    """The whole rehearsal's."""
    etcd_version: str


class KeptTrials:
    """The rehearsals of one machine; `directory` is made when the first one is kept."""

    def __init__(self, directory: Path) -> None:
        self._file = directory / "trials.jsonl"
        self._known: dict[str, KeptTrial] = {}

    def of(self, sha256: str) -> KeptTrial | None:
        """The last one of the database with this hash, as far as they have been read.

        None for an empty hash, as a file has that nobody could hash.
        """
        return self._known.get(sha256) if sha256 else None

    async def read(self) -> None:
        """Read what was kept, by other processes too. What cannot be read is not known."""
        self._known.update(await asyncio.to_thread(self._read))

    async def keep(self, sha256: str, report: TrialReport, ended_at: datetime) -> None:
        """Keep it. A disk that takes nothing only means that it is forgotten with the session."""
        kept = KeptTrial(
            ended_at,
            report.passed,
            report.serving_after,
            report.seconds,
            str(report.etcd_version),
        )
        self._known[sha256] = kept
        await asyncio.to_thread(self._append, sha256, report.snapshot, kept)

    def _read(self) -> dict[str, KeptTrial]:
        try:
            lines = self._file.read_text(errors="replace").splitlines()
        except OSError:
            return {}
        found = {}
        for line in lines:
            # A line is torn where the machine went down, or the disk filled, in the middle of it.
            with suppress(ValueError, KeyError, TypeError):
                document = json.loads(line)
                found[str(document["sha256"])] = KeptTrial(
                    datetime.fromisoformat(document["endedAt"]).astimezone(UTC),
                    document["passed"] is True,
                    float(document["servingAfter"]),
                    float(document["seconds"]),
                    str(document["etcdVersion"]),
                )
        return found

    def _append(self, sha256: str, snapshot: str, kept: KeptTrial) -> None:
        document = {
            "sha256": sha256,
            "snapshot": snapshot,
            "endedAt": kept.ended_at.isoformat(),
            "passed": kept.passed,
            "servingAfter": round(kept.serving_after, 3),
            "seconds": round(kept.seconds, 3),
            "etcdVersion": kept.etcd_version,
        }
        # A line before it that was torn must not take this one with it.
        line = f"\n{json.dumps(document)}\n".encode()
        with suppress(OSError, DiskError):
            make_private(self._file.parent)
            handle = os.open(self._file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
            try:
                os.write(handle, line)
            finally:
                os.close(handle)
