"""Verify a database file: the reader runs in a process of its own, so that nobody waits for it."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import TypedDict, cast

from recovery.backups.model import Integrity
from recovery.errors import SnapshotError, UnreadError
from recovery.snapshots.model import (
    CountedName,
    EncryptionKey,
    SnapshotContents,
    SnapshotMember,
    Verdict,
)
from recovery.snapshots.reading_process import Progress, read_document
from recovery.snapshots.sniffing import HEAD_SIZE, Shape, describe, shape_of

_ROOT = Path(__file__).parents[2]
_START = (
    "import sys; sys.path.append(sys.argv.pop(1)); "
    "from recovery.snapshots.reader import program; program.run()"
)


def reader_command() -> tuple[str, ...]:
    """The command that starts the reader on this machine; its arguments follow.

    Imported rather than run as a script, because only then Python keeps it compiled.
    """
    return (sys.executable, "-I", "-S", "-c", _START, str(_ROOT))


async def verify_database(path: Path, progress: Progress | None = None) -> Verdict:
    """Read an unpacked database: is it whole, and what is in it?

    A file that is damaged, cut short or no database gives a verdict CORRUPT with the reason; so
    does an empty one. Cancelling ends the reading process. Raises UnreadError where nothing can
    be said: the file cannot be opened, or the reading process died.
    """
    command = [*reader_command(), "--progress", str(path)]
    try:
        document = await read_document(command, path, progress)
    except SnapshotError as error:
        # For whatever is wrong with the file there is a verdict: this is the machine's trouble.
        raise UnreadError(
            error.what,
            where=error.where,
            remedy="see this machine's memory and disk, then verify it again",
            detail=error.detail,
        ) from error
    answer = cast(AnswerJson, document)
    reason = await asyncio.to_thread(_reason, path, answer)
    return verdict_from(answer, reason)


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
    nodes: list[str]
    authorities: list[str]
    encryption: list[_EncryptionJson]


class AnswerJson(TypedDict, total=False):
    """The reader's document. It comes from our own program, on this machine or on a node."""

    integrity: str
    damage: str | None
    reason: str | None
    size: int
    sha256: str
    databaseSize: int
    remarks: list[str]
    contents: ContentsJson | None
    unpackedFrom: list[str]


def reason_in_words(answer: AnswerJson) -> str | None:
    """Why the file is corrupt, in words that begin with where; None where it is not."""
    reason, damage = answer["reason"], answer["damage"]
    if reason is None or damage in ("short", "format"):
        return reason
    return f"{damage}: {reason}"


def _reason(path: Path, answer: AnswerJson) -> str | None:
    """The same, and what the file seems to be where it is no database."""
    reason = reason_in_words(answer)
    if reason is None or answer["damage"] != "format" or not answer["size"]:
        return reason
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
        revision=None if contents is None else contents["revision"],
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
        nodes=tuple(contents["nodes"]),
        authorities=tuple(contents["authorities"]),
        encryption=tuple(
            EncryptionKey(each["provider"], each["key"], each["count"])
            for each in contents["encryption"]
        ),
        remarks=tuple(answer["remarks"]),
    )


def _counted(names: list[_CountedJson]) -> tuple[CountedName, ...]:
    return tuple(CountedName(each["name"], each["count"], each["bytes"]) for each in names)
