"""The `key` bucket: every revision of every key, as etcd's mvcc stores them."""

import re
import struct
from typing import Any, Callable, Dict, Iterator, List, Optional, Set, Tuple

from recovery.snapshots.reader.file_format import REVISION, REVISION_SIZES
from recovery.snapshots.reader.identity import (
    MINIONS,
    MOST_NODES,
    ROOT_CA,
    TELLING,
    fingerprints,
)
from recovery.snapshots.reader.pages import Leaf, Tree
from recovery.snapshots.reader.protobuf import varint
from recovery.snapshots.reader.shown import shown

PUT = struct.Struct("17sBB")
DELETION = struct.Struct("17sxBB")
LATEST = b"\xff" * 18
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
        self.nodes: List[bytes] = []
        """The names of Kubernetes' nodes."""
        self.authorities: List[str] = []
        """Fingerprints of the CA that Kubernetes' clients are told to trust."""
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
                if group in TELLING:
                    self.note_identity(key, start, start + length)
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

    def note_identity(self, key: bytes, start: int, stop: int) -> None:
        """Keep what tells which cluster this is."""
        if key == ROOT_CA:
            self.authorities = fingerprints(self.tree.data[start:stop])
        elif key.startswith(MINIONS) and len(self.nodes) < MOST_NODES:
            self.nodes.append(key.rpartition(b"/")[2])

    def note_encryption(self, start: int, stop: int) -> None:
        """Count a value under the key that it was encrypted with."""
        found = ENCRYPTED.match(self.tree.data, start, stop)
        if found:
            name = found.groups()
            self.encryption[name] = self.encryption.get(name, 0) + 1
