"""Writes a backup into a node's directory, and deletes one that has expired."""

from __future__ import annotations

import asyncio
import posixpath
import re
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from recovery.backups.model import Copy
from recovery.backups.naming import is_backup_name
from recovery.backups.outside_text import one_line
from recovery.backups.stores import BytesProgress
from recovery.errors import StoreError
from recovery.ssh.receiving import checksum_script
from recovery.ssh.script import script

if TYPE_CHECKING:
    from recovery.ssh.session import NodeSession, ScriptResult

CLOCK_TOLERANCE = 60
"""Seconds by which a node's clock may differ from this machine's where a backup is deleted."""

_SECONDS = 30.0
_TAKEN, _NO_ROOM, _NOT_WRITABLE = 46, 47, 48
_NOTHING_KEPT, _CHANGED, _SKEWED = 49, 50, 51

_PREPARE = """
umask 077
mkdir -p "$DIRECTORY" || exit 48
[ -w "$DIRECTORY" ] && [ -x "$DIRECTORY" ] || exit 48
[ ! -e "$TARGET" ] && [ ! -L "$TARGET" ] || exit 46
# The size in KiB, and a little for the file system itself.
FREE=$(df -Pk "$DIRECTORY" | awk 'NR == 2 { print $4 }')
[ "$FREE" -gt $((SIZE / 1024 + 1024)) ] || { echo "$FREE"; exit 47; }
"""

_REMOVE = """
cd "$DIRECTORY"
# Ages are told by clocks: where they disagree, nothing goes.
AHEAD=$(($(date +%s) - NOW))
[ "${AHEAD#-}" -le "$TOLERANCE" ] || { echo "$AHEAD"; exit 51; }
# What goes must not be the last: the newer one lies here, and is no link to it.
[ -f "./$KEEP" ] && [ ! -L "./$KEEP" ] || exit 49
[ "$(wc -c < "./$KEEP")" -eq "$KEEP_SIZE" ] || exit 49
[ ! "./$KEEP" -ef "./$FILE" ] || exit 49
# A directory may be shared by the nodes: gone is gone, whoever did it.
[ -e "./$FILE" ] || [ -L "./$FILE" ] || exit 0
# The very file that was listed, and no link.
[ -f "./$FILE" ] && [ ! -L "./$FILE" ] || exit 50
[ "$(stat -c '%s %Y' "./$FILE")" = "$FACTS" ] || exit 50
rm -f "./$FILE"
"""

# Under such names files arrive; see recovery/ssh/receiving.py.
_UNFINISHED = """
cd "$DIRECTORY"
find . -maxdepth 1 -type f -name 'snapshot-etcd-*.tar.????????.partial' -mmin +1440 \\
  -exec stat -c '%s %n' {} +
"""

_REMOVE_UNFINISHED = """
cd "$DIRECTORY"
[ -f "./$FILE" ] && [ ! -L "./$FILE" ]
rm -f "./$FILE"
"""

_LEFT = re.compile(r"snapshot-etcd-.+\.tar\.[0-9a-f]{8}\.partial")
_UNTIL_SEEN = (0.5, 2.0, 5.0, 10.0)
"""Seconds for which a node may not know yet what another one has written over NFS."""
_CHECKSUM_SECONDS = 600.0


async def put_file(
    session: NodeSession,
    file: Path,
    path: str,
    sha256: str,
    progress: BytesProgress | None = None,
) -> None:
    """Bring the file to `path` on the node, whole and checked, where nothing lies yet.

    Raises StoreError, or what the session raises; nothing then carries the name.
    """
    directory = posixpath.dirname(path)
    size = (await asyncio.to_thread(file.stat)).st_size
    result = await session.run(
        script(_PREPARE, directory=directory, target=path, size=size), timeout=_SECONDS
    )
    if not result.succeeded:
        raise _not_put(result, session, path, size)
    await session.push(file, path, sha256=sha256, progress=progress)


async def require_seen(session: NodeSession, path: str, sha256: str) -> None:
    """StoreError unless the node has that file with that sha256 (hex)."""
    for pause in _UNTIL_SEEN:
        result = await session.run(checksum_script(path), timeout=_CHECKSUM_SECONDS)
        if result.succeeded and result.stdout.strip() == sha256.lower():
            return
        await asyncio.sleep(pause)
    raise StoreError(
        f"{path} was written by another node of the same directory, and is not seen whole here",
        where=session.node.name,
        remedy="see the directory's mount on this node",
        detail=result.stderr,
    )


