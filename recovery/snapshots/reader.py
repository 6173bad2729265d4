"""Read an etcd database file: is it whole, and what is inside?

One file, standard library only, Python 3.6 and later, so that it runs on a node's own python3 as
well (`python3 - FILE < reader.py`). It opens the file read-only, maps it, and treats every byte
as hostile: whatever is wrong becomes a `Damage` with its place.

A database that lies plain in a tar is read where it lies: `unpackedFrom` is ["tar"] then, and
`size`, `sha256` and all places are those of the database, as if it had been unpacked; `storedSize`
is the file's own size.

As a program it prints one JSON document. `--progress` writes "DONE TOTAL" lines to stderr;
`--brief` leaves out the hash and whatever needs every page (`keys`, `liveKeys`, resources). Pages
are scanned and bytes are hashed by two processes at the same time, which end with the program.
A document with `packed` ("gzip", "zstd", or "tar" for a tar inside a tar) says nothing about a
database, whatever else it says: somebody who can unpack the file has to look at it.

The file format is bbolt's: pages of a fixed size, two meta pages in front, a B+tree of pages for
every bucket. The buckets' contents are etcd's.
"""
# ruff: noqa: PTH123, UP - what Python 3.6 knows, and plain paths.

import gc
import marshal
import mmap
import os
import re
import select
import stat
import struct
import sys
from operator import lt
from typing import Any, Callable, Dict, Iterator, List, NamedTuple, Optional, Set, Tuple, Union

MAGIC = 0xED0CDAED
FORMAT_VERSION = 2
SMALLEST_PAGE = 1 << 10
LARGEST_PAGE = 1 << 20
METAS_SIZE = LARGEST_PAGE + 4096
MOST_PAGES = 1 << 28
NO_FREELIST = (1 << 64) - 1

BRANCH, LEAF, META, FREELIST = 0x01, 0x02, 0x04, 0x10
BUCKET_ENTRY = 0x01

HASH_SIZE = 32
HASH_CHUNK = 256 << 10
"""So much stays in the processor's own cache between being read and being hashed."""
TOLD_EVERY = 4 << 20
MOST_NAMED = 10000

HEAD_SIZE = 72 << 10
"""How much of a file shows what it is: two meta pages of the largest usual size."""
TAR_BLOCK = 512
MOST_TAR_ENTRIES = 100000
MOST_TAR_HEADER = 1 << 20
NAMES_SHOWN = 8

PAGE_HEADER = struct.Struct("<QHHI")
META_FIELDS = struct.Struct("<IIIIQQQQQQ")
BUCKET_HEADER = struct.Struct("<QQ")
REVISION = struct.Struct(">QcQ")
PUT = struct.Struct("17sBB")
DELETION = struct.Struct("17sxBB")
LATEST = b"\xff" * 18
REVISION_SIZES = frozenset((17, 18))

Report = Callable[[int, int], None]
"""Called with bytes done and bytes in all."""
Tell = Callable[[int], None]
"""Called with how many more bytes are done."""
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


class TarEntry(NamedTuple):
    """A file in a tar; `described` is its name and what it is, safe on a terminal."""

    name: str
    described: str
    is_regular: bool
    start: int
    size: int


Leaf = Tuple[int, int, int, int, bytes, Optional[bytes]]
"""A leaf page: its number, the place of its first element header, how many there are, where the
page ends, and between which keys its keys lie. A plain tuple: there are hundreds of thousands."""

Waiting = Tuple[int, bytes, Optional[bytes]]
"""A page to be visited, and between which keys its keys lie."""


# --- the file ------------------------------------------------------------------------------


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


# --- a tar around it -----------------------------------------------------------------------

META_MAGIC = MAGIC.to_bytes(4, "little")
META_PLACES = [16] + [(512 << shift) + 16 for shift in range(8)]
TAR_NUMBERS = ((100, 108), (108, 116), (116, 124), (136, 148), (329, 337), (337, 345))
TAR_DAMAGED = "the tar is damaged or cut short between its files"


class Packed(Exception):
    """What has to be unpacked before anything can be said; `shape` is gzip, zstd or tar."""

    def __init__(self, shape: str, wrappings: Tuple[str, ...]) -> None:
        super().__init__(shape)
        self.shape = shape
        self.wrappings = wrappings


def shape_of(head: bytes) -> str:
    """What begins so: tar, database, gzip, zstd, or nothing that is known."""
    # First, because a database right behind a tar's header looks like one with pages of 512 bytes.
    if is_tar(head[:TAR_BLOCK]):
        return "tar"
    if any(head[place : place + 4] == META_MAGIC for place in META_PLACES):
        return "database"
    if head[:2] == b"\x1f\x8b":
        return "gzip"
    if head[:4] == b"\x28\xb5\x2f\xfd":
        return "zstd"
    if head[1:4] == b"\x2a\x4d\x18" and 0x50 <= head[0] <= 0x5F:
        return "zstd"
    return ""


def is_tar(block: bytes) -> bool:
    """By the header's checksum, so that archives older than `ustar` are known as well."""
    digits = block[148:156].strip(b" \x00")
    if len(block) < TAR_BLOCK or not digits or digits.strip(b"01234567"):
        return False
    return int(digits, 8) == tar_sum(block)


def tar_sum(block: bytes) -> int:
    """The checksum of a tar header, whose own place counts as blanks."""
    return sum(block) - sum(block[148:156]) + 8 * 32


def tar_number(raw: bytes) -> int:
    """A number of a tar header, in octal digits or in base 256. Raises ValueError."""
    if raw[0] == 0x80:
        return int.from_bytes(raw[1:], "big")
    if raw[0] == 0xFF:
        return int.from_bytes(raw, "big", signed=True)
    return int(raw.partition(b"\0")[0].strip() or b"0", 8)


