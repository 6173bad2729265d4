"""Whether a member's database begins as one does; from the first bytes of its two meta pages."""

from __future__ import annotations

from recovery.snapshots.reader.file_format import Damage, choose_meta

PAGE = 4096
"""bbolt's page is the system's: 4 KiB, but for some ARM machines. There the second is not found,
and the first alone is judged."""

HEADER_BYTES = 80
"""A page's header and its meta fields (bbolt: 16 and 64 bytes)."""

HEADER_SH = r"""
# The two meta pages of a database, as hexadecimal digits.
header() {
  od -A n -v -t x1 -j "$2" -N "$3" "$1" 2> /dev/null | tr -d ' \n' || true
}
"""
"""The shell function `header FILE OFFSET BYTES`."""


def database_fault(first: str, second: str, size: int) -> str | None:
    """Why no etcd can open it, in words; None where nothing speaks against it.

    `first` and `second` are hexadecimal digits of its first two pages' beginnings, `size` the
    file's size in bytes. The other pages are not looked at: a database may pass and be damaged.
    """
    if size == 0:
        return "it is empty"
    try:
        pages = [bytes.fromhex(digits) for digits in (first, second)]
    except ValueError:
        return None
    if not pages[0]:
        return None  # Nobody could look: this says nothing about the database.
    try:
        meta, _ = choose_meta(b"".join(page.ljust(PAGE, b"\0") for page in pages))
    except Damage as damage:
        return damage.what
    missing = meta.pages * meta.page_size - size
    # etcd grows the file before it uses its pages, so that a sound one is never shorter.
    return f"{missing} bytes of it are missing" if missing > 0 else None
