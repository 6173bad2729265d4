"""Read an etcd database file: is it whole, and what is inside?

One file, standard library only, Python 3.6 and later, so that it runs on a node's own python3 as
well (`python3 - FILE < reader.py`). It opens the file read-only, maps it, and treats every byte
as hostile: whatever is wrong becomes a `Damage` with its place.

As a program it prints one JSON document. `--progress` writes "DONE TOTAL" lines to stderr;
`--brief` leaves out the hash and whatever needs every page (`keys`, `liveKeys`, resources).

The file format is bbolt's: pages of a fixed size, two meta pages in front, a B+tree of pages for
every bucket. The buckets' contents are etcd's.
"""
# ruff: noqa: PTH123, UP - what Python 3.6 knows, and plain paths.

import gc
import hashlib
import json
import mmap
import os
import re
import stat
import struct
import sys
import threading
from itertools import accumulate, chain
from operator import add, lt
from typing import Any, Callable, Dict, Iterator, List, NamedTuple, Optional, Tuple

MAGIC = 0xED0CDAED
FORMAT_VERSION = 2
SMALLEST_PAGE = 1 << 10
LARGEST_PAGE = 1 << 20
MOST_PAGES = 1 << 28
NO_FREELIST = (1 << 64) - 1

BRANCH, LEAF, META, FREELIST = 0x01, 0x02, 0x04, 0x10
BUCKET_ENTRY = 0x01

HASH_SIZE = 32
HASH_CHUNK = 32 << 20
MOST_NAMED = 10000

PAGE_HEADER = struct.Struct("<QHHI")
META_FIELDS = struct.Struct("<IIIIQQQQQQ")
BUCKET_HEADER = struct.Struct("<QQ")
REVISION = struct.Struct(">QcQ")
REVISION_SIZES = frozenset((17, 18))

Report = Callable[[int, int], None]
Document = Dict[str, Any]


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


class Leaf(NamedTuple):
    """A leaf page: its first element header, how many, where it ends, its keys' bounds."""

    page: int
    elements: int
    entries: int
    end: int
    low: bytes
    high: Optional[bytes]


# --- the file ------------------------------------------------------------------------------


def fnv64a(data: bytes) -> int:
    """The checksum of a meta page."""
    value = 0xCBF29CE484222325
    for byte in data:
        value = ((value ^ byte) * 0x100000001B3) & 0xFFFFFFFFFFFFFFFF
    return value


def meta_at(data: mmap.mmap, place: int) -> Optional[Meta]:
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


def choose_meta(data: mmap.mmap) -> Tuple[Meta, bool]:
    """The valid meta page of the latest transaction, and whether both are valid."""
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
        raise Damage("format", no_database(data))
    meta = max(found, key=lambda each: each.transaction)
    if meta.page_size not in sizes or any(each.page_size != meta.page_size for each in found):
        raise Damage("structure", "the meta pages give an impossible page size")
    if not 3 <= meta.pages <= MOST_PAGES:
        raise Damage("structure", "the meta page gives an impossible number of pages")
    return meta, len(found) == 2


def no_database(data: mmap.mmap) -> str:
    """Words for a file without a valid meta page."""
    head = data[: 64 << 10]
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


# --- pages ---------------------------------------------------------------------------------