def tar_text(raw: bytes) -> str:
    """A name in a tar."""
    return raw.partition(b"\0")[0].decode("utf-8", "surrogateescape")


def tar_header(block: bytes) -> Optional[Tuple[str, str, int]]:
    """Type, name and size; None where no header is, which ends the tar."""
    if len(block) < TAR_BLOCK or not any(block):
        return None
    try:
        summed, signed = tar_sum(block), sum(256 for byte in block if byte > 127)
        signed -= sum(256 for byte in block[148:156] if byte > 127)
        if tar_number(block[148:156]) not in (summed, summed - signed):
            return None
        for start, end in TAR_NUMBERS:
            tar_number(block[start:end])
        size = tar_number(block[124:136])
    except ValueError:
        return None
    if size < 0:
        raise Damage("format", "the tar has a file of negative size")
    kind, name, prefix = chr(block[156]), tar_text(block[:100]), tar_text(block[345:500])
    if kind == "\0":
        kind = "5" if name.endswith("/") else "0"
    if kind == "5":
        name = name.rstrip("/")
    return kind, prefix + "/" + name if prefix and kind not in "LKS" else name, size


def pax_records(raw: bytes) -> Dict[bytes, bytes]:
    """What an extended header says. Raises ValueError where it is none."""
    records: Dict[bytes, bytes] = {}
    at = 0
    while at < len(raw) and raw[at]:
        digits = raw[at : at + 9].partition(b" ")[0]
        stop = at + int(digits) if digits.isdigit() else 0
        keyword, equals, value = raw[at + len(digits) + 1 : stop - 1].partition(b"=")
        if stop > len(raw) or not keyword or not equals or raw[stop - 1 : stop] != b"\n":
            raise ValueError("no record")
        records[keyword] = value
        at = stop
    return records


def tar_extension(kind: str, raw: bytes, said: Dict[str, Any]) -> None:
    """Note what a header says about the next one, unless one before it has said so already."""
    if kind == "L":
        said.setdefault("name", tar_text(raw))
    elif kind in "xXg":
        try:
            records = pax_records(raw)
            size = records.get(b"size")
            if size is not None and not (size.isdigit() and len(size) < 20):
                raise ValueError("no size")
        except ValueError:
            raise Damage("format", TAR_DAMAGED) from None
        if any(keyword.startswith(b"GNU.sparse.") for keyword in records):
            raise Damage(
                "format", "a file in the tar is stored as a sparse file, which is not read"
            )
        if kind == "g" and (size is not None or b"path" in records):
            raise Damage("format", "the tar gives all its files one name or size")
        if b"path" in records:
            said.setdefault("name", tar_text(records[b"path"]))
        if size is not None:
            said.setdefault("size", int(size))


def tar_entries(data: mmap.mmap, end: int) -> Iterator[TarEntry]:
    """The files of a tar, judged as Python's tarfile does. Raises Damage."""
    said: Dict[str, Any] = {}
    at = count = extended = 0
    while True:
        header = tar_header(data[at : at + TAR_BLOCK])
        if header is None:
            if extended or not at:
                raise Damage("format", TAR_DAMAGED)
            return
        kind, name, size = header
        at += TAR_BLOCK
        if kind in "LKxXg":
            extended += TAR_BLOCK + size
            if extended > MOST_TAR_HEADER:
                raise Damage("format", "the tar has a header of absurd size")
            tar_extension(kind, data[at : at + size], said)
            at += tar_blocks(size)
            continue
        count += 1
        if count > MOST_TAR_ENTRIES:
            raise Damage("format", "the tar holds more than %d files" % MOST_TAR_ENTRIES)
        entry = tar_entry(kind, said.get("name", name), at, said.get("size", size))
        yield entry
        if entry.is_regular or kind not in "123456":
            at += tar_blocks(entry.size)
        if at > end:
            raise Damage("short", TAR_DAMAGED)
        said, extended = {}, 0


def tar_blocks(size: int) -> int:
    """What so many bytes take in a tar."""
    return (size + TAR_BLOCK - 1) // TAR_BLOCK * TAR_BLOCK


def tar_entry(kind: str, name: str, start: int, size: int) -> TarEntry:
    """One file, in words as well."""
    name = name.encode("utf-8", "backslashreplace").decode()
    quoted = repr(name if len(name) <= 80 else name[:77] + "...")
    if kind == "S":
        raise Damage(
            "format", "%s in the tar is stored as a sparse file, which is not read" % quoted
        )
    kinds = {"5": "a directory", "1": "a link", "2": "a link"}
    kinds.update({"3": "a device", "4": "a device", "6": "a device"})
    described = "%s (%s)" % (quoted, kinds.get(kind, "%d bytes" % size))
    return TarEntry(quoted, described, kind in "07", start, size)


def database_in_tar(data: mmap.mmap, end: int) -> Region:
    """Where the one database of a tar lies. Raises Damage or Packed."""
    found: List[TarEntry] = []
    others: List[str] = []
    packed = ""
    for entry in tar_entries(data, end):
        shape = ""
        if entry.is_regular:
            there = max(0, min(entry.size, end - entry.start))
            shape = shape_of(data[entry.start : entry.start + min(there, HEAD_SIZE)])
            if there < entry.size:
                if shape == "database" and not found:
                    return Region(entry.start, there, entry.size, ("tar",))
                raise Damage(
                    "short",
                    "cut short: %s in the tar ends at byte %d of %d"
                    % (entry.name, there, entry.size),
                )
        if shape == "database":
            found.append(entry)
            continue
        others.append(entry.described)
        # What is packed may be a database as well; behind the first one nobody looks for that.
        packed = packed or ("" if found else shape)
    if len(found) > 1:
        names = listed([each.name for each in found])
        raise Damage("format", "the tar holds %d databases: %s" % (len(found), names))
    if packed:
        raise Packed(packed, ("tar",))
    if not found:
        what = listed(others) or "nothing"
        raise Damage("format", "the tar holds no etcd database, but " + what)
    return Region(found[0].start, found[0].size, found[0].size, ("tar",))


