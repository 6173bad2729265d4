"""What a member still holds itself: the database in its data directory.

Facts: etcd keeps an exclusive lock on `member/snap/db` while it runs (bbolt, bolt_unix.go, flock),
and writes its pages meanwhile, so a plain copy of it would be torn. A running member gives a
consistent copy, with a hash, through its maintenance API; it does so without a leader, too
(server/etcdserver/api/v3rpc/maintenance.go, Snapshot). What a stopped member has only in its
write-ahead log is not in the database yet.
"""

from __future__ import annotations

import asyncio
import hashlib
import posixpath
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from recovery.backups.disk import disk_error, whole_file
from recovery.backups.model import Copy, StoreKind
from recovery.backups.naming import DATABASE_IN_DATA_DIR
from recovery.backups.outside_text import one_line
from recovery.backups.stores import BytesProgress, ReadInPlace
from recovery.cluster.manifest import read_manifest
from recovery.cluster.pod_command import MANIFEST_LIMIT
from recovery.errors import ManifestError, NodeError, NodeUnreachableError, RescueError, StoreError
from recovery.ssh.script import script

if TYPE_CHECKING:
    from recovery.cluster.facts import EtcdManifest
    from recovery.ssh.session import NodeSession

_LOOK_SECONDS = 30.0
_MISSING, _UNREADABLE = 44, 45
_SLOWEST = 1 << 20
"""Bytes a second below which a member's answer is given up."""

_LOCKS = "/proc/locks"

_LOOK = """
if [ ! -f "$FILE" ]; then
  # Behind a directory that may not be entered nothing is known to be missing.
  DIRECTORY=$(dirname "$FILE")
  while [ ! -d "$DIRECTORY" ]; do DIRECTORY=$(dirname "$DIRECTORY"); done
  [ -x "$DIRECTORY" ] || exit 45
  exit 44
fi
[ -r "$FILE" ] || exit 45
FACTS=$(stat -L -c '%s %Y %i %z' "$FILE")
INODE=$(stat -L -c %i "$FILE")
# A running etcd holds a lock on its database. Each line of the kernel's list has the process, and
# then device:inode. Another filesystem may have a file of the same number, and some show another
# device than the file's own: what the process has open decides.
holds_it() {
  [ -r "/proc/$1/fd" ] || return 0
  for OPEN in "/proc/$1/fd/"*; do
    if [ "$OPEN" -ef "$FILE" ]; then return 0; fi
  done
  return 1
}
IN_USE=0
for PID in $(awk -v inode="$INODE" \\
  '{ n = split($(NF - 2), part, ":"); if (part[n] == inode) print $(NF - 3) }' "$LOCKS"); do
  if holds_it "$PID"; then IN_USE=1; fi
done
printf '%s %s\\n' "$IN_USE" "$FACTS"
"""


class _NoDatabaseError(StoreError):
    """The member has no database: there is nothing to list."""