class Tree:
    """The pages of one database. Every page is claimed once, so that no walk can go on forever."""

    def __init__(self, data: mmap.mmap, meta: Meta) -> None:
        self.data = data
        self.page_size = meta.page_size
        self.pages = meta.pages
        self.claimed = bytearray(meta.pages)
        self.claimed[0] = self.claimed[1] = 1
        self.seen = 2
        self.formats = {}  # type: Dict[int, struct.Struct]

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

    def open(self, page: int) -> Tuple[int, int, int, int]:
        """A claimed page: its flags, its count, where its elements start, where it ends."""
        start = page * self.page_size
        number, flags, count, overflow = PAGE_HEADER.unpack_from(self.data, start)
        if number != page:
            raise self.damage(page, "it says to be page %d" % number)
        if overflow:
            last = page + overflow
            if last >= self.pages:
                raise self.damage(page, "it goes on to page %d of %d" % (last, self.pages))
            if any(self.claimed[page + 1 : last + 1]):
                raise self.damage(page, "it goes on into pages that are in use already")
            self.claimed[page + 1 : last + 1] = b"\x01" * overflow
            self.seen += overflow
        return flags, count, start + PAGE_HEADER.size, start + (overflow + 1) * self.page_size

    def leaves(self, root: int, by: int) -> Iterator[Leaf]:
        """The leaves below a page, from the lowest key to the highest."""
        self.claim(root, by)
        waiting = [(root, b"", None)]  # type: List[Tuple[int, bytes, Optional[bytes]]]
        while waiting:
            page, low, high = waiting.pop()
            flags, count, start, end = self.open(page)
            if flags == LEAF:
                yield Leaf(page, start, count, end, low, high)
            elif flags == BRANCH:
                children = self.children(page, count, start, end, low, high)
                children.reverse()
                waiting.extend(children)
            else:
                raise self.damage(page, "it is neither branch nor leaf (flags %#x)" % flags)

    def children(
        self, page: int, count: int, start: int, end: int, low: bytes, high: Optional[bytes]
    ) -> List[Tuple[int, bytes, Optional[bytes]]]:
        """A branch page's children with the bounds of their keys."""
        behind = start + 16 * count
        if not count or behind > end:
            raise self.damage(page, "a branch with %d elements" % count)
        numbers = []  # type: List[int]
        keys = []  # type: List[bytes]
        bounds = []  # type: List[Optional[bytes]]
        for element in range(start, start + 16 * count, 16):
            position, size, child = struct.unpack_from("<IIQ", self.data, element)
            if element + position != behind or behind + size > end:
                raise self.damage(page, "a key is not where it has to be")
            self.claim(child, page)
            numbers.append(child)
            keys.append(self.data[behind : behind + size])
            behind += size
        self.check_order(page, keys, low, high)
        bounds.extend(keys[1:])
        bounds.append(high)
        return list(zip(numbers, keys, bounds))

    def check_order(self, page: int, keys: List[bytes], low: bytes, high: Optional[bytes]) -> None:
        """Raise Damage unless the page's keys rise, within what its parent says."""
        if not all(map(lt, keys, keys[1:])):
            raise self.damage(page, "its keys are out of order")
        if keys and (keys[0] < low or (high is not None and keys[-1] >= high)):
            raise self.damage(page, "its keys belong into another page")

    def layout(
        self, leaf: Leaf
    ) -> Tuple[Tuple[int, ...], List[int], Tuple[int, ...], Tuple[int, ...]]:
        """Of each entry of a leaf: flags, place, key size, value size; all of it in the page.

        bbolt writes keys and values one after another behind the headers, without a gap.
        """
        count = leaf.entries
        behind = leaf.elements + 16 * count
        if behind > leaf.end:
            raise self.damage(leaf.page, "a leaf with %d elements" % count)
        form = self.formats.get(count)
        if form is None:
            form = self.formats[count] = struct.Struct("<%dI" % (4 * count))
        numbers = form.unpack_from(self.data, leaf.elements)
        key_sizes, value_sizes = numbers[2::4], numbers[3::4]
        places = list(map(add, numbers[1::4], range(leaf.elements, behind, 16)))
        due = list(accumulate(chain((behind,), map(add, key_sizes, value_sizes))))
        if due.pop() > leaf.end or places != due:
            raise self.damage(leaf.page, "an entry is not where it has to be")
        return numbers[0::4], places, key_sizes, value_sizes

    def entries(self, leaves: Iterator[Leaf]) -> Iterator[Entry]:
        """The entries of a small bucket, in order."""
        last = b""
        for leaf in leaves:
            flags, places, key_sizes, value_sizes = self.layout(leaf)
            keys = [self.data[at : at + size] for at, size in zip(places, key_sizes)]
            self.check_order(leaf.page, keys, max(leaf.low, last), leaf.high)
            last = keys[-1] + b"\0" if keys else last
            for flag, at, key, size in zip(flags, places, keys, value_sizes):
                if flag & ~BUCKET_ENTRY:
                    raise self.damage(leaf.page, "an entry of an unknown kind (%#x)" % flag)
                yield Entry(key, flag == BUCKET_ENTRY, at + len(key), size, leaf.page)

    def bucket(self, entry: Entry) -> Iterator[Leaf]:
        """The leaves of the bucket that a root entry stands for; a small one lies in the entry."""
        if not entry.is_bucket:
            raise self.damage(entry.page, "bucket %s is none" % shown(entry.key))
        if entry.size < BUCKET_HEADER.size:
            raise self.damage(entry.page, "bucket %s is too short" % shown(entry.key))
        root, _ = BUCKET_HEADER.unpack_from(self.data, entry.start)
        if root:
            return self.leaves(root, entry.page)
        start, end = entry.start + BUCKET_HEADER.size, entry.start + entry.size
        if end - start < PAGE_HEADER.size:
            raise self.damage(entry.page, "bucket %s is too short" % shown(entry.key))
        number, flags, count, overflow = PAGE_HEADER.unpack_from(self.data, start)
        if number or overflow or flags != LEAF:
            raise self.damage(entry.page, "bucket %s is no leaf" % shown(entry.key))
        return iter([Leaf(entry.page, start + PAGE_HEADER.size, count, end, b"", None)])

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