def listed(names: List[str]) -> str:
    """Names in one line, the first few of them."""
    more = len(names) - NAMES_SHOWN
    return ", ".join(names[:NAMES_SHOWN]) + (" and %d more" % more if more > 0 else "")


def find_database(data: mmap.mmap, size: int) -> Region:
    """Where in the file the database lies. Raises Damage, or Packed where it has to be unpacked."""
    shape = shape_of(data[:HEAD_SIZE])
    if shape == "tar":
        return database_in_tar(data, size)
    if shape in ("gzip", "zstd"):
        raise Packed(shape, ())
    return Region(0, size, size, ())


# --- pages ---------------------------------------------------------------------------------


class Tree:
    """The pages of one database. Every page is claimed once, so that no walk can go on forever."""

    def __init__(self, data: mmap.mmap, meta: Meta, base: int = 0) -> None:
        self.data = data
        self.base = base
        self.page_size = meta.page_size
        self.pages = meta.pages
        self.claimed = bytearray(meta.pages)
        self.claimed[0] = self.claimed[1] = 1
        self.seen = 2

    def place(self, page: int) -> str:
        """A page in words."""
        return "page %d (byte %d)" % (page, page * self.page_size)

    def damage(self, page: int, what: str) -> Damage:
        """A fault in that page."""
        return Damage("structure", "%s: %s" % (self.place(page), what))

    def claim(self, page: int, by: int) -> None:
        """Take a page for the tree. Raises Damage where it is outside or taken already."""
        if not 2 <= page < self.pages:
            raise self.damage(by, "it points to page %d of %d" % (page, self.pages))
        if self.claimed[page]:
            raise self.damage(by, "it points to page %d, which is in use already" % page)
        self.claimed[page] = 1
        self.seen += 1

    def claim_overflow(self, page: int, overflow: int) -> None:
        """Take the pages that a page goes on into."""
        last = page + overflow
        if last >= self.pages:
            raise self.damage(page, "it goes on to page %d of %d" % (last, self.pages))
        if any(self.claimed[page + 1 : last + 1]):
            raise self.damage(page, "it goes on into pages that are in use already")
        self.claimed[page + 1 : last + 1] = b"\x01" * overflow
        self.seen += overflow

    def open(self, page: int) -> Tuple[int, int, int, int]:
        """A claimed page: its flags, its count, where its elements start, where it ends."""
        start = self.base + page * self.page_size
        number, flags, count, overflow = PAGE_HEADER.unpack_from(self.data, start)
        if number != page:
            raise self.damage(page, "it says to be page %d" % number)
        if overflow:
            self.claim_overflow(page, overflow)
        return flags, count, start + PAGE_HEADER.size, start + (overflow + 1) * self.page_size

    def leaves(self, root: int, by: int, backwards: bool = False) -> Iterator[Leaf]:
        """The leaves below a page, from the lowest key to the highest, or backwards."""
        data, base, page_size, unpack = (
            self.data,
            self.base,
            self.page_size,
            PAGE_HEADER.unpack_from,
        )
        claimed = self.claimed
        self.claim(root, by)
        waiting: List[Waiting] = [(root, b"", None)]
        while waiting:
            page, low, high = waiting.pop()
            start = base + page * page_size
            number, flags, count, overflow = unpack(data, start)
            if number != page:
                raise self.damage(page, "it says to be page %d" % number)
            end = start + page_size
            if overflow:
                end += overflow * page_size
                if overflow == 1 and page + 1 < self.pages and not claimed[page + 1]:
                    claimed[page + 1] = 1
                    self.seen += 1
                else:
                    self.claim_overflow(page, overflow)
            if flags == LEAF:
                if not count and page != root:
                    raise self.damage(page, "a leaf without elements")
                yield page, start + 16, count, end, low, high
            elif flags == BRANCH:
                children = self.children(page, count, start + 16, end, low, high)
                if not backwards:
                    children.reverse()
                waiting.extend(children)
            else:
                raise self.damage(page, "it is neither branch nor leaf (flags %#x)" % flags)

    def children(
        self, page: int, count: int, start: int, end: int, low: bytes, high: Optional[bytes]
    ) -> List[Waiting]:
        """A branch page's children with the bounds of their keys. It claims them."""
        behind = start + 16 * count
        if not count or behind > end:
            raise self.damage(page, "a branch with %d elements" % count)
        numbers = struct.unpack_from("<" + "IIQ" * count, self.data, start)
        keys: List[bytes] = []
        element = start
        for position, size in zip(numbers[0::3], numbers[1::3]):
            if element + position != behind or behind + size > end:
                raise self.damage(page, "a key is not where it has to be")
            keys.append(self.data[behind : behind + size])
            behind += size
            element += 16
        children = numbers[2::3]
        claimed = self.claimed
        if min(children) < 2 or max(children) >= self.pages:
            raise self.damage(page, "it points outside the database")
        for child in children:
            if claimed[child]:
                raise self.damage(page, "it points to page %d, which is in use already" % child)
            claimed[child] = 1
        self.seen += count
        self.check_order(page, keys, low, high)
        bounds: List[Optional[bytes]] = []
        bounds.extend(keys[1:])
        bounds.append(high)
        return list(zip(children, keys, bounds))

    def check_order(self, page: int, keys: List[bytes], low: bytes, high: Optional[bytes]) -> None:
        """Raise Damage unless the page's keys rise, within what its parent says."""
        if not all(map(lt, keys, keys[1:])):
            raise self.damage(page, "its keys are out of order")
        if keys and (keys[0] < low or (high is not None and keys[-1] >= high)):
            raise self.damage(page, "its keys belong into another page")

    def layout(
        self, page: int, elements: int, count: int, end: int
    ) -> Iterator[Tuple[int, int, int, int]]:
        """Of each entry of a leaf: flags, place, key size, value size; all of it in the page.

        bbolt writes keys and values one after another behind the headers, without a gap.
        """
        place = elements + 16 * count
        if place > end:
            raise self.damage(page, "a leaf with %d elements" % count)
        for element in range(elements, elements + 16 * count, 16):
            flags, position, key_size, size = struct.unpack_from("<4I", self.data, element)
            if element + position != place or place + key_size + size > end:
                raise self.damage(page, "an entry is not where it has to be")
            yield flags, place, key_size, size
            place += key_size + size

    def entries(self, leaves: Iterator[Leaf]) -> Iterator[Entry]:
        """The entries of a small bucket, in order."""
        last: Optional[bytes] = None
        for page, elements, count, end, low, high in leaves:
            for flags, place, key_size, size in self.layout(page, elements, count, end):
                key = self.data[place : place + key_size]
                if key < low or (high is not None and key >= high):
                    raise self.damage(page, "its keys belong into another page")
                if last is not None and key <= last:
                    raise self.damage(page, "its keys are out of order")
                if flags & ~BUCKET_ENTRY:
                    raise self.damage(page, "an entry of an unknown kind (%#x)" % flags)
                last = key
                yield Entry(key, flags == BUCKET_ENTRY, place + key_size, size, page)

    def bucket(self, entry: Entry, backwards: bool = False) -> Iterator[Leaf]:
        """The leaves of the bucket that a root entry stands for; a small one lies in the entry."""
        if not entry.is_bucket:
            raise self.damage(entry.page, "bucket %s is none" % shown(entry.key))
        if entry.size < BUCKET_HEADER.size:
            raise self.damage(entry.page, "bucket %s is too short" % shown(entry.key))
        root, _ = BUCKET_HEADER.unpack_from(self.data, entry.start)
        if root:
            return self.leaves(root, entry.page, backwards)
        start, end = entry.start + BUCKET_HEADER.size, entry.start + entry.size
        if end - start < PAGE_HEADER.size:
            raise self.damage(entry.page, "bucket %s is too short" % shown(entry.key))
        number, flags, count, overflow = PAGE_HEADER.unpack_from(self.data, start)
        if number or overflow or flags != LEAF:
            raise self.damage(entry.page, "bucket %s is no leaf" % shown(entry.key))
        if not count and end - start > PAGE_HEADER.size:
            raise self.damage(entry.page, "bucket %s has lost its elements" % shown(entry.key))
        return iter([(entry.page, start + PAGE_HEADER.size, count, end, b"", None)])

    def check_freelist(self, page: int) -> None:
        """The list of free pages, where one is written (etcd writes none): none may be in use."""
        if page == NO_FREELIST:
            return
        self.claim(page, 0)
        flags, count, start, end = self.open(page)
        if flags != FREELIST:
            raise self.damage(page, "it is no list of free pages (flags %#x)" % flags)
        if count == 0xFFFF and start + 8 <= end:
            (count,) = struct.unpack_from("<Q", self.data, start)
            start += 8
        if start + 8 * count > end:
            raise self.damage(page, "a list of %d free pages" % count)
        for (free,) in struct.iter_unpack("<Q", self.data[start : start + 8 * count]):
            if not 2 <= free < self.pages or self.claimed[free]:
                raise self.damage(page, "it calls page %d free" % free)
            self.claimed[free] = 1


