"""The difference of two databases as a program: prints one JSON document.

Runs in a process of its own, started by `comparison`. Standard library and the reader only. Both
files are expected to be verified; whatever cannot be so is a `Damage` all the same.

Where the newer database goes on from the older one, and still has all the revisions since, those
revisions alone are read. Otherwise every live key is compared, with its value, because after a
restore that went another way the same revision stands for something else.
"""

from __future__ import annotations

import contextlib
import gc
import json
import mmap
import struct
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from recovery.snapshots.reader.contents import Contents
from recovery.snapshots.reader.file_format import (
    REVISION_SIZES,
    Damage,
    Document,
    check_length,
    choose_meta,
)
from recovery.snapshots.reader.kubernetes import resource_of
from recovery.snapshots.reader.pages import Tree
from recovery.snapshots.reader.program import tell_on_stderr
from recovery.snapshots.reader.protobuf import varint
from recovery.snapshots.reader.shown import shown

COMPARED_BEHIND = 100
"""How many of the older database's last entries have to be in the newer one as well."""

Changes = dict[bytes, str]
"""Keys, and whether the newer database has them `added`, `removed` or `changed`."""

_ELEMENT = struct.Struct("<4xIII")


class Revision(NamedTuple):
    """One entry of the `key` bucket."""

    main: int
    deleted: bool
    key: bytes
    """Empty for the mark that a revision bump leaves."""
    behind: int
    """Where the key ends, as a place in the file."""
    start: int
    stop: int
    """Between which places the whole value of the entry lies."""


class Database:
    """One of the two files."""

    def __init__(self, data: mmap.mmap, report: Callable[[int], None]) -> None:
        self.data = data
        self._report = report
        meta, _ = choose_meta(data)
        check_length(len(data), meta)
        self._meta = meta
        brief = self._contents()
        self.revision: int = brief["revision"]
        self.compacted: int = brief["compactedRevision"]

    def _contents(self) -> Document:
        contents = Contents(Tree(self.data, self._meta))
        contents.read(self._meta, brief=True, thorough=False, on_pages=lambda: None)
        return contents.document(brief=True)

    def newest_first(self) -> Iterator[Revision]:
        """All entries of the `key` bucket, from the newest to the oldest, page by page."""
        data = self.data
        tree = Tree(data, self._meta)
        root = tree.entries(tree.leaves(self._meta.root, 0))
        bucket = next(entry for entry in root if entry.key == b"key")
        for page, elements, count, end, _, _ in tree.bucket(bucket, backwards=True):
            if elements + 16 * count > end:
                raise tree.damage(page, f"a leaf with {count} elements")
            for header in range(elements + 16 * (count - 1), elements - 1, -16):
                position, key_size, size = _ELEMENT.unpack_from(data, header)
                place = header + position
                start = place + key_size
                stop = start + size
                if stop > end or key_size not in REVISION_SIZES:
                    raise tree.damage(page, "an entry is not where it has to be")
                main = int.from_bytes(data[place : place + 8], "big")
                if size < 2:
                    yield Revision(main, False, b"", stop, start, stop)
                    continue
                length, behind = data[start + 1], start + 2
                if length > 127:
                    length, behind = varint(data[start : start + 12], 1)
                    behind += start
                key = data[behind : behind + length]
                yield Revision(main, key_size == 18, key, behind + length, start, stop)
            self._report(tree.seen * tree.page_size)

    def value(self, entry: Revision) -> bytes:
        """Everything of an entry: key, revisions, value and lease."""
        return self.data[entry.start : entry.stop]


