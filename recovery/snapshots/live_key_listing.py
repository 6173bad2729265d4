"""All live keys of a database, and the hash that etcd itself would give it, as a program.

Runs in a process of its own, started by `live_keys`, and prints one JSON document. The file is
expected to be verified; whatever cannot be so is a `Damage` all the same.

The hash is etcd's HashKV at the latest revision (server/storage/mvcc/hash.go and the kvstore.go
and key_index.go beside it; the same in 3.4, 3.5 and 3.6): crc32c over the bucket's name, then over
revision and value of every entry in ascending order. An entry that the last compaction covers
counts only where it is still the state of a live key, because the others may be gone already on
one member and not yet on another. Where there is no live key at all, every entry counts but the
deletions at the very revision of the compaction, which etcd keeps since 3.4.34 and 3.5.16 only.
"""

from __future__ import annotations

import gc
import json
import mmap
import os
import struct
import sys
from collections.abc import Iterator
from pathlib import Path

import google_crc32c

from recovery.snapshots.difference import Database
from recovery.snapshots.reader.file_format import REVISION, Damage, choose_meta
from recovery.snapshots.reader.pages import Tree
from recovery.snapshots.reader.program import tell_on_stderr
from recovery.snapshots.reader.protobuf import varint

_BUCKET = b"key"
_STEP = 4 << 20
_LARGEST_RUN = 1 << 20
_DELETED = 0
"""No key was ever modified at revision 0."""

Modified = dict[bytes, int]
"""Keys, and the revision of their latest change; `_DELETED` for one that is no more."""


class Told:
    """How far two passes over the file have come, told every few MiB."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._passes = 0
        self._told = 0

    def seen(self, count: int) -> None:
        """So many bytes of this pass."""
        done = self._passes * self._size + min(count, self._size)
        if done - self._told >= _STEP:
            self._told = done
            tell_on_stderr(done, 2 * self._size)

    def passed(self) -> None:
        """One pass is over."""
        self._passes += 1


def latest_changes(database: Database) -> Modified:
    """Every key's latest change, deletions among them.

    The mark that a revision bump leaves is, to etcd, the state of the empty key.
    """
    modified: Modified = {}
    for entry in database.newest_first():
        if entry.key not in modified:
            modified[entry.key] = _DELETED if entry.deleted else entry.main
    return modified


def hash_of(data: mmap.mmap, modified: Modified, compacted: int, told: Told) -> int:
    """etcd's hash over all entries, from the oldest to the newest."""
    meta, _ = choose_meta(data)
    tree = Tree(data, meta)
    root = tree.entries(tree.leaves(meta.root, 0))
    bucket = next(entry for entry in root if entry.key == _BUCKET)
    checksum: int = google_crc32c.extend(0, _BUCKET)
    survivors = modified if any(modified.values()) else None
    for page, elements, count, end, _, _ in tree.bucket(bucket):
        for start, stop in _runs(tree, (page, elements, count, end), survivors, compacted):
            for place in range(start, stop, _LARGEST_RUN):
                part = data[place : min(place + _LARGEST_RUN, stop)]
                checksum = google_crc32c.extend(checksum, part)
        told.seen(tree.seen * tree.page_size)
    return checksum


def _runs(
    tree: Tree, leaf: tuple[int, int, int, int], survivors: Modified | None, compacted: int
) -> Iterator[tuple[int, int]]:
    """Where the entries that count lie in a leaf; neighbours, which bbolt writes without a gap,
    are one run."""
    data, begin, behind = tree.data, 0, 0
    for _, place, key_size, size in tree.layout(*leaf):
        main = int.from_bytes(data[place : place + 8], "big")
        stop = place + key_size + size
        if main <= compacted and not _counts(data, place, key_size, stop, survivors, compacted):
            if begin < behind:
                yield begin, behind
            begin = stop
        elif not begin:
            begin = place
        behind = stop
    if begin < behind:
        yield begin, behind


def _counts(
    data: mmap.mmap,
    place: int,
    key_size: int,
    stop: int,
    survivors: Modified | None,
    compacted: int,
) -> bool:
    main = int.from_bytes(data[place : place + 8], "big")
    deleted = key_size != REVISION.size
    if survivors is None:
        return not (deleted and main == compacted)
    start, key = place + key_size, b""
    if stop - start > 1:
        length, at = varint(data[start : min(start + 12, stop)], 1)
        key = data[start + at : start + at + length]
    return not deleted and survivors.get(key) == main


def write_listing(path: Path, modified: Modified) -> int:
    """Write the live keys in their order, one a line, as hex and revision; returns their count."""
    count = 0
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii", buffering=1 << 20) as file:
        for key in sorted(modified):
            main = modified[key]
            if key and main != _DELETED:
                file.write(f"{key.hex()} {main}\n")
                count += 1
    return count


def read(data: mmap.mmap, listing: Path) -> dict[str, object]:
    """The program's answer for a mapped file."""
    told = Told(len(data))
    database = Database(data, told.seen)
    modified = latest_changes(database)
    told.passed()
    count = write_listing(listing, modified)
    return {
        # A database without a single entry is at revision 1 (kvstore.go, restore).
        "revision": max(1, database.revision, database.compacted),
        "count": count,
        "hashKv": hash_of(data, modified, database.compacted, told),
        "compactedRevision": database.compacted,
    }


def main(arguments: list[str]) -> int:
    """The program: the database's path, and the listing's."""
    gc.disable()
    database, listing = arguments
    document: dict[str, object]
    try:
        with (
            Path(database).open("rb") as file,
            mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data,
        ):
            document = read(data, Path(listing))
    except Damage as damage:
        document = {"error": damage.what}
    except (ValueError, struct.error, IndexError, StopIteration) as error:
        document = {"error": f"a value is damaged ({error})"}
    except OSError as error:
        document = {"error": error.strerror or str(error)}
    sys.stdout.write(json.dumps(document) + "\n")
    return 0
