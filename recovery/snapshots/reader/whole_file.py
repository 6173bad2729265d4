"""The two pieces of work on a file: its pages are scanned, its bytes are hashed."""

import gc
import mmap
import struct
from typing import Any, List, NamedTuple, Optional, Tuple

from recovery.snapshots.reader.contents import Contents
from recovery.snapshots.reader.file_format import (
    HASH_SIZE,
    LARGEST_PAGE,
    Damage,
    Document,
    Meta,
    Region,
    check_length,
    choose_meta,
)
from recovery.snapshots.reader.pages import Tree
from recovery.snapshots.reader.side_by_side import SHORTER, Tell

METAS_SIZE = LARGEST_PAGE + 4096
HASH_CHUNK = 256 << 10
"""So much stays in the processor's own cache between being read and being hashed."""


class Hashed(NamedTuple):
    """The sha256 of the database with its trailer, and whether the trailer fits the rest."""

    sha256: str
    matches: bool


class Scanned(NamedTuple):
    """What the pages say."""

    damage: Optional[Tuple[str, str]]
    """Its kind, and what it is."""
    page_size: int
    pages: int
    """Both 0 where not even a meta page could be read."""
    remarks: List[str]
    contents: Optional[Document]


def hash_region(file: Any, region: Region, tell: Tell) -> Hashed:
    """Hash what the trailer speaks about, compare, and go on to the whole database's hash.

    It reads, because hashing the mapped file takes a quarter longer.
    """
    import hashlib  # Late, because only one of two processes needs it.

    digest = hashlib.sha256()
    body = max(0, region.size - HASH_SIZE)
    file.seek(region.start)
    with memoryview(bytearray(HASH_CHUNK)) as buffer:
        left = body
        while left:
            count = file.readinto(buffer[:left])
            if not count:
                raise OSError(0, SHORTER)
            digest.update(buffer[:count])
            left -= count
            tell(count)
    trailer = file.read(region.size - body)
    if len(trailer) < region.size - body:
        raise OSError(0, SHORTER)
    matches = digest.digest() == trailer
    digest.update(trailer)
    return Hashed(digest.hexdigest(), matches)


def scan_region(data: mmap.mmap, region: Region, brief: bool, tell: Tell) -> Scanned:
    """Read the pages: all of them, or for `brief` no more than it takes."""
    size = region.size
    meta: Optional[Meta] = None
    contents: Optional[Document] = None
    damage: Optional[Tuple[str, str]] = None
    remarks: List[str] = []
    try:
        if size < region.whole:
            raise Damage("short", "cut short at byte %d of %d" % (size, region.whole))
        meta, both = choose_meta(data[region.start : region.start + min(size, METAS_SIZE)])
        if not both:
            remarks.append("one of its two meta pages is damaged; the other one is used")
        hashed = check_length(size, meta)
        found = Contents(Tree(data, meta, region.start))
        read_contents(found, meta, brief, not hashed, tell)
        contents = found.document(brief)
        remarks.extend(found.remarks())
    except Damage as error:
        damage = error.kind, error.what
    except (ValueError, IndexError, struct.error) as error:
        damage = "structure", "it cannot be so, or it changed while it was read (%s)" % error
    page_size, pages = (meta.page_size, meta.pages) if meta else (0, 0)
    return Scanned(damage, page_size, pages, remarks, contents)


def read_contents(contents: Contents, meta: Meta, brief: bool, thorough: bool, tell: Tell) -> None:
    """Scan all pages. Garbage collection would only look at millions of innocent objects."""
    tree = contents.tree
    told = [0]

    def on_pages() -> None:
        tell((tree.seen - told[0]) * tree.page_size)
        told[0] = tree.seen

    collecting = gc.isenabled()
    gc.disable()
    try:
        contents.read(meta, brief, thorough, on_pages)
    finally:
        if collecting:
            gc.enable()
