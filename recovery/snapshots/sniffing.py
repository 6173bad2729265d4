"""What a file is, told from its first bytes and never from its name."""

from __future__ import annotations

import enum
import struct

HEAD_SIZE = 72 * 1024
"""How many bytes a look needs: two bbolt meta pages of the largest usual page size."""

_BBOLT_MAGIC = struct.pack("<I", 0xED0CDAED)
_META_OFFSET = 16
_PAGE_SIZES = tuple(512 << shift for shift in range(8))
_TAR_BLOCK = 512


class Shape(enum.Enum):
    """What `shape_of` tells apart."""

    DATABASE = "database"
    TAR = "tar"
    GZIP = "gzip"
    ZSTD = "zstd"
    OTHER = "other"


_FOREIGN: tuple[tuple[bytes, str], ...] = (
    (b"PK\x03\x04", "a zip archive"),
    (b"BZh", "compressed with bzip2"),
    (b"\xfd7zXZ\x00", "compressed with xz"),
    (b"7z\xbc\xaf'\x1c", "a 7z archive"),
    (b"\x04\x22\x4d\x18", "compressed with lz4"),
    (b"\x7fELF", "a program"),
    (b"SQLite format 3\x00", "an SQLite database"),
    (b"Salted__", "encrypted with openssl"),
    (b"age-encryption.org", "encrypted with age"),
    (b"-----BEGIN PGP", "encrypted with PGP"),
)


def shape_of(head: bytes) -> Shape:
    """Tell the shape from the first `HEAD_SIZE` bytes (fewer where the file is shorter)."""
    # First, because a database right behind a tar's header looks like one with pages of 512 bytes.
    if _is_tar_header(head[:_TAR_BLOCK]):
        return Shape.TAR
    if any(
        head[place : place + 4] == _BBOLT_MAGIC
        for place in (_META_OFFSET, *(size + _META_OFFSET for size in _PAGE_SIZES))
    ):
        return Shape.DATABASE
    if head.startswith(b"\x1f\x8b"):
        return Shape.GZIP
    if head.startswith(b"\x28\xb5\x2f\xfd") or _is_skippable_frame(head):
        return Shape.ZSTD
    return Shape.OTHER


def describe(head: bytes) -> str:
    """Say in words what a file that is no snapshot seems to be: "an HTML page", "empty"."""
    if not head:
        return "empty"
    if not any(head):
        return "nothing but zeros"
    for magic, words in _FOREIGN:
        if head.startswith(magic):
            return words
    beginning = head[:1024].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if beginning.startswith((b"<!doctype html", b"<html")):
        return "an HTML page, probably a server's error message"
    if beginning.startswith((b"<?xml", b"<error")):
        return "an XML document, probably a server's error message"
    if beginning.startswith((b"{", b"[")) and _is_text(head):
        return "a JSON document"
    if _is_text(head):
        return "a text file"
    return f"of an unknown kind (it begins with {head[:8].hex(' ')})"


def _is_text(head: bytes) -> bool:
    return all(byte >= 0x20 or byte in b"\t\r\n\f\x1b" for byte in head[:1024])


def _is_skippable_frame(head: bytes) -> bool:
    return len(head) >= 4 and head[1:4] == b"\x2a\x4d\x18" and 0x50 <= head[0] <= 0x5F


def _is_tar_header(block: bytes) -> bool:
    """By the header's checksum, so that archives older than `ustar` are known as well."""
    if len(block) < _TAR_BLOCK or not any(block):
        return False
    digits = block[148:156].strip(b" \x00")
    if not digits or not all(byte in b"01234567" for byte in digits):
        return False
    return int(digits, 8) == sum(block) - sum(block[148:156]) + 8 * ord(" ")