class MemberStore:
    """The database of the member on one node. The session's own errors pass through."""

    kind = StoreKind.MEMBER

    def __init__(self, session: NodeSession) -> None:
        self._session = session

    @property
    def node(self) -> str:
        """The node's name, which is the member's as well."""
        return self._session.node.name

    @property
    def label(self) -> str:
        """The place as `node:/data/directory`; the manifest may name another directory."""
        return f"{self.node}:{self._session.node.paths.data_dir}"

    def holds(self, copy: Copy) -> bool:
        """The member's database on this node, whatever its data directory."""
        return copy.store is StoreKind.MEMBER and copy.node == self.node

    async def list(self) -> tuple[Copy, ...]:
        """The database, if there is one. The manifest says in which data directory it lies.

        Raises StoreError where there may be one, and it may not be read.
        """
        manifest = await self._manifest()
        directory = manifest.data_dir if manifest else self._session.node.paths.data_dir
        try:
            return (await self._look(directory + DATABASE_IN_DATA_DIR),)
        except _NoDatabaseError:
            return ()

    async def look_up(self, copy: Copy) -> Copy:
        """The database as it is now; StoreError where there is none or it may not be read."""
        return await self._look(copy.path)

    async def fetch(self, copy: Copy, target: Path, progress: BytesProgress | None = None) -> str:
        """Bring the database here; returns the sha256 of what came.

        A running member is asked through its API, and the copy has a hash then. Raises StoreError
        where it runs and does not answer, or where it was started while the file was read.
        """
        before = await self._look(copy.path)
        if before.in_use:
            return await self._through_its_api(before, target, progress)
        sha256 = await self._session.fetch(before.path, target, progress=progress)
        after = await self._look(copy.path)
        if after != before:
            await asyncio.to_thread(target.unlink, missing_ok=True)
            raise StoreError(
                "etcd was started while its database was being read",
                where=before.location,
                remedy="look again; a running member is asked through its API",
            )
        return sha256

    async def read_in_place(
        self, copy: Copy, progress: BytesProgress | None = None
    ) -> ReadInPlace | None:
        """Have the node judge the database of a stopped member; None of one that runs."""
        from recovery.backups.reading_in_place import read_in_place

        before = await self._look(copy.path)
        if before.in_use:
            return None
        found = await read_in_place(self._session, copy.path, before.size, progress=progress)
        return found if await self._look(copy.path) == before else None

    async def _look(self, path: str) -> Copy:
        result = await self._session.run(
            script(_LOOK, file=path, locks=_LOCKS), timeout=_LOOK_SECONDS
        )
        if not result.succeeded:
            raise self._error(path, result.exit_status, result.stderr)
        in_use, size, modified, *inode_and_change = result.stdout.split()
        used = in_use != "0"
        return Copy(
            store=StoreKind.MEMBER,
            path=path,
            size=int(size),
            modified_at=datetime.fromtimestamp(int(modified), UTC),
            node=self.node,
            # What is being written to is never the same again: nothing of it may be remembered.
            identity="" if used else " ".join((self._session.node.host, *inode_and_change)),
            in_use=used,
        )

    async def _through_its_api(
        self, copy: Copy, target: Path, progress: BytesProgress | None
    ) -> str:
        from recovery.cluster.etcd_client import open_member

        manifest = await self._manifest()
        if manifest is None or posixpath.normpath(copy.path) != posixpath.normpath(
            manifest.data_dir + DATABASE_IN_DATA_DIR
        ):
            raise _runs(copy, "this node's manifest does not say how to ask it")
        digest, done = hashlib.sha256(), 0
        loop = asyncio.get_running_loop()
        try:
            with whole_file(target) as file:

                def write(part: bytes) -> None:
                    nonlocal done
                    digest.update(part)
                    file.write(part)
                    done += len(part)
                    if progress is not None:
                        loop.call_soon_threadsafe(progress, done, max(copy.size, done))

                async with open_member(self._session, manifest) as member:
                    await member.snapshot(write, timeout=60 + copy.size / _SLOWEST)
        except OSError as error:
            raise disk_error(error, target.parent) from error
        except NodeUnreachableError:
            raise
        except RescueError as error:
            raise _runs(copy, f"it does not answer: {error.what}") from error
        return digest.hexdigest()

    async def _manifest(self) -> EtcdManifest | None:
        path = self._session.node.paths.etcd_manifest
        try:
            content = await self._session.read_file(path, limit=MANIFEST_LIMIT, timeout=15)
            return read_manifest(path, content.decode(), "", "")
        except NodeUnreachableError:
            raise
        except (NodeError, ManifestError, UnicodeDecodeError):
            return None

    def _error(self, path: str, exit_status: int | None, said: str) -> StoreError:
        what, remedy = f"{one_line(path)} cannot be read", "see the node's own words"
        if exit_status == _MISSING:
            what, remedy = f"there is no {one_line(path)}", "this member's data is gone"
        elif exit_status == _UNREADABLE:
            what = f"the login's user may not read {one_line(path)}"
            remedy = "log in as root (ssh.user), or set ssh.sudo: true in the inventory"
        elif exit_status is None:
            what = f"the connection was lost before {one_line(path)} was read"
            remedy = "look again"
        kind = _NoDatabaseError if exit_status == _MISSING else StoreError
        return kind(what, where=self.node, remedy=remedy, detail=said)


def _runs(copy: Copy, why: str) -> StoreError:
    return StoreError(
        f"{copy.node}'s etcd runs, so its file cannot be copied, and {why}",
        where=copy.location,
        remedy="stop it (move etcd.yaml out of the manifests directory, wait until its container "
        "is gone), then look again; its data stays where it is",
    )
