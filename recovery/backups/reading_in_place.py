"""Read a backup where it lies: nothing is moved, installed or left behind on the node.

The reader goes to the node's own python3 on stdin. Where there is none, sha256sum or openssl and
etcd's own program judge a bare database; whatever else lies there has to be fetched.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, cast

from recovery.backups.model import Integrity
from recovery.backups.outside_text import one_line
from recovery.backups.stores import BytesProgress, ReadInPlace
from recovery.snapshots.model import Verdict
from recovery.snapshots.reader.bundle import one_file
from recovery.snapshots.verify import AnswerJson, reason_in_words, verdict_from
from recovery.ssh.output import OutputStream
from recovery.ssh.script import script

if TYPE_CHECKING:
    from recovery.ssh.session import NodeSession

_NUMBERS = ("revision", "keys", "liveKeys", "compactedRevision", "leases", "otherKeys")

_SHA256 = re.compile(r"[0-9a-f]{64}")

_SLOWEST = 4 << 20
"""Bytes a second; a node that reads its own disk more slowly is given up."""

_WITH_PYTHON = """
[ -f "$FILE" ] && [ -r "$FILE" ] || exit 45
command -v python3 > /dev/null || exit 46
# The program comes on stdin: nothing is installed, and nothing stays behind.
nice -n 10 python3 -I -S -B - --progress "$FILE"
"""

_WITH_TOOLS = """
[ -f "$FILE" ] && [ -r "$FILE" ] || exit 45
SIZE=$(stat -L -c %s "$FILE")
# Only a bare database with a trailing hash can be judged so.
[ "$((SIZE % 512))" -eq 32 ] || exit 46
TOOL=$(command -v etcdutl || command -v etcdctl || true)
[ -n "$TOOL" ] || TOOL=$NAMED_TOOL
[ -x "$TOOL" ] || exit 46
BODY=$((SIZE - 32))
if command -v sha256sum > /dev/null; then
  HASH=$(head -c "$BODY" "$FILE" | nice -n 10 sha256sum | cut -d ' ' -f 1)
  WHOLE=$(nice -n 10 sha256sum < "$FILE" | cut -d ' ' -f 1)
elif command -v openssl > /dev/null; then
  HASH=$(head -c "$BODY" "$FILE" | nice -n 10 openssl dgst -sha256 -r | cut -d ' ' -f 1)
  WHOLE=$(nice -n 10 openssl dgst -sha256 -r < "$FILE" | cut -d ' ' -f 1)
else
  exit 46
fi
TRAILER=$(tail -c 32 "$FILE" | od -An -v -tx1 | tr -d ' \\n')
printf 'hash=%s\\ntrailer=%s\\nwhole=%s\\nsize=%s\\n' "$HASH" "$TRAILER" "$WHOLE" "$SIZE"
SAID=status
STATUS=$(ETCDCTL_API=3 "$TOOL" snapshot status "$FILE" -w json 2>&1) || SAID=refused
printf '%s=%s\\n' "$SAID" "$(printf '%s' "$STATUS" | tr '\\n' ' ')"
"""


async def read_in_place(
    session: NodeSession,
    path: str,
    size: int,
    *,
    tool: str = "",
    progress: BytesProgress | None = None,
) -> ReadInPlace | None:
    """Judge the file on its node; None where that is not possible there, and it has to be fetched.

    `size` is the file's, in bytes; `tool` is a restore program of etcd's that is known to lie on
    the node. Raises NodeError where the node does not answer or takes too long.
    """
    timeout = 60 + size / _SLOWEST
    answer = await _with_python(session, path, timeout, progress)
    if answer is not None:
        return _in_words(cast(AnswerJson, answer))
    return await _with_tools(session, path, timeout, tool)


def _in_words(answer: AnswerJson) -> ReadInPlace | None:
    if answer.get("damage", "format") == "format":
        # Packed, or no snapshot at all: this machine knows more kinds of files.
        return None
    contents = answer.get("contents")
    numbers = [answer.get("size"), *(contents.get(name) for name in _NUMBERS)] if contents else [0]
    if not all(type(number) is int for number in numbers):
        return None
    try:
        verdict = verdict_from(answer, reason_in_words(answer))
        return ReadInPlace(verdict, tuple(map(str, answer.get("unpackedFrom", ()))))
    except (KeyError, TypeError, ValueError, AttributeError):
        return None


async def _with_python(
    session: NodeSession, path: str, timeout: float, progress: BytesProgress | None
) -> dict[str, Any] | None:
    def heard(stream: OutputStream, lines: Sequence[str]) -> None:
        if stream is OutputStream.ERR and progress is not None and lines:
            done, _, total = lines[-1].partition(" ")
            if done.isdigit() and total.isdigit():
                progress(int(done), int(total))

    result = await session.run(
        script(_WITH_PYTHON, file=path),
        timeout=timeout,
        on_output=heard,
        stdin=one_file(),
    )
    if not result.succeeded or result.truncated:
        return None
    try:
        answer = json.loads(result.stdout)
    except (ValueError, RecursionError):
        return None
    return _cleaned(answer) if isinstance(answer, dict) else None


def _cleaned(value: Any) -> Any:
    """The answer with every text fit for a terminal: JSON can carry what a terminal obeys."""
    if isinstance(value, str):
        return one_line(value)
    if isinstance(value, list):
        return [_cleaned(each) for each in value]
    if isinstance(value, dict):
        return {one_line(str(name)): _cleaned(each) for name, each in value.items()}
    return value


async def _with_tools(
    session: NodeSession, path: str, timeout: float, tool: str
) -> ReadInPlace | None:
    result = await session.run(script(_WITH_TOOLS, file=path, named_tool=tool), timeout=timeout)
    if not result.succeeded:
        return None
    said = dict(line.split("=", 1) for line in result.stdout.splitlines() if "=" in line)
    try:
        size, revision = int(said["size"]), _revision(said.get("status"))
        digests = [said[name] for name in ("hash", "trailer", "whole")]
    except (KeyError, ValueError):
        return None
    if not all(_SHA256.fullmatch(digest) for digest in digests):
        return None
    computed, trailer, whole = digests
    if computed != trailer:
        reason = "hash: the trailing sha256 does not fit the contents"
        return ReadInPlace(Verdict(Integrity.CORRUPT, reason, None, whole, size))
    if revision is None:
        # The bytes are those that etcd wrote, and its program does not run here: look elsewhere.
        return None
    return ReadInPlace(Verdict(Integrity.VERIFIED, None, None, whole, size, revision))


def _revision(status: str | None) -> int | None:
    if status is None:
        return None
    # etcdctl 3.5 says in front of its answer that it is deprecated.
    return int(json.loads(status[status.index("{") :])["revision"])
