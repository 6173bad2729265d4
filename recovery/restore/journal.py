"""The append-only record of a run: one JSON line for everything that starts and ends.

A line is on disk (fsync) before what it announces begins. A torn last line, left by a crash, is
tolerated when the journal is read. It holds no secrets.
"""

from __future__ import annotations

import enum
import json
import os
import re
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from recovery.errors import RescueError
from recovery.places import make_private

VERSION = 2
JOURNAL_NAME = "journal.jsonl"
NOTES_NAME = "notes.jsonl"
"""What people have added since, line by line like the journal, which earlier programs read too."""


class JournalEvent(enum.Enum):
    """What a line says."""

    RUN_STARTED = "run-started"
    RUN_RESUMED = "run-resumed"
    ROLLBACK_STARTED = "rollback-started"
    GATE_ASKED = "gate-asked"
    GATE_GRANTED = "gate-granted"
    GATE_REFUSED = "gate-refused"
    STEP_STARTED = "step-started"
    STEP_ENDED = "step-ended"
    ACTION_STARTED = "action-started"
    ACTION_ENDED = "action-ended"
    DECISION = "decision"
    RUN_ENDED = "run-ended"
    CLEANED = "cleaned"
    NOTE = "note"
    """What a person has added to the story."""


BEGINNINGS = (JournalEvent.RUN_STARTED, JournalEvent.RUN_RESUMED, JournalEvent.ROLLBACK_STARTED)
"""The lines with which a program takes a run up."""


_EVENT = re.compile(r"[a-z]+(-[a-z]+)*")
_KNOWN = frozenset(event.value for event in JournalEvent)


@dataclass(frozen=True, slots=True)
class JournalEntry:
    """One line. Fields that do not apply are None and are left out of the file."""

    event: JournalEvent
    at: str = ""
    """RFC 3339 UTC; filled in when written."""
    version: int = VERSION
    run_id: str | None = None
    cluster: str | None = None
    snapshot: str | None = None
    operator: str | None = None
    """user@host of whoever started the run."""
    pid: int | None = None
    machine: str | None = None
    boot: str | None = None
    process_started: str | None = None
    """With `pid` and the two above it: which process wrote this, see process_identity."""
    gate: str | None = None
    step: str | None = None
    action: str | None = None
    node: str | None = None
    attempt: int | None = None
    outcome: str | None = None
    exit_status: int | None = None
    message: str | None = None


class _UnknownError(Exception):
    """A whole line that a later program has written."""


class Journal:
    """An open journal. `append` returns only when the line is on disk."""

    def __init__(self, path: Path) -> None:
        self.path = path
        make_private(path.parent)
        try:
            self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
            self._drop_torn_line()
        except OSError as error:
            raise _unwritable(path, error) from error
        _sync_directory(path.parent)

    def append(self, entry: JournalEntry) -> None:
        """Write one line and fsync it; raises RescueError where the disk refuses."""
        fields = {k: v for k, v in asdict(entry).items() if v is not None}
        fields["event"] = entry.event.value
        fields["at"] = entry.at or datetime.now(UTC).isoformat(timespec="milliseconds")
        line = json.dumps(fields, ensure_ascii=True, separators=(", ", ": ")) + "\n"
        try:
            end = os.lseek(self._descriptor, 0, os.SEEK_END)
            try:
                self._write_whole(line.encode())
            except OSError:
                # A torn line must stay the last one, or nothing after it could be read.
                os.ftruncate(self._descriptor, end)
                raise
            os.fsync(self._descriptor)
        except OSError as error:
            raise _unwritable(self.path, error) from error

    def _write_whole(self, content: bytes) -> None:
        while content:
            content = content[os.write(self._descriptor, content) :]

    def _drop_torn_line(self) -> None:
        """A line that a crash has torn announced nothing: what it said was not yet begun."""
        size = os.lseek(self._descriptor, 0, os.SEEK_END)
        content = os.pread(self._descriptor, size, 0)
        whole = content.rfind(b"\n") + 1
        if whole == size:
            return
        try:
            json.loads(content[whole:])
        except ValueError:
            os.ftruncate(self._descriptor, whole)
        else:
            self._write_whole(b"\n")

    def close(self) -> None:
        """Close the file; appending afterwards is an error."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


def read_journal(path: Path) -> tuple[JournalEntry, ...]:
    """The entries of a journal; a torn last line is left out.

    Raises RescueError where a line in the middle is damaged or the version is newer than ours.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise RescueError(
            f"the journal cannot be read: {error.strerror}", where=str(path), remedy="see its mode"
        ) from error
    return parse_journal(content, str(path))


def parse_journal(content: bytes, where: str) -> tuple[JournalEntry, ...]:
    """The entries of a journal's text, as `read_journal` gives them."""
    lines = content.split(b"\n")
    entries = []
    last = len(lines) - 1
    for number, line in enumerate(lines):
        if not line:
            continue
        try:
            entries.append(_entry(json.loads(line)))
        except _UnknownError as error:
            raise RescueError(
                f"line {number + 1} of the journal is a newer program's: {error}",
                where=where,
                remedy="use the version of etcd-rescue that wrote it, or a later one",
            ) from error
        except (ValueError, KeyError, TypeError) as error:
            if number == last:
                break
            raise RescueError(
                f"line {number + 1} of the journal is damaged",
                where=where,
                remedy="keep the file and go on by hand with runbook.md beside it",
                detail=str(error),
            ) from error
    return tuple(entries)


def _entry(fields: dict[str, object]) -> JournalEntry:
    version = fields.get("version")
    if not isinstance(version, int):
        raise ValueError("it has no version")
    if version > VERSION:
        raise _UnknownError(f"version {version} is not known here")
    event = fields["event"]
    if event not in _KNOWN and isinstance(event, str) and _EVENT.fullmatch(event):
        raise _UnknownError(f"the event {event} is not known here")
    known = {name: fields[name] for name in JournalEntry.__slots__ if name in fields}
    known["event"] = JournalEvent(known["event"])
    return JournalEntry(**known)  # type: ignore[arg-type]


def _unwritable(path: Path, error: OSError) -> RescueError:
    return RescueError(
        f"the journal cannot be written: {error.strerror}",
        where=str(path),
        remedy="make room there, or set XDG_STATE_HOME to a disk that can be written; nothing more "
        "is done without a journal, and way-back.md beside it leads back",
    )


def _sync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