def shown(name: bytes) -> str:
    """A name from the file as text that a terminal can bear."""
    text = name[:200].decode("utf-8", "backslashreplace")
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
    found = {}  # type: Dict[int, Any]
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

VARINT = rb"([\x80-\xff]{0,9}[\x00-\x7f])"
AFTER_KEY = re.compile(
    rb"\x10" + VARINT + rb"\x18" + VARINT + rb"\x20" + VARINT + rb"(?:\x2a" + VARINT + rb")?"
    rb"(k8s:enc:[a-z0-9]{1,32}:v[0-9]{1,2}:[^:\x00-\x1f]{1,256}:)?"
)
"""An mvccpb.KeyValue behind its key: created, modified, version; a value's size and beginning."""


class Keyspace:
    """What the revisions in the `key` bucket come to."""

    def __init__(self, tree: Tree) -> None:
        self.tree = tree
        self.entries = 0
        self.revision = 0
        self.live = {}  # type: Dict[bytes, int]
        """A live key's element header, as its place in the file."""
        self.groups = {}  # type: Dict[bytes, List[int]]
        """Live keys and bytes of values, by what stands before a key's last slash."""
        self.encryption = {}  # type: Dict[bytes, int]
        self.leased = 0

    def scan(self, leaves: Iterator[Leaf], on_page: Callable[[], None]) -> None:
        """Go through all revisions, oldest first, and keep each key's last one."""
        data, layout, live, damage = self.tree.data, self.tree.layout, self.live, self.tree.damage
        check_order, forget = self.tree.check_order, self.live.pop
        last = b""
        for leaf in leaves:
            flags, places, key_sizes, value_sizes = layout(leaf)
            if any(flags):
                raise damage(leaf.page, "an entry of an unknown kind among the revisions")
            if not REVISION_SIZES.issuperset(key_sizes):
                raise damage(leaf.page, "a revision of impossible size")
            revisions = [data[at : at + 17] for at in places]
            if revisions:
                check_order(leaf.page, revisions, max(leaf.low[:17], last), leaf.high)
                last = revisions[-1] + b"\0"
                self.entries += len(revisions)
            header = leaf.elements
            for at, key_size, size in zip(places, key_sizes, value_sizes):
                value = at + key_size
                if size > 1 and data[value] == 10:
                    length = data[value + 1]
                    start = value + 2
                    if length > 127:
                        length, start = self.long_key(leaf, value, size)
                    end = start + length
                    if end > value + size:
                        raise damage(leaf.page, "a key is longer than its revision")
                    if key_size == 17:
                        live[data[start:end]] = header
                    else:
                        forget(data[start:end], None)
                elif size:
                    raise damage(leaf.page, "a revision holds no key and value")
                header += 16
            on_page()
        if last:
            self.revision = REVISION.unpack(last[:17])[0]

    def long_key(self, leaf: Leaf, value: int, size: int) -> Tuple[int, int]:
        """Length and place of a key of 128 bytes or more."""
        head = self.tree.data[value : value + min(size, 16)]
        try:
            length, start = varint(head, 1)
        except ValueError:
            raise self.tree.damage(leaf.page, "a revision holds no key and value") from None
        return length, value + start

    def settle(self, thorough: bool) -> None:
        """Measure the live values, and group them. `thorough` compares every revision as well."""
        data, groups, match = self.tree.data, self.groups, AFTER_KEY.match
        unpack, sizes = struct.Struct("<4I").unpack_from, {}  # type: Any, Dict[bytes, int]
        for key, header in self.live.items():
            _, position, key_size, entry_size = unpack(data, header)
            value = header + position + key_size
            end = value + entry_size
            length = len(key)
            after = value + 2 + length if length < 128 else value + length_before(length) + length
            found = match(data, after, end)
            if not found:
                raise self.broken(header, key)
            encoded = found.group(4)
            if encoded is None:
                size, tail = 0, found.end(3)
            else:
                size = sizes.get(encoded, -1)
                if size < 0:
                    size = sizes[encoded] = varint(encoded, 0)[0]
                tail = found.end(4) + size
            if tail != end:
                self.check_tail(header, key, tail, end)
            if thorough and varint(found.group(2), 0)[0] != self.main_at(header + position):
                raise self.broken(header, key)
            if found.group(5) and found.end(5) <= tail:
                self.encryption[found.group(5)] = self.encryption.get(found.group(5), 0) + 1
            group = key[: key.rfind(b"/") + 1]
            if group in groups:
                counted = groups[group]
                counted[0] += 1
                counted[1] += size
            else:
                groups[group] = [1, size]

    def check_tail(self, header: int, key: bytes, tail: int, end: int) -> None:
        """What follows the value can only be the lease."""
        if tail >= end or self.tree.data[tail] != 0x30:
            raise self.broken(header, key)
        try:
            _, behind = varint(self.tree.data[tail:end], 1)
        except ValueError:
            raise self.broken(header, key) from None
        if tail + behind != end:
            raise self.broken(header, key)
        self.leased += 1

    def main_at(self, place: int) -> int:
        """The main part of the revision at that byte."""
        number, _, _ = REVISION.unpack_from(self.tree.data, place)
        return int(number)

    def broken(self, header: int, key: bytes) -> Damage:
        """A live key's value cannot be read."""
        page = header // self.tree.page_size
        return self.tree.damage(page, "the value of %s is damaged" % shown(key))


