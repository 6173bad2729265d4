"""Verify a database file: the reader runs in a process of its own, so that nobody waits for it."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Callable
from pathlib import Path
from typing import TypedDict, cast

from recovery.backups.model import Integrity
from recovery.errors import SnapshotError
from recovery.snapshots.model import (
    CountedName,
    EncryptionKey,
    SnapshotContents,
    SnapshotMember,
    Verdict,
)
from recovery.snapshots.sniffing import HEAD_SIZE, Shape, describe, shape_of

Progress = Callable[[int, int], None]
"""Called with bytes read and bytes in all."""

READER = Path(__file__).with_name("reader.py")
"""The reader as a program: one file, standard library only."""

_START = (
    "import sys; sys.path.append(sys.argv.pop(1)); "
    "import reader; sys.exit(reader.main(sys.argv[1:]))"
)
_SILENCE = 300.0
"""Seconds without any sign of progress after which the reader is given up."""
_TOLD = 4000


def reader_command() -> tuple[str, ...]:
    """The command that starts the reader on this machine; its arguments follow.

    Imported rather than run as a script, because only then Python keeps it compiled.
    """
    return (sys.executable, "-I", "-S", "-c", _START, str(READER.parent))


async def verify_database(path: Path, progress: Progress | None = None) -> Verdict:
    """Read an unpacked database: is it whole, and what is in it?

    A file that is damaged, cut short or no database gives a verdict CORRUPT with the reason; so
    does an empty one. Cancelling ends the reading process. Raises SnapshotError where nothing can
    be said: the file cannot be opened, or the reading process died.
    """
    process = await asyncio.create_subprocess_exec(
        *reader_command(), "--progress", str(path), stdout=PIPE, stderr=PIPE
    )
    try:
        document, told = await _conversation(process, progress)
        status = await process.wait()
    except TimeoutError as error:
        raise SnapshotError(
            f"reading it made no progress for {_SILENCE:.0f} seconds",
            where=str(path),
            remedy="look at the disk that it lies on",
        ) from error
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    answer = _answer(path, document, status, told)
    reason = await asyncio.to_thread(_reason, path, answer)
    return verdict_from(answer, reason)


async def _conversation(process: Process, progress: Progress | None) -> tuple[bytes, str]:
    """What the reader printed, and what it said on stderr beside its progress."""
    assert process.stdout is not None
    assert process.stderr is not None
    document = asyncio.ensure_future(process.stdout.read())
    told = ""
    try:
        while True:
            async with asyncio.timeout(_SILENCE):
                line = await process.stderr.readline()
            if not line:
                break
            done, _, total = line.strip().partition(b" ")
            if not (done.isdigit() and total.isdigit()):
                told = (told + line.decode("utf-8", "backslashreplace"))[-_TOLD:]
            elif progress is not None:
                progress(int(done), int(total))
        async with asyncio.timeout(_SILENCE):
            return await document, told
    finally:
        document.cancel()


class _MemberJson(TypedDict):
    id: int
    name: str
    peerURLs: list[str]
    learner: bool


class _AlarmJson(TypedDict):
    member: int
    alarm: str


class _CountedJson(TypedDict):
    name: str
    count: int
    bytes: int


class _EncryptionJson(TypedDict):
    provider: str
    key: str
    count: int


class ContentsJson(TypedDict):
    """The reader's `contents`."""

    revision: int
    keys: int
    liveKeys: int
    clusterVersion: str
    members: list[_MemberJson]
    alarms: list[_AlarmJson]
    resources: list[_CountedJson]
    namespaces: list[_CountedJson]
    otherKeys: int
    compactedRevision: int
    consistentIndex: int
    term: int
    leases: int
    authEnabled: bool
    encryption: list[_EncryptionJson]


class AnswerJson(TypedDict, total=False):
    """The reader's document. It comes from our own program, on this machine or on a node."""

    error: str
    integrity: str
    damage: str | None
    reason: str | None
    size: int
    sha256: str
    databaseSize: int
    remarks: list[str]
    contents: ContentsJson | None


def _answer(path: Path, document: bytes, status: int, told: str) -> AnswerJson:
    """The reader's document; SnapshotError where it has none."""
    if status < 0:
        name = signal.Signals(-status).name
        why = (
            "the file became shorter meanwhile, or the disk cannot be read"
            if -status == signal.SIGBUS
            else "it may have run out of memory"
        )
        raise SnapshotError(f"reading it was ended by {name}: {why}", where=str(path), detail=told)
    try:
        answer = cast(AnswerJson, json.loads(document))
    except ValueError as error:
        memory = "MemoryError" in told
        raise SnapshotError(
            "there is not enough memory to read it" if memory else "it could not be read",
            where=str(path),
            detail=told,
        ) from error
    if "error" in answer:
        raise SnapshotError(f"it cannot be read: {answer['error']}", where=str(path))
    return answer


def _reason(path: Path, answer: AnswerJson) -> str | None:
    """Why the file is corrupt, in words that begin with where."""
    reason, damage = answer["reason"], answer["damage"]
    if reason is None or damage == "short":
        return reason
    if damage != "format" or not answer["size"]:
        return reason if damage == "format" else f"{damage}: {reason}"
    with path.open("rb") as file:
        head = file.read(HEAD_SIZE)
    shape = shape_of(head)
    if shape is Shape.DATABASE:
        return f"structure: {reason}"
    kind = describe(head) if shape is Shape.OTHER else f"still packed ({shape.value})"
    return f"no etcd database: it is {kind}"


def verdict_from(answer: AnswerJson, reason: str | None) -> Verdict:
    """The reader's document as a verdict."""
    contents = answer["contents"]
    return Verdict(
        integrity=Integrity(answer["integrity"]),
        reason=reason,
        contents=None if contents is None else _contents(answer, contents),
        sha256=answer["sha256"],
        size=answer["size"],
    )


def _contents(answer: AnswerJson, contents: ContentsJson) -> SnapshotContents:
    return SnapshotContents(
        revision=contents["revision"],
        keys=contents["keys"],
        live_keys=contents["liveKeys"],
        database_size=answer["databaseSize"],
        cluster_version=contents["clusterVersion"],
        members=tuple(
            SnapshotMember(member["id"], member["name"], tuple(member["peerURLs"]))
            for member in contents["members"]
        ),
        alarms=tuple(sorted({alarm["alarm"] for alarm in contents["alarms"]})),
        resources=_counted(contents["resources"]),
        namespaces=_counted(contents["namespaces"]),
        other_keys=contents["otherKeys"],
        compacted_revision=contents["compactedRevision"],
        consistent_index=contents["consistentIndex"],
        term=contents["term"],
        leases=contents["leases"],
        auth_enabled=contents["authEnabled"],
        encryption=tuple(
            EncryptionKey(each["provider"], each["key"], each["count"])
            for each in contents["encryption"]
        ),
        remarks=tuple(answer["remarks"]),
    )


def _counted(names: list[_CountedJson]) -> tuple[CountedName, ...]:
    return tuple(CountedName(each["name"], each["count"], each["bytes"]) for each in names)
