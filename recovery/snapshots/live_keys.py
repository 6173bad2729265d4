"""Every live key of a snapshot, and the hash that etcd must give to its data."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from recovery.errors import RescueError
from recovery.snapshots.reading_process import Progress, read_document

_ROOT = Path(__file__).parents[2]
_START = (
    "import sys; sys.path += sys.argv[1:3]; "
    "from recovery.snapshots import live_key_listing; "
    "sys.exit(live_key_listing.main(sys.argv[3:]))"
)


@dataclass(frozen=True, slots=True)
class LiveKeys:
    """What a server has to answer that serves this database."""

    revision: int
    """The latest revision; 1 where nothing was ever written."""
    count: int
    """Of live keys at that revision."""
    hash_kv: int
    """etcd's HashKV at that revision."""
    compacted_revision: int
    """0 where nothing was ever compacted."""
    listing: Path
    """The live keys in the order of their bytes, one a line, as hex and the revision of their
    last change."""

    def keys(self) -> Iterator[tuple[bytes, int]]:
        """The listing, read line by line."""
        with self.listing.open("r", encoding="ascii") as file:
            for line in file:
                key, _, revision = line.partition(" ")
                yield bytes.fromhex(key), int(revision)


async def list_live_keys(
    database: Path, listing: Path, progress: Progress | None = None
) -> LiveKeys:
    """Read all live keys of a verified database into `listing`, and hash it as etcd does.

    Runs in a process of its own, which cancelling ends. `progress` hears bytes; the file is read
    twice. Raises SnapshotError where it cannot be read or is damaged.
    """
    paths = (str(_ROOT), str(_checksum_library()))
    command = (sys.executable, "-I", "-S", "-c", _START, *paths, str(database), str(listing))
    document = cast(dict[str, int], await read_document(command, database, progress))
    return LiveKeys(
        revision=document["revision"],
        count=document["count"],
        hash_kv=document["hashKv"],
        compacted_revision=document["compactedRevision"],
        listing=listing,
    )


def _checksum_library() -> Path:
    """Where google_crc32c is installed: the process looks nowhere else."""
    spec = importlib.util.find_spec("google_crc32c")
    if spec is None or spec.origin is None:
        raise RescueError(
            "the library google-crc32c is missing",
            where=sys.prefix,
            remedy="install etcd-rescue anew: pip install --force-reinstall etcd-rescue",
        )
    return Path(spec.origin).parents[1]