def since(old: Database, new: Database) -> Changes | None:
    """The changes, by reading only what is new; None where `new` does not go on from `old`."""
    if not old.revision or new.revision < old.revision or new.compacted >= old.revision:
        return None
    existed: dict[bytes, bool] = {}
    exists: dict[bytes, bool] = {}
    entries = new.newest_first()
    meeting: Revision | None = None
    for entry in entries:
        if entry.main <= old.revision:
            meeting = entry
            break
        if not entry.key:
            return None
        exists.setdefault(entry.key, not entry.deleted)
        existed[entry.key] = entry.deleted or _created(new.data, entry) <= old.revision
    if meeting is None or not _same_past(old, new, meeting, entries):
        return None
    return {
        key: "changed" if existed[key] and lives else "added" if lives else "removed"
        for key, lives in exists.items()
        if lives or existed[key]
    }


def _created(data: mmap.mmap, entry: Revision) -> int:
    head = data[entry.behind : min(entry.behind + 12, entry.stop)]
    if head[:1] != b"\x10":
        raise ValueError("a value without its first revision")
    return varint(head, 1)[0]


def _same_past(old: Database, new: Database, meeting: Revision, rest: Iterator[Revision]) -> bool:
    floor = max(old.compacted, new.compacted)
    others, theirs = old.newest_first(), meeting
    for count in range(COMPARED_BEHIND):
        ours = next(others, None)
        if ours is None or ours.main <= floor:
            return count > 0
        if (ours.main, ours.deleted) != (theirs.main, theirs.deleted):
            return False
        if old.value(ours) != new.value(theirs):
            return False
        following = next(rest, None)
        if following is None:
            return next(others, None) is None
        theirs = following
    return True


def in_full(old: Database, new: Database) -> Changes:
    """The changes, by comparing every live key."""
    remaining: dict[bytes, tuple[int, int] | None] = {}
    for entry in old.newest_first():
        if entry.key and entry.key not in remaining:
            remaining[entry.key] = None if entry.deleted else (entry.start, entry.stop)
    changes: Changes = {}
    seen: set[bytes] = set()
    for entry in new.newest_first():
        key = entry.key
        if not key or key in seen:
            continue
        seen.add(key)
        if entry.deleted:
            continue
        before = remaining.pop(key, None)
        if before is None:
            changes[key] = "added"
        elif old.data[before[0] : before[1]] != new.data[entry.start : entry.stop]:
            changes[key] = "changed"
    changes.update((key, "removed") for key, before in remaining.items() if before is not None)
    return changes


def document_of(changes: Changes, whole: bool) -> dict[str, object]:
    """The program's answer: `keys` is a list of key, change, resource, namespace."""
    keys: list[tuple[str, str, str, str]] = []
    for key in sorted(changes):
        named = resource_of(key.rpartition(b"/")[0]) or ("", "")
        keys.append((shown(key, len(key)), changes[key], *named))
    return {"comparedInFull": whole, "keys": keys}


def compare(old: mmap.mmap, new: mmap.mmap) -> dict[str, object]:
    """The answer for two mapped files."""
    done = [0, 0, 0]
    total = len(old) + len(new)

    def reporting(which: int) -> Callable[[int], None]:
        def report(seen: int) -> None:
            done[which] = max(done[which], seen)
            if sum(done[:2]) - done[2] > 4 << 20:
                done[2] = sum(done[:2])
                tell_on_stderr(min(done[2], total), total)

        return report

    older, newer = Database(old, reporting(0)), Database(new, reporting(1))
    changes = since(older, newer)
    if changes is not None:
        return document_of(changes, whole=False)
    return document_of(in_full(older, newer), whole=True)


def main(paths: list[str]) -> int:
    """The program: two paths, the older one first."""
    gc.disable()
    document: dict[str, object]
    try:
        with contextlib.ExitStack() as stack:
            maps = []
            for path in paths:
                file = stack.enter_context(Path(path).open("rb"))
                maps.append(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
            document = compare(*maps)
    except Damage as damage:
        document = {"error": damage.what}
    except (ValueError, struct.error, IndexError) as error:
        document = {"error": f"a value is damaged ({error})"}
    except OSError as error:
        document = {"error": error.strerror or str(error)}
    sys.stdout.write(json.dumps(document) + "\n")
    return 0
