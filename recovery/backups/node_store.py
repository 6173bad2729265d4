"""Backups in a directory on a node."""

from __future__ import annotations

import posixpath
import shlex
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from recovery.backups.model import Copy, StoreKind
from recovery.backups.naming import candidate_patterns, is_candidate
from recovery.backups.outside_text import one_line
from recovery.backups.stores import BytesProgress, ReadInPlace
from recovery.errors import NodeError, StoreError
from recovery.ssh.script import script
from recovery.ssh.session import NodeSession, ScriptResult

ToolOn = Callable[[str], str]
"""The path of etcd's restore program on the node of that name; empty where none is known."""

_LIST_SECONDS = 30.0
_MISSING, _UNREADABLE = 44, 45

# One line a file, so a name must not break lines. What a link points to counts only inside the
# directory: a link out of it would show, and fetch, what is no backup.
_LIST = """
[ -d "$DIRECTORY" ] || exit 44
[ -r "$DIRECTORY" ] && [ -x "$DIRECTORY" ] || exit 45
cd "$DIRECTORY"
HERE=$(pwd -P)

# size, modified, inode, changed, name
find . ! -name . -prune -type f {names} \\
  ! -name '*[[:cntrl:]]*' -exec stat -c '%s %Y %i %z %n' {{}} +

for LINK in *; do
  [ -L "$LINK" ] && [ -f "$LINK" ] || continue
  case $LINK in *[[:cntrl:]]*) continue ;; esac
  case $(readlink -f "./$LINK") in
    "$HERE"/*) stat -L -c '%s %Y %i %z %n' "./$LINK" ;;
  esac
done
"""

_LOOK_UP = """
[ -f "$FILE" ] || exit 44
[ -r "$FILE" ] || exit 45
stat -L -c '%s %Y %i %z' "$FILE"
"""


class NodeStore:
    """One directory on one node, and any other file there that a person names.

    The session's own errors (NodeUnreachableError and its kin) pass through.
    """

    kind = StoreKind.NODE

    def __init__(
        self,
        session: NodeSession,
        directory: str = "/cpaas/backup",
        *,
        optional: bool = False,
        tool_on: ToolOn | None = None,
    ) -> None:
        self._session = session
        self._tool_on = tool_on
        self.directory = directory
        self.optional = optional
        """Whether the directory may be absent: one that is only a guess."""

    @property
    def node(self) -> str:
        """The node's name."""
        return self._session.node.name

    @property
    def label(self) -> str:
        """The place as `node:/directory`."""
        return f"{self.node}:{self.directory}"

    def holds(self, copy: Copy) -> bool:
        """Every copy on this node: a REF may name a file outside the directory."""
        return copy.store is StoreKind.NODE and copy.node == self.node

    async def list(self) -> tuple[Copy, ...]:
        """The files right in the directory whose names may be those of snapshots.

        Links to files inside the directory are followed. Raises StoreError where the directory is
        missing (unless optional) or cannot be read.
        """
        result = await self._session.run(list_script(self.directory), timeout=_LIST_SECONDS)
        if result.exit_status == _MISSING and self.optional:
            return ()
        copies = tuple(filter(None, map(self._listed, result.stdout.split("\n"))))
        # A file that vanished or cannot be read must not hide those that can.
        if not result.succeeded and not copies:
            raise self._error(result, self.directory)
        return copies

    async def look_up(self, copy: Copy) -> Copy:
        """The file as it is now, wherever on the node it lies; StoreError where there is none."""
        return await self._look_up(copy.path)

    async def fetch(self, copy: Copy, target: Path, progress: BytesProgress | None = None) -> str:
        """Copy the file here; returns its sha256. Raises TransferError."""
        return await self._session.fetch(copy.path, target, progress=progress)

    async def put(
        self, file: Path, name: str, sha256: str, progress: BytesProgress | None = None
    ) -> Copy:
        """Write the file into the directory, which is made where it is missing.

        Raises StoreError or TransferError: no room, not writable, the name is taken, broken off.
        """
        from recovery.backups.node_writing import put_file

        path = posixpath.join(self.directory, name)
        await put_file(self._session, file, path, sha256, progress)
        return await self._look_up(path)

    async def confirm(self, name: str, sha256: str) -> Copy:
        """The file of that name, which another node has written here; StoreError where this node
        does not see it whole."""
        from recovery.backups.node_writing import require_seen

        path = posixpath.join(self.directory, name)
        await require_seen(self._session, path, sha256)
        return await self._look_up(path)

    async def tidy(self) -> tuple[str, ...]:
        """Take away what backups left here that were broken off over a day ago; each in words."""
        from recovery.backups.node_writing import remove_unfinished

        return await remove_unfinished(self._session, self.directory)

    async def ask(self, body: str, *, timeout: float, **values: str) -> str | None:
        """What a script about the directory prints; None where it fails or nobody answers."""
        text = script(body, directory=self.directory, **values)
        try:
            result = await self._session.run(text, timeout=timeout)
        except NodeError:
            return None
        return result.stdout if result.succeeded else None

    async def remove(self, copy: Copy, keeping: Copy) -> None:
        """Delete one file, while another one lies beside it. Raises StoreError."""
        from recovery.backups.node_writing import remove_file

        await remove_file(self._session, self.directory, copy, keeping)

    async def read_in_place(
        self, copy: Copy, progress: BytesProgress | None = None
    ) -> ReadInPlace | None:
        """Have the node judge its own file; None where it cannot."""
        from recovery.backups.reading_in_place import read_in_place

        tool = self._tool_on(self.node) if self._tool_on is not None else ""
        return await read_in_place(
            self._session, copy.path, copy.size, tool=tool, progress=progress
        )

    async def _look_up(self, path: str) -> Copy:
        result = await self._session.run(script(_LOOK_UP, file=path), timeout=_LIST_SECONDS)
        if not result.succeeded:
            raise self._error(result, path)
        return self._copy(path, result.stdout.split())

    def _listed(self, line: str) -> Copy | None:
        facts, _, name = line.partition(" ./")
        if not is_candidate(name):
            return None
        return self._copy(posixpath.join(self.directory, name), facts.split())

    def _copy(self, path: str, facts: Sequence[str]) -> Copy:
        size, modified, *inode_and_change = facts
        return Copy(
            store=StoreKind.NODE,
            path=path,
            size=int(size),
            modified_at=datetime.fromtimestamp(int(modified), UTC),
            node=self.node,
            identity=" ".join((self._session.node.host, *inode_and_change)),
        )

    def _error(self, result: ScriptResult, path: str) -> StoreError:
        what, remedy = f"{one_line(path)} cannot be read", "see the node's own words"
        if result.exit_status == _MISSING:
            what = f"there is no {one_line(path)}"
            remedy = (
                "check backup.localStorage.path in the inventory"
                if path == self.directory
                else "list the snapshots again"
            )
        elif result.exit_status == _UNREADABLE:
            what = f"the login's user may not read {one_line(path)}"
            remedy = "log in as root (ssh.user), or set ssh.sudo: true in the inventory"
        elif result.exit_status is None:
            what = f"the connection was lost before {one_line(path)} was read"
            remedy = "look again"
        return StoreError(what, where=self.node, remedy=remedy, detail=result.stderr)


def list_script(directory: str) -> str:
    """The script that lists a directory: `size mtime inode ctime ./name`, one line a file."""
    names = " -o ".join(f"-name {shlex.quote(pattern)}" for pattern in candidate_patterns())
    return script(_LIST.format(names=f"\\( {names} \\)"), directory=directory)