def shown(name: bytes, longest: int = 200) -> str:
    """A name from the file as text that a terminal can bear."""
    text = name[:longest].decode("utf-8", "backslashreplace")
    return "".join(each if each.isprintable() else "\\x%02x" % ord(each) for each in text)


# --- protobuf ------------------------------------------------------------------------------


def varint(data: bytes, at: int) -> Tuple[int, int]:
    """The number at that place, and where it ends. Raises ValueError where none is."""
    value = 0
    for shift in range(0, 70, 7):
        if at >= len(data):
            break
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
    raise ValueError("no number")


def fields(data: bytes) -> Dict[int, Any]:
    """The fields of a protobuf message: numbers, and (start, size) for what has a length.

    Raises ValueError where the bytes are none.
    """
    found: Dict[int, Any] = {}
    at = 0
    while at < len(data):
        tag, at = varint(data, at)
        if tag & 7 == 0:
            found[tag >> 3], at = varint(data, at)
        elif tag & 7 == 2:
            size, at = varint(data, at)
            if at + size > len(data):
                raise ValueError("a field is longer than its message")
            found[tag >> 3] = (at, size)
            at += size
        else:
            raise ValueError("a field of an unknown kind")
    return found


# --- the key bucket ------------------------------------------------------------------------

VARINT = rb"[\x80-\xff]*[\x00-\x7f]"
AFTER_KEY = re.compile(
    rb"\x10"
    + VARINT
    + rb"\x18"
    + VARINT
    + rb"\x20"
    + VARINT
    + rb"(?:\x2a("
    + VARINT
    + rb")(k8s:enc:)?)?"
)
"""An mvccpb.KeyValue behind its key: created, modified, version, and the value's size."""
MODIFIED = re.compile(rb"\x10" + VARINT + rb"\x18(" + VARINT + rb")")