def length_before(length: int) -> int:
    """How many bytes a protobuf key's tag and size take."""
    return 2 + sum(length >> shift > 0 for shift in (7, 14, 21, 28))


# --- Kubernetes ----------------------------------------------------------------------------

REGISTRY = b"/registry/"
STORED_AS = {"minions": "nodes", "services/specs": "services", "services/endpoints": "endpoints"}
"""Resources whose place in the registry is not their name."""


def resource_of(group: bytes) -> Optional[Tuple[str, str]]:
    """Resource and namespace ("" for none) of what stands before a key's last slash.

    The layout is `/registry/RESOURCE/[NAMESPACE/]NAME`, and with the API group in front of the
    resource for custom resources and aggregated APIs; such a group has a dot in its name.
    """
    if not group.startswith(REGISTRY):
        return None
    parts = shown(group[len(REGISTRY) : -1]).split("/")
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
    resources = {}  # type: Dict[str, List[int]]
    namespaces = {}  # type: Dict[str, List[int]]
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


class Contents:
    """Everything that the database tells, collected bucket by bucket."""

    def __init__(self, tree: Tree) -> None:
        self.tree = tree
        self.total = 0
        self.keyspace = Keyspace(tree)
        self.has_keys = False
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

    def read(self, meta: Meta, brief: bool, on_page: Callable[[], None]) -> None:
        """Read all buckets; `brief` only looks for the last revision of the keys."""
        collect = {
            b"meta": self.on_meta,
            b"cluster": self.on_cluster,
            b"members": self.on_member,
            b"alarm": self.on_alarm,
            b"auth": self.on_auth,
            b"lease": self.on_lease,
        }  # type: Dict[bytes, Callable[[Entry], None]]
        key_bucket = None  # type: Optional[Entry]
        for bucket in list(self.tree.entries(self.tree.leaves(meta.root, 0))):
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
                except (ValueError, struct.error):
                    raise self.tree.damage(
                        entry.page,
                        "%s in bucket %s is damaged" % (shown(entry.key), shown(bucket.key)),
                    ) from None
        if key_bucket is None:
            raise Damage("format", "no etcd database: it has no bucket of keys")
        if brief:
            self.keyspace.revision = last_revision(self.tree, key_bucket)
        else:
            self.keyspace.scan(self.tree.bucket(key_bucket), on_page)
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
            self.found["authEnabled"] = self.value(entry) == b"\x01"

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
            document["liveKeys"] = len(keys.live)
            document["leasedKeys"] = keys.leased
            document["encryption"] = [
                {"provider": name, "key": key, "count": count}
                for name, key, count in sorted(map(encryption_of, keys.encryption.items()))
            ]
        return document