async def remove_unfinished(session: NodeSession, directory: str) -> tuple[str, ...]:
    """Take away the files of backups that were broken off, if nobody wrote to them for a day.

    To be done only once a newer backup lies there whole. Raises nothing for what cannot be done.
    """
    result = await session.run(script(_UNFINISHED, directory=directory), timeout=_SECONDS)
    told = []
    for line in result.stdout.splitlines() if result.succeeded else ():
        size, _, name = line.partition(" ./")
        if _LEFT.fullmatch(name) is None or not is_backup_name(name.rsplit(".", 2)[0]):
            continue
        removal = script(_REMOVE_UNFINISHED, directory=directory, file=name)
        if (await session.run(removal, timeout=_SECONDS)).succeeded:
            told.append(
                f"{session.node.name}: removed {directory}/{name} ({size} bytes), which a backup "
                "left that was broken off"
            )
    return tuple(told)


async def remove_file(session: NodeSession, directory: str, copy: Copy, keeping: Copy) -> None:
    """Delete the file `copy` of this directory, while `keeping` lies beside it.

    Raises StoreError, and deletes nothing, where either is not as it was listed, is no backup by
    its name, lies elsewhere, or where the node's clock differs from this machine's.
    """
    for each in (copy, keeping):
        lies_in, name = posixpath.split(each.path)
        if posixpath.normpath(lies_in) != posixpath.normpath(directory) or not is_backup_name(name):
            raise StoreError(
                f"{one_line(each.path)} is no backup of this directory",
                where=session.node.name,
                remedy="list the snapshots again",
            )
    result = await session.run(
        script(
            _REMOVE,
            directory=directory,
            file=posixpath.basename(copy.path),
            facts=f"{copy.size} {int(copy.modified_at.timestamp())}",
            keep=posixpath.basename(keeping.path),
            keep_size=keeping.size,
            now=int(time.time()),
            tolerance=CLOCK_TOLERANCE,
        ),
        timeout=_SECONDS,
    )
    if not result.succeeded:
        raise _not_removed(result, session, copy, keeping)


def _not_put(result: ScriptResult, session: NodeSession, path: str, size: int) -> StoreError:
    directory = posixpath.dirname(path)
    words: Mapping[int | None, tuple[str, str]] = {
        _TAKEN: (
            f"{path} is there already, and is not overwritten",
            "look at it; a backup taken a second later has another name",
        ),
        _NO_ROOM: (
            f"{directory} has no room for {size} bytes: {one_line(result.stdout, 20)} KiB are free",
            "make room there, or set localStorage.path to a larger disk",
        ),
        _NOT_WRITABLE: (
            f"{directory} cannot be written to",
            "check that it exists and its owner; log in as root (ssh.user), or set ssh.sudo: true",
        ),
        None: (
            f"the connection was lost before {path} was written",
            "check the connection, then try again",
        ),
    }
    usual = (f"{path} was not written", "see the node's own words")
    what, remedy = words.get(result.exit_status, usual)
    return StoreError(what, where=session.node.name, remedy=remedy, detail=result.stderr)


def _not_removed(
    result: ScriptResult, session: NodeSession, copy: Copy, keeping: Copy
) -> StoreError:
    ahead = one_line(result.stdout, 20)
    words: Mapping[int | None, tuple[str, str]] = {
        _SKEWED: (
            f"its clock is {ahead} s ahead of this machine's, so nothing is deleted there",
            "set both clocks by NTP",
        ),
        _NOTHING_KEPT: (
            f"{keeping.path} does not lie there any more, so nothing is deleted beside it",
            "list the snapshots again",
        ),
        _CHANGED: (
            f"{copy.path} is not the file that was listed, and is kept",
            "list the snapshots again",
        ),
        None: (
            f"the connection was lost; nobody knows whether {copy.path} was deleted",
            "list the snapshots again",
        ),
    }
    usual = (f"{copy.path} was not deleted", "see the node's own words")
    what, remedy = words.get(result.exit_status, usual)
    return StoreError(what, where=session.node.name, remedy=remedy, detail=result.stderr)