ENCRYPTED = re.compile(rb"k8s:enc:([a-z0-9]{1,32}):(v[0-9]{1,2}):([^:\x00-\x1f]{1,256}):")
"""How a value begins that the API server encrypted: provider, version, name of the key."""


class Keyspace:
    """What the revisions in the `key` bucket come to."""

    def __init__(self, tree: Tree) -> None:
        self.tree = tree
        self.entries = 0
        self.revision = 0
        self.live = 0
        self.leased = 0
        self.groups: Dict[bytes, List[int]] = {}
        """Live keys and bytes of values, by what stands in front of a key's last slash."""
        self.encryption: Dict[Tuple[bytes, ...], int] = {}
        self.newer = 0
        """The revision behind the one at hand; 0 where it need not follow at once."""
        self.missing: List[Tuple[int, int]] = []
        """Revisions that ought to be there, as first and last."""

    def scan(  # noqa: PLR0912, PLR0915 - a call for every branch of it would take half as long again
        self, leaves: Iterator[Leaf], thorough: bool, compacted: int, on_pages: Callable[[], None]
    ) -> None:
        """Go through all revisions, newest first, so that a key's first one is the one that counts.

        Most of the time of a reading passes in here. `thorough` looks at the values of superseded
        revisions as well, and at what only a hash could tell otherwise; `compacted` is the latest
        revision of which some may be gone.
        """
        data, damage, groups, match = self.tree.data, self.tree.damage, self.groups, AFTER_KEY.match
        put, deletion = PUT.unpack_from, DELETION.unpack_from
        seen: Set[bytes] = set()
        forms: Dict[int, Any] = {}
        sizes: Dict[Optional[bytes], int] = {None: 0}
        see = seen.add
        for pages, (page, elements, count, end, low, high) in enumerate(leaves):
            header = behind = elements + 16 * count
            if header > end:
                raise damage(page, "a leaf with %d elements" % count)
            form = forms.get(count)
            if form is None:
                form = forms[count] = struct.Struct("<%dI" % (4 * count)).unpack_from
            last, above = high or LATEST, 0
            numbers = reversed(form(data, elements))
            for size, key_size, position, flags in zip(numbers, numbers, numbers, numbers):
                header -= 16
                place = header + position
                value = place + key_size
                stop = value + size
                if stop != above and (above or stop > end):
                    raise damage(page, "an entry is not where it has to be")
                above = place
                if key_size == 17 and size > 1:
                    revision, mark, length = put(data, place)
                elif key_size == 18 and size > 1:
                    revision, mark, length = deletion(data, place)
                else:
                    revision, mark, length = data[place : place + 17], 0, 0
                if flags or (not mark and key_size not in REVISION_SIZES):
                    raise damage(page, "an entry of an unknown kind among the revisions")
                if revision >= last:
                    raise damage(page, "its keys are out of order")
                last = revision
                if mark != 10:
                    if size:
                        raise damage(page, "a revision holds no key and value")
                    # The mark that raising the revision at a restore leaves.
                    self.newer = 0
                    continue
                start = value + 2
                if length > 127:
                    length, start = self.long_key(page, value, stop)
                tail = start + length
                if tail > stop:
                    raise damage(page, "a key is longer than its revision")
                key = data[start:tail]
                if thorough:
                    self.check_entry(page, place, key_size, tail, stop)
                    self.check_succession(REVISION.unpack_from(data, place)[0], compacted)
                if key in seen:
                    continue
                see(key)
                if key_size != 17:
                    continue
                found = match(data, tail, stop)
                if found is None:
                    raise damage(page, "the value of %s is damaged" % shown(key))
                encoded, encrypted = found.groups()
                length = sizes.get(encoded, -1)
                if length < 0:
                    length = sizes[encoded] = varint(encoded, 0)[0]
                start = found.end(1) if encrypted else found.end()
                if start + length != stop:
                    self.check_entry(page, place, 17, tail, stop)
                    self.leased += 1
                if encrypted:
                    self.note_encryption(start, start + length)
                group = key.rpartition(b"/")[0]
                counted = groups.get(group)
                if counted is None:
                    groups[group] = [1, length]
                else:
                    counted[0] += 1
                    counted[1] += length
            if count:
                if above != behind:
                    raise damage(page, "an entry is not where it has to be")
                if last < low[:17]:
                    raise damage(page, "its keys belong into another page")
                if not self.entries:
                    newest = behind - 16 + form(data, elements)[-3]
                    self.revision = REVISION.unpack_from(data, newest)[0]
                self.entries += count
            if not pages & 1023:
                on_pages()
        self.live = sum(count for count, _ in groups.values())

    def long_key(self, page: int, value: int, stop: int) -> Tuple[int, int]:
        """Length and place of a key of 128 bytes or more."""
        try:
            length, start = varint(self.tree.data[value : min(value + 12, stop)], 1)
        except ValueError:
            raise self.tree.damage(page, "a revision holds no key and value") from None
        return length, value + start

    def check_entry(self, page: int, place: int, key_size: int, behind: int, stop: int) -> None:
        """Raise Damage unless what follows a key is whole, and fits the revision it lies under."""
        main, mark, _ = REVISION.unpack_from(self.tree.data, place)
        try:
            if mark != b"_":
                raise ValueError("no revision")
            if key_size == 17:
                self.check_value(main, behind, stop)
            elif self.tree.data[place + 17 : place + 18] != b"t" or behind != stop:
                raise ValueError("no deletion")
        except ValueError:
            raise self.tree.damage(
                page, "a revision at byte %d is damaged" % (place - self.tree.base)
            ) from None

    def check_value(self, main: int, behind: int, stop: int) -> None:
        """What follows a key that was written at that revision. Raises ValueError."""
        found = AFTER_KEY.match(self.tree.data, behind, stop)
        modified = MODIFIED.match(self.tree.data, behind, stop)
        if not found or not modified:
            raise ValueError("no value")
        if varint(modified.group(1), 0)[0] != main:
            raise ValueError("another revision")
        size, tail = 0, found.end()
        if found.group(1):
            size, tail = varint(found.group(1), 0)[0], found.end(1)
        if tail + size != stop:
            self.check_lease(tail + size, stop)

    def check_lease(self, tail: int, stop: int) -> None:
        """What follows the value can only be the lease. Raises ValueError."""
        if tail >= stop or self.tree.data[tail] != 0x30:
            raise ValueError("no lease")
        _, behind = varint(self.tree.data[tail : min(tail + 12, stop)], 1)
        if tail + behind != stop:
            raise ValueError("no lease")

    def check_succession(self, main: int, compacted: int) -> None:
        """Note where revisions are missing that nobody has compacted away."""
        first = max(main, compacted) + 1
        if first < self.newer:
            self.missing.append((first, self.newer - 1))
        self.newer = main

    def note_encryption(self, start: int, stop: int) -> None:
        """Count a value under the key that it was encrypted with."""
        found = ENCRYPTED.match(self.tree.data, start, stop)
        if found:
            name = found.groups()
            self.encryption[name] = self.encryption.get(name, 0) + 1