def encryption_of(counted: Tuple[bytes, int]) -> Tuple[str, str, int]:
    """Provider and key name out of `k8s:enc:PROVIDER:v1:KEY:`."""
    _, _, provider, version, key, _ = shown(counted[0]).split(":")
    return (provider if version == "v1" else provider + " " + version), key, counted[1]


def text_of(value: object) -> str:
    """Text out of somebody's JSON, without what a terminal would obey."""
    return shown(value.encode("utf-8", "backslashreplace")) if isinstance(value, str) else ""


def texts_of(value: object) -> List[str]:
    """Several texts."""
    return [text_of(each) for each in value] if isinstance(value, list) else []


def last_revision(tree: Tree, bucket: Entry) -> int:
    """The highest revision, by going down on the right only."""
    root, _ = BUCKET_HEADER.unpack_from(tree.data, bucket.start)
    if not bucket.is_bucket or not root:
        leaf = list(tree.bucket(bucket))[-1]
    else:
        page, by = root, bucket.page
        low, high = b"", None  # type: bytes, Optional[bytes]
        while True:
            tree.claim(page, by)
            flags, count, start, end = tree.open(page)
            if flags != BRANCH:
                break
            by = page
            page, low, high = last_child(tree, page, count, start, end)
        if flags != LEAF:
            raise tree.damage(page, "it is neither branch nor leaf (flags %#x)" % flags)
        leaf = Leaf(page, start, count, end, low, high)
    _, places, key_sizes, _ = tree.layout(leaf)
    if not places:
        return 0
    if key_sizes[-1] not in REVISION_SIZES:
        raise tree.damage(leaf.page, "a revision of impossible size")
    return int(REVISION.unpack_from(tree.data, places[-1])[0])


def last_child(
    tree: Tree, page: int, count: int, start: int, end: int
) -> Tuple[int, bytes, Optional[bytes]]:
    """The child with the highest keys."""
    if not count or start + 16 * count > end:
        raise tree.damage(page, "a branch with %d elements" % count)
    _, _, child = struct.unpack_from("<IIQ", tree.data, start + 16 * (count - 1))
    return child, b"", None


# --- the whole file ------------------------------------------------------------------------


class Hashing(threading.Thread):
    """The sha256 of the file, beside the scan: hashlib lets go of the interpreter meanwhile."""

    def __init__(self, data: mmap.mmap, size: int, on_hashed: Callable[[int], None]) -> None:
        super().__init__(daemon=True)
        self.data = data
        self.size = size
        self.on_hashed = on_hashed
        self.matches = False
        self.sha256 = ""

    def run(self) -> None:
        """Hash what the trailer speaks about, compare, and go on to the whole file's hash."""
        digest = hashlib.sha256()
        body = max(0, self.size - HASH_SIZE)
        with memoryview(self.data) as view:
            for start in range(0, body, HASH_CHUNK):
                with view[start : min(start + HASH_CHUNK, body)] as chunk:
                    digest.update(chunk)
                self.on_hashed(min(start + HASH_CHUNK, body))
            trailer = bytes(view[body:])
        self.matches = digest.digest() == trailer
        digest.update(trailer)
        self.sha256 = digest.hexdigest()


