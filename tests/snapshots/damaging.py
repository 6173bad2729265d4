"""Ways to damage a database so that its checksums still fit where they can."""

from __future__ import annotations

import struct
from pathlib import Path

from recovery.snapshots.reader.file_format import fnv64a

PAGE = 4096


class Database:
    """A database's bytes, to be changed."""

    def __init__(self, path: Path) -> None:
        self.bytes = bytearray(path.read_bytes())
        del self.bytes[len(self.bytes) // PAGE * PAGE :]

    def write(self, path: Path) -> Path:
        """As a file without a trailing hash."""
        path.write_bytes(self.bytes)
        return path

    def pages(self, flags: int) -> list[int]:
        """The numbers of the pages of that kind, free ones included."""
        return [
            number
            for number in range(2, len(self.bytes) // PAGE)
            if struct.unpack_from("<QH", self.bytes, number * PAGE) == (number, flags)
        ]

    def reached(self, flags: int) -> list[int]:
        """The numbers of the pages of that kind that the tree's branches point to."""
        children = {
            struct.unpack_from("<IIQ", self.bytes, branch * PAGE + 16 + 16 * element)[2]
            for branch in self.pages(0x01)
            for element in range(self.count(branch))
        }
        return [page for page in self.pages(flags) if page in children]

    def count(self, page: int) -> int:
        """How many elements the page says to have."""
        count: int = struct.unpack_from("<H", self.bytes, page * PAGE + 10)[0]
        return count

    def put(self, form: str, page: int, offset: int, *values: int) -> None:
        """Change something at an offset in a page."""
        struct.pack_into(form, self.bytes, page * PAGE + offset, *values)

    def put_meta(self, form: str, offset: int, *values: int) -> None:
        """Change something in both meta pages, and their checksums with it."""
        for page in (0, 1):
            self.put(form, page, 16 + offset, *values)
            start = page * PAGE + 16
            self.put("<Q", page, 16 + 56, fnv64a(bytes(self.bytes[start : start + 56])))