# --- Kubernetes ----------------------------------------------------------------------------

REGISTRY = b"/registry/"
STORED_AS = {"minions": "nodes", "services/specs": "services", "services/endpoints": "endpoints"}
"""Resources whose place in the registry is not their name."""


def resource_of(group: bytes) -> Optional[Tuple[str, str]]:
    """Resource and namespace ("" for none) of what stands in front of a key's last slash.

    The layout is `/registry/RESOURCE/[NAMESPACE/]NAME`, and with the API group in front of the
    resource for custom resources and aggregated APIs; such a group has a dot in its name.
    """
    if not group.startswith(REGISTRY):
        return None
    parts = shown(group[len(REGISTRY) :]).split("/")
    if "" in parts:
        return None
    if len(parts) > 1 and "." in parts[0]:
        resource, rest = parts[1] + "." + parts[0], parts[2:]
    elif len(parts) > 1 and "/".join(parts[:2]) in STORED_AS:
        resource, rest = STORED_AS["/".join(parts[:2])], parts[2:]
    else:
        resource, rest = STORED_AS.get(parts[0], parts[0]), parts[1:]
    return resource, rest[0] if rest else ""


def largest(counted: Dict[str, List[int]]) -> List[Dict[str, Any]]:
    """Names with count and bytes, those with the most bytes first."""
    names = sorted(counted, key=lambda name: (-counted[name][1], name))
    return [
        {"name": name, "count": counted[name][0], "bytes": counted[name][1]}
        for name in names[:MOST_NAMED]
    ]


def kubernetes(groups: Dict[bytes, List[int]]) -> Dict[str, Any]:
    """Live keys counted by resource and by namespace; `otherKeys` are not Kubernetes'."""
    resources: Dict[str, List[int]] = {}
    namespaces: Dict[str, List[int]] = {}
    others = 0
    for group, (count, size) in groups.items():
        named = resource_of(group)
        if named is None:
            others += count
            continue
        for name, counted in ((named[0], resources), (named[1], namespaces)):
            if name:
                total = counted.setdefault(name, [0, 0])
                total[0] += count
                total[1] += size
    return {
        "resources": largest(resources),
        "namespaces": largest(namespaces),
        "otherKeys": others,
    }


# --- the small buckets ---------------------------------------------------------------------

ALARMS = {1: "NOSPACE", 2: "CORRUPT"}
EXPECTED = (b"alarm", b"auth", b"cluster", b"lease", b"members", b"meta")
"""Buckets that every etcd makes when it starts."""


