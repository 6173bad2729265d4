"""A tar around the database: where in it that lies. By the rules of Python's tarfile."""

import mmap
from typing import Any, Dict, Iterator, List, NamedTuple, Optional, Tuple

from recovery.snapshots.reader.file_format import MAGIC, Damage, Region

HEAD_SIZE = 72 << 10
"""How much of a file shows what it is: two meta pages of the largest usual size."""
TAR_BLOCK = 512
MOST_TAR_ENTRIES = 100000
MOST_TAR_HEADER = 1 << 20
NAMES_SHOWN = 8


class TarEntry(NamedTuple):
    """A file in a tar; `described` is its name and what it is, safe on a terminal."""

    name: str
    described: str
    is_regular: bool
    start: int
    size: int


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