class Progress:
    """How far scan and hash have come, as one number."""

    def __init__(self, size: int, report: Optional[Report]) -> None:
        self.size = size
        self.report = report
        self.hashed = 0
        self.scanned = 0
        self.shown = 0

    def on_hashed(self, hashed: int) -> None:
        """The hash has come to that byte."""
        self.hashed = hashed
        self.tell()

    def on_scanned(self, scanned: int) -> None:
        """The scan has seen that many bytes."""
        self.scanned = scanned
        self.tell()

    def tell(self) -> None:
        """Report every 4 MiB."""
        done = min(self.size, (self.hashed + self.scanned) // 2)
        if self.report and done - self.shown >= 4 << 20:
            self.shown = done
            self.report(done, self.size)


def read_database(path: str, brief: bool = False, report: Optional[Report] = None) -> Document:
    """What is in that file, as the JSON document's dict. Raises OSError where it is unreadable."""
    with open(path, "rb") as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise OSError(0, "not a regular file", path)
        size = status.st_size
        if not size:
            return verdict(0, Damage("format", "the file is empty"), None, None)
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            return read_mapped(data, size, brief, report)


def read_mapped(data: mmap.mmap, size: int, brief: bool, report: Optional[Report]) -> Document:
    """The same, of a mapped file."""
    progress = Progress(size, report)
    hashing = None if brief else Hashing(data, size, progress.on_hashed)
    if hashing:
        hashing.start()
    meta = contents = damage = None
    hashed = size % 512 == HASH_SIZE
    try:
        meta, both = choose_meta(data)
        hashed = check_length(size, meta)
        contents = read_contents(data, meta, brief, progress, thorough=not hashed)
    except Damage as error:
        damage = error
    if hashing:
        hashing.join()
        if hashed and not hashing.matches and (not damage or damage.kind == "structure"):
            also = "" if not damage else "; " + damage.what
            damage = Damage("hash", "the trailing sha256 does not fit the contents" + also)
    document = verdict(size, damage, meta, contents.document(brief) if contents else None)
    if not damage:
        document["integrity"] = ("unverified" if brief else "verified") if hashed else "no-hash"
    if hashing:
        document["sha256"] = hashing.sha256
    if meta and not both:
        document["remarks"].append("one of its two meta pages is damaged; the other one is used")
    return document


def read_contents(
    data: mmap.mmap, meta: Meta, brief: bool, progress: Progress, thorough: bool
) -> Contents:
    """Scan all pages. Garbage collection would only look at millions of innocent objects."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        tree = Tree(data, meta)
        contents = Contents(tree)
        contents.read(meta, brief, lambda: progress.on_scanned(tree.seen * tree.page_size))
        contents.keyspace.settle(thorough)
        return contents
    finally:
        if collecting:
            gc.enable()


def verdict(
    size: int, damage: Optional[Damage], meta: Optional[Meta], contents: Optional[Document]
) -> Document:
    """The document around the contents."""
    return {
        "integrity": "corrupt",
        "damage": damage and damage.kind,
        "reason": damage and damage.what,
        "size": size,
        "sha256": "",
        "databaseSize": meta.pages * meta.page_size if meta else 0,
        "pageSize": meta.page_size if meta else 0,
        "remarks": [],
        "contents": contents,
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
        document = read_database(paths[0], "--brief" in options, report)
    except OSError as error:
        document = {"error": error.strerror or str(error)}
    sys.stdout.write(json.dumps(document) + "\n")
    return 2 if "error" in document else 0


def tell_on_stderr(done: int, total: int) -> None:
    """A line of progress."""
    sys.stderr.write("%d %d\n" % (done, total))
    sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