class Contents:
    """Everything that the database tells, collected bucket by bucket."""

    def __init__(self, tree: Tree) -> None:
        self.tree = tree
        self.total = 0
        self.keyspace = Keyspace(tree)
        self.buckets: Set[bytes] = set()
        self.found = {
            "clusterVersion": "",
            "storageVersion": "",
            "members": [],
            "alarms": [],
            "leases": 0,
            "authEnabled": False,
            "consistentIndex": 0,
            "term": 0,
            "compactedRevision": 0,
        }  # type: Dict[str, Any]

    def read(self, meta: Meta, brief: bool, thorough: bool, on_pages: Callable[[], None]) -> None:
        """Read all buckets; `brief` only looks for the last revision of the keys."""
        collect = {
            b"meta": self.on_meta,
            b"cluster": self.on_cluster,
            b"members": self.on_member,
            b"alarm": self.on_alarm,
            b"auth": self.on_auth,
            b"lease": self.on_lease,
        }  # type: Dict[bytes, Callable[[Entry], None]]
        key_bucket: Optional[Entry] = None
        for bucket in list(self.tree.entries(self.tree.leaves(meta.root, 0))):
            self.buckets.add(bucket.key)
            if bucket.key == b"key":
                key_bucket = bucket
                continue
            on_entry = collect.get(bucket.key, self.on_nothing)
            if brief and bucket.key == b"lease":
                continue
            for entry in self.tree.entries(self.tree.bucket(bucket)):
                if entry.is_bucket:
                    raise self.tree.damage(entry.page, "a bucket inside a bucket")
                self.total += 1
                try:
                    on_entry(entry)
                except (ValueError, RecursionError, struct.error):
                    raise self.tree.damage(
                        entry.page,
                        "%s in bucket %s is damaged" % (shown(entry.key), shown(bucket.key)),
                    ) from None
        if key_bucket is None:
            raise Damage("format", "no etcd database: it has no bucket of keys")
        if brief:
            self.keyspace.revision = last_revision(self.tree, key_bucket)
        else:
            leaves = self.tree.bucket(key_bucket, backwards=True)
            self.keyspace.scan(leaves, thorough, self.found["compactedRevision"], on_pages)
            self.tree.check_freelist(meta.freelist)
        self.found["members"].sort(key=lambda member: (member["name"], member["id"]))
        self.found["alarms"].sort(key=lambda alarm: (alarm["alarm"], alarm["member"]))

    def value(self, entry: Entry) -> bytes:
        """An entry's value."""
        return self.tree.data[entry.start : entry.start + entry.size]

    def on_nothing(self, entry: Entry) -> None:
        """Buckets that are only counted."""

    def on_meta(self, entry: Entry) -> None:
        """Where raft stood, and what has been compacted."""
        value = self.value(entry)
        if entry.key == b"consistent_index":
            self.found["consistentIndex"] = struct.unpack(">Q", value)[0]
        elif entry.key == b"term":
            self.found["term"] = struct.unpack(">Q", value)[0]
        elif entry.key == b"storageVersion":
            self.found["storageVersion"] = shown(value)
        elif entry.key in (b"finishedCompactRev", b"scheduledCompactRev"):
            revision = REVISION.unpack(value)[0]
            self.found["compactedRevision"] = max(self.found["compactedRevision"], revision)

    def on_cluster(self, entry: Entry) -> None:
        """The cluster's version."""
        if entry.key == b"clusterVersion":
            self.found["clusterVersion"] = shown(self.value(entry))

    def on_member(self, entry: Entry) -> None:
        """A member, which etcd stores as JSON under its id in hex."""
        import json  # Late, so that the hash is under way before.

        member = json.loads(self.value(entry).decode("utf-8"))
        if not isinstance(member, dict) or not isinstance(member.get("id"), int):
            raise ValueError("a member without an id")
        if member["id"] != int(entry.key, 16):
            raise ValueError("a member under another's id")
        self.found["members"].append(
            {
                "id": member["id"],
                "name": text_of(member.get("name")),
                "peerURLs": texts_of(member.get("peerURLs")),
                "clientURLs": texts_of(member.get("clientURLs")),
                "learner": member.get("isLearner") is True,
            }
        )

    def on_alarm(self, entry: Entry) -> None:
        """An alarm: an etcdserverpb.AlarmMember as the key."""
        alarm = fields(entry.key)
        member, kind = alarm.get(1, 0), alarm.get(2, 0)
        if not isinstance(member, int) or not isinstance(kind, int):
            raise ValueError("no alarm")
        self.found["alarms"].append({"member": member, "alarm": ALARMS.get(kind, str(kind))})

    def on_auth(self, entry: Entry) -> None:
        """Whether clients have to say who they are."""
        if entry.key == b"authEnabled":
            value = self.value(entry)
            if value not in (b"\x00", b"\x01"):
                raise ValueError("neither on nor off")
            self.found["authEnabled"] = value == b"\x01"

    def on_lease(self, entry: Entry) -> None:
        """A lease: an 8-byte id and a leasepb.Lease."""
        if len(entry.key) != 8:
            raise ValueError("no lease")
        fields(self.value(entry))
        self.found["leases"] += 1

    def document(self, brief: bool) -> Document:
        """Everything as it is printed."""
        keys = self.keyspace
        document = dict(self.found, revision=keys.revision)
        if not brief:
            document.update(kubernetes(keys.groups))
            document["keys"] = self.total + keys.entries
            document["liveKeys"] = keys.live
            document["leasedKeys"] = keys.leased
            document["encryption"] = [
                {"provider": name, "key": key, "count": count}
                for name, key, count in sorted(map(encryption_of, keys.encryption.items()))
            ]
        return document

    def remarks(self) -> List[str]:
        """What a person should know beside the contents."""
        remarks = ["it has no bucket %s" % shown(x) for x in EXPECTED if x not in self.buckets]
        missing = self.keyspace.missing
        if missing:
            count = sum(last - first + 1 for first, last in missing)
            remarks.append("%d revisions are missing, the latest is %d" % (count, missing[0][1]))
        return remarks


def encryption_of(counted: Tuple[Tuple[bytes, ...], int]) -> Tuple[str, str, int]:
    """Provider, key name, count; the provider with the format's version where it is not v1."""
    provider, version, key = map(shown, counted[0])
    return (provider if version == "v1" else provider + " " + version), key, counted[1]


def text_of(value: object) -> str:
    """Text out of somebody's JSON, without what a terminal would obey."""
    return shown(value.encode("utf-8", "backslashreplace")) if isinstance(value, str) else ""


def texts_of(value: object) -> List[str]:
    """Several texts."""
    return [text_of(each) for each in value] if isinstance(value, list) else []


