"""What is in a file, as the JSON document's dict."""

import mmap
import os
import stat
from typing import Any, Callable, List, Optional, Tuple

from recovery.snapshots.reader.file_format import HASH_SIZE, Damage, Document
from recovery.snapshots.reader.side_by_side import TOLD_EVERY, Tell, Work, side_by_side
from recovery.snapshots.reader.tar import Packed, find_database
from recovery.snapshots.reader.whole_file import Hashed, Scanned, hash_region, scan_region

Report = Callable[[int, int], None]
"""Called with bytes done and bytes in all."""


def read_database(
    path: str, brief: bool = False, report: Optional[Report] = None, forked: bool = False
) -> Document:
    """What is in that file, as the JSON document's dict. Raises OSError where it is unreadable.

    `forked` scans and hashes at the same time, each in a process of its own; a program that has
    threads cannot ask for it.
    """
    with open(path, "rb", 0) as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise OSError(0, "not a regular file", path)
        size = status.st_size
        if not size:
            return verdict(0, ("format", "the file is empty"))
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            document = read_mapped(file, data, size, brief, report, forked)
    return dict(document, storedSize=size)


def read_mapped(
    file: Any, data: mmap.mmap, size: int, brief: bool, report: Optional[Report], forked: bool
) -> Document:
    """The same, of a mapped file."""
    try:
        region = find_database(data, size)
    except Damage as damage:
        return dict(verdict(size, (damage.kind, damage.what)), unpackedFrom=["tar"])
    except Packed as packed:
        document = verdict(size, ("format", "still packed (%s)" % packed.shape))
        return dict(document, packed=packed.shape, unpackedFrom=list(packed.wrappings))
    tell = teller(region.size, 1 if brief else 2, report)
    works: List[Work] = [lambda tell: scan_region(data, region, brief, tell)]
    if not brief:
        works.append(lambda tell: hash_region(file, region, tell))
    found = side_by_side(works, tell) if forked else [work(tell) for work in works]
    hashed = None if brief else Hashed(*found[1])
    document = judged(region.size, Scanned(*found[0]), hashed)
    return dict(document, unpackedFrom=list(region.wrappings))


def teller(size: int, times: int, report: Optional[Report]) -> Tell:
    """Add up what was done of a file that is gone through several times; report every 4 MiB."""
    done = [0, 0]

    def tell(count: int) -> None:
        done[0] += count
        reached = min(size, done[0] // times)
        if report and reached - done[1] >= TOLD_EVERY:
            done[1] = reached
            report(reached, size)

    return tell


def judged(size: int, scanned: Scanned, hashed: Optional[Hashed]) -> Document:
    """Both put together; `hashed` is None where the hash was not asked for."""
    damage, has_trailer = scanned.damage, size % 512 == HASH_SIZE
    if hashed and has_trailer and not hashed.matches and (not damage or damage[0] == "structure"):
        also = "" if not damage else "; " + damage[1]
        damage = "hash", "the trailing sha256 does not fit the contents" + also
    document = verdict(size, damage)
    if not damage:
        sound = "verified" if hashed else "unverified"
        document["integrity"] = sound if has_trailer else "no-hash"
    if hashed:
        document["sha256"] = hashed.sha256
    document["databaseSize"] = scanned.pages * scanned.page_size
    document["pageSize"] = scanned.page_size
    document["remarks"] = scanned.remarks
    document["contents"] = scanned.contents
    return document


def verdict(size: int, damage: Optional[Tuple[str, str]]) -> Document:
    """The document before anything else is known."""
    return {
        "integrity": "corrupt",
        "damage": damage and damage[0],
        "reason": damage and damage[1],
        "size": size,
        "sha256": "",
        "databaseSize": 0,
        "pageSize": 0,
        "remarks": [],
        "contents": None,
        "unpackedFrom": [],
        "storedSize": size,
    }
