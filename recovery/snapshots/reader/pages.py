"""The pages of one database: a B+tree for every bucket, in which no page comes twice."""

import mmap
import struct
from operator import lt
from typing import Iterator, List, Optional, Tuple

from recovery.snapshots.reader.file_format import (
    BRANCH,
    BUCKET_ENTRY,
    BUCKET_HEADER,
    FREELIST,
    LEAF,
    PAGE_HEADER,
    Damage,
    Entry,
    Meta,
)
from recovery.snapshots.reader.shown import shown

NO_FREELIST = (1 << 64) - 1
Leaf = Tuple[int, int, int, int, bytes, Optional[bytes]]
"""A leaf page: its number, the place of its first element header, how many there are, where the
page ends, and between which keys its keys lie. A plain tuple: there are hundreds of thousands."""
Waiting = Tuple[int, bytes, Optional[bytes]]
"""A page to be visited, and between which keys its keys lie."""


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