def last_revision(tree: Tree, bucket: Entry) -> int:
    """The highest revision, by going down on the right only."""
    root = BUCKET_HEADER.unpack_from(tree.data, bucket.start)[0] if bucket.size >= 16 else 0
    if root and bucket.is_bucket:
        page, by = root, bucket.page
        flags = BRANCH
        while flags == BRANCH:
            tree.claim(page, by)
            flags, count, start, end = tree.open(page)
            if flags == BRANCH:
                if not count or start + 16 * count > end:
                    raise tree.damage(page, "a branch with %d elements" % count)
                by = page
                page = struct.unpack_from("<Q", tree.data, start + 16 * count - 8)[0]
        if flags != LEAF:
            raise tree.damage(page, "it is neither branch nor leaf (flags %#x)" % flags)
    else:
        page, start, count, end, _, _ = next(tree.bucket(bucket))
    last = 0
    for _, place, key_size, _ in tree.layout(page, start, count, end):
        if key_size not in REVISION_SIZES:
            raise tree.damage(page, "a revision of impossible size")
        last = REVISION.unpack_from(tree.data, place)[0]
    return last


# --- the whole file ------------------------------------------------------------------------


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
    meta, contents, damage, remarks = None, None, None, []  # type: Any, Any, Any, List[str]
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


# --- side by side --------------------------------------------------------------------------

SHORTER = "it became shorter while it was read, or its disk cannot be read"
NO_MEMORY = "there is not enough memory to read it"
SIGBUS = 7

Work = Callable[[Tell], Tuple[Any, ...]]


class Worker:
    """A piece of work in a process of its own, which tells how far it is and what it found.

    It never outlives this process: it would have nobody to tell, and ends.
    """

    def __init__(self, work: Work) -> None:
        self.source, target = os.pipe()
        self.told = b""
        self.pid = os.fork()
        if not self.pid:
            os.close(self.source)
            work_and_end(work, target)
        os.close(target)

    def hear(self) -> int:
        """Wait for more, and give the bytes done since; -1 where it has nothing more to say."""
        piece = os.read(self.source, 1 << 16)
        if not piece:
            return -1
        self.told += piece
        done = 0
        while b"\n" in self.told and not self.told.startswith(b"="):
            count, _, self.told = self.told.partition(b"\n")
            done += int(count)
        return done

    def found(self) -> Tuple[Any, ...]:
        """What it found, after it has nothing more to say. Raises OSError where that is nothing."""
        _, status = os.waitpid(self.pid, 0)
        self.pid = 0
        if os.WIFSIGNALED(status):
            signal = os.WTERMSIG(status)
            why = SHORTER if signal == SIGBUS else "reading was ended by signal %d" % signal
            raise OSError(0, why)
        if status:
            raise OSError(0, "reading it failed")
        answer = marshal.loads(self.told[1:])
        if isinstance(answer, str):
            raise OSError(0, answer)
        return tuple(answer)

    def end(self) -> None:
        """End it, whatever it does."""
        os.close(self.source)
        if self.pid:
            os.kill(self.pid, 9)
            os.waitpid(self.pid, 0)


def work_and_end(work: Work, target: int) -> None:
    """What a worker's process does: it tells numbers, one a line, and behind "=" what it found."""
    done = [0]

    def tell(count: int) -> None:
        done[0] += count
        if done[0] >= TOLD_EVERY:
            os.write(target, b"%d\n" % done[0])
            done[0] = 0

    status = 1
    try:
        try:
            answer = tuple(work(tell))  # type: Any
        except BrokenPipeError:
            raise
        except OSError as error:
            answer = error.strerror or str(error)
        except MemoryError:
            answer = NO_MEMORY
        rest = b"=" + marshal.dumps(answer)
        while rest:
            rest = rest[os.write(target, rest) :]
        status = 0
    except BrokenPipeError:
        pass
    finally:
        if sys.exc_info()[1]:
            sys.excepthook(*sys.exc_info())
        os._exit(status)


def side_by_side(works: List[Work], tell: Tell) -> List[Tuple[Any, ...]]:
    """Do the pieces of work at the same time, each in a process of its own. Raises OSError."""
    workers: List[Worker] = []
    try:
        for work in works:
            workers.append(Worker(work))
        import json  # noqa: F401 - while there is nothing else to do.

        waiting = {worker.source: worker for worker in workers}
        while waiting:
            for source in select.select(list(waiting), [], [])[0]:
                done = waiting[source].hear()
                if done < 0:
                    del waiting[source]
                else:
                    tell(done)
        return [worker.found() for worker in workers]
    finally:
        for worker in workers:
            worker.end()


# --- the answer ----------------------------------------------------------------------------


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


def main(arguments: List[str]) -> int:
    """The program."""
    options = [each for each in arguments if each.startswith("--")]
    paths = [each for each in arguments if not each.startswith("--")]
    if len(paths) != 1 or set(options) - {"--brief", "--progress"}:
        sys.stderr.write("usage: reader.py [--brief] [--progress] FILE\n")
        return 2
    report = tell_on_stderr if "--progress" in options else None
    try:
        document = read_database(paths[0], "--brief" in options, report, forked=True)
    except OSError as error:
        document = {"error": error.strerror or str(error)}
    import json

    sys.stdout.write(json.dumps(document) + "\n")
    return 2 if "error" in document else 0


def tell_on_stderr(done: int, total: int) -> None:
    """A line of progress."""
    sys.stderr.write("%d %d\n" % (done, total))
    sys.stderr.flush()


def run() -> None:
    """The program as a process, which ends at once, without tidying up its memory."""
    status = main(sys.argv[1:])
    sys.stdout.flush()
    os._exit(status)


if __name__ == "__main__":
    run()
