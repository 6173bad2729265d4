"""The file: its numbers, its two meta pages, and how long it has to be. The format is bbolt's."""

import mmap
import struct
from typing import Any, Dict, NamedTuple, Optional, Tuple, Union

MAGIC = 0xED0CDAED
FORMAT_VERSION = 2
SMALLEST_PAGE = 1 << 10
LARGEST_PAGE = 1 << 20
MOST_PAGES = 1 << 28
BRANCH, LEAF, META, FREELIST = 0x01, 0x02, 0x04, 0x10
BUCKET_ENTRY = 0x01
HASH_SIZE = 32
PAGE_HEADER = struct.Struct("<QHHI")
META_FIELDS = struct.Struct("<IIIIQQQQQQ")
BUCKET_HEADER = struct.Struct("<QQ")
REVISION = struct.Struct(">QcQ")
REVISION_SIZES = frozenset((17, 18))
Document = Dict[str, Any]
Bytes = Union[bytes, mmap.mmap]


class Damage(Exception):
    """Something in the file that cannot be so. `kind` is format, short, hash or structure."""

    def __init__(self, kind: str, what: str) -> None:
        super().__init__(what)
        self.kind = kind
        self.what = what


class Meta(NamedTuple):
    """A meta page: where the tree starts, and how much of the file is in use."""

    page: int
    page_size: int
    root: int
    freelist: int
    pages: int
    """One more than the highest page in use."""
    transaction: int


class Entry(NamedTuple):
    """A leaf's entry: a key, and where its value lies in the file."""

    key: bytes
    is_bucket: bool
    start: int
    size: int
    page: int


class Region(NamedTuple):
    """Where the database lies in the file."""

    start: int
    size: int
    """How many of its bytes are there."""
    whole: int
    """How many there ought to be."""
    wrappings: Tuple[str, ...]


def fnv64a(data: bytes) -> int:
    """The checksum of a meta page."""
    value = 0xCBF29CE484222325
    for byte in data:
        value = ((value ^ byte) * 0x100000001B3) & 0xFFFFFFFFFFFFFFFF
    return value


def meta_at(data: Bytes, place: int) -> Optional[Meta]:
    """The meta page at that byte, or None where none is or its checksum is wrong."""
    start = place + PAGE_HEADER.size
    raw = data[start : start + META_FIELDS.size]
    if len(raw) < META_FIELDS.size:
        return None
    (magic, version, page_size, _, root, _, freelist, pages, transaction, checksum) = (
        META_FIELDS.unpack(raw)
    )
    if magic != MAGIC or version != FORMAT_VERSION or checksum != fnv64a(raw[:-8]):
        return None
    number, flags, _, _ = PAGE_HEADER.unpack(data[place:start])
    if flags != META or number > 1 or number * page_size != place:
        return None
    return Meta(number, page_size, root, freelist, pages, transaction)


def choose_meta(data: Bytes) -> Tuple[Meta, bool]:
    """The valid meta page of the latest transaction, and whether both are valid.

    The first `METAS_SIZE` bytes of the database are enough.
    """
    sizes = [SMALLEST_PAGE << shift for shift in range(11)]
    first = meta_at(data, 0)
    places = [first.page_size] if first else sizes
    found = [first] if first else []
    for place in places:
        second = meta_at(data, place)
        if second and second.page == 1:
            found.append(second)
            break
    if not found:
        raise Damage("format", no_database(data[: 64 << 10]))
    meta = max(found, key=lambda each: each.transaction)
    if meta.page_size not in sizes or any(each.page_size != meta.page_size for each in found):
        raise Damage("structure", "the meta pages give an impossible page size")
    if not 3 <= meta.pages <= MOST_PAGES:
        raise Damage("structure", "the meta page gives an impossible number of pages")
    return meta, len(found) == 2


def no_database(head: bytes) -> str:
    """Words for what begins so and has no valid meta page."""
    if not any(head):
        return "no etcd database: it begins with zeros"
    if MAGIC.to_bytes(4, "little") in head:
        return "both meta pages are damaged or missing"
    return "no etcd database: it begins with " + " ".join("%02x" % byte for byte in head[:8])


def check_length(size: int, meta: Meta) -> bool:
    """Whether the file carries a trailing hash; raises Damage where it is too short."""
    body = meta.pages * meta.page_size
    hashed = size % 512 == HASH_SIZE
    if size < body or (body < size < body + HASH_SIZE):
        whole = body if size < body and not hashed else body + HASH_SIZE
        raise Damage("short", "cut short at byte %d of %d" % (size, whole))
    if not hashed and size % meta.page_size:
        raise Damage("structure", "bytes that are no page follow the database at byte %d" % body)
    return hashed
