"""The scripts that take a file on a node: checked under another name, then renamed."""

from __future__ import annotations

import posixpath
import secrets

from recovery.errors import TransferError
from recovery.ssh.script import script

DIFFERS = 65
"""The status of a script that saw another sha256 than it should have."""
NOT_WHOLE = 66
"""The status of a script after which the file has not the size that it should have."""
NO_CHECKSUM = 69
"""The status of a script on a node without sha256sum and openssl."""

SHA256_OF = """
sha256_of() {
  { openssl dgst -sha256 -r < "$1" 2> /dev/null || sha256sum < "$1"; } | cut -d ' ' -f 1
}
"""

# The checksum also tells a whole file from one that a lost connection cut short: `cat` ends well
# in both cases. The partial name is new each time: the script of a lost connection may still be
# at work on the one before.
_RECEIVE = f"""
umask 077
{SHA256_OF.strip()}
[ ! -d "$TARGET" ] || {{ echo "$TARGET is a directory" >&2; exit 1; }}
rm -f "$TARGET".????????.partial
trap 'rm -f "$PARTIAL"' EXIT
trap 'exit 1' HUP INT TERM
(set -C; cat > "$PARTIAL")
sync "$PARTIAL" 2> /dev/null || sync
ARRIVED=$(sha256_of "$PARTIAL")
[ -n "$ARRIVED" ] || exit {NO_CHECKSUM}
[ "$ARRIVED" = "$SHA256" ] || exit {DIFFERS}
chmod "$MODE" "$PARTIAL"
mv -f "$PARTIAL" "$TARGET"
sync "$DIRECTORY" 2> /dev/null || sync
"""

_CHECKSUM = f"""
{SHA256_OF.strip()}
[ ! -f "$TARGET" ] || sha256_of "$TARGET"
"""


def receive_script(path: str, sha256: str, mode: int) -> str:
    """Reads a file from stdin and puts it in place, if its sha256 (hex) is this one."""
    return script(
        _RECEIVE,
        target=absolute(path),
        partial=f"{path}.{secrets.token_hex(4)}.partial",
        directory=posixpath.dirname(path),
        sha256=sha256.lower(),
        mode=f"{mode:o}",
    )


def checksum_script(path: str) -> str:
    """Prints a file's sha256 (hex); nothing where there is no such file."""
    return script(_CHECKSUM, target=absolute(path))


def not_received(node: str, path: str, exit_status: int | None, stderr: str) -> TransferError:
    """The error for a `receive_script` that did not end with 0."""
    what = f"{path} was not written"
    remedy = "see the node's own words, then try again"
    if exit_status is None:
        what = f"{path}: the connection was lost before the file was whole"
        remedy = "check the connection, then try again"
    elif exit_status == DIFFERS:
        what = f"{path}: the bytes that arrived are not those that were sent"
        remedy = "try again; if it happens twice, distrust the node's disk"
    elif exit_status == NOT_WHOLE and not _no_room_in(stderr):
        what = f"{path}: not all of it arrived"
    elif exit_status == NO_CHECKSUM:
        what = f"{path}: the node cannot take a checksum"
        remedy = "install sha256sum (coreutils) or openssl there"
    elif _no_room_in(stderr):
        what = f"{path}: the node's disk is full"
        remedy = f"make room in {posixpath.dirname(path)}, then try again"
    return TransferError(what, where=node, remedy=remedy, detail=stderr)


def _no_room_in(stderr: str) -> bool:
    return "No space left on device" in stderr or "Disk quota exceeded" in stderr


def absolute(path: str) -> str:
    """The path, if it is absolute. ValueError otherwise."""
    if not path.startswith("/") or "\0" in path:
        raise ValueError(f"not an absolute path: {path!r}")
    return path
