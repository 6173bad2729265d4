"""The command line that runs a script on a node, and the one that ends it early.

The script travels as an argument of `sh -c`, never on stdin: a child of it that reads stdin finds
what the caller sent, or nothing. Arguments show in the node's process list, so a script must not
contain a secret; a secret belongs on stdin.
"""

from __future__ import annotations

import re
import shlex

from recovery.ssh.script import script

SEARCH_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
"""Appended to the node's PATH, which is short for a login that is not interactive."""

LONGEST_COMMAND = 120_000
"""Bytes. Linux takes 131,072 in one argument, and the login shell gets the line as one."""

# The mark tells where the script's own output begins (what a login shell's start files print comes
# before it) and which process group to end. A process that leads its group stays where it is;
# OpenSSH makes it so, other servers need setsid.
_WRAPPER = f"""\
PATH="${{PATH:-/usr/bin}}:{SEARCH_PATH}" LC_ALL=C
export PATH LC_ALL
read -r _ _ _ _ group _ < "/proc/$$/stat" || group=
if [ "$group" = "$$" ]; then
  printf '%s group %s\\n' "$1" "$$"
  exec sh -c "$2"
elif command -v setsid > /dev/null; then
  printf '%s group %s\\n' "$1" "$$"
  exec setsid sh -c "$2"
fi
printf '%s process %s\\n' "$1" "$$"
exec sh -c "$2"
"""

_END = """
kill -s TERM -- "$TARGET" 2> /dev/null || exit 0
for _ in 1 2 3 4 5 6 7 8 9 10; do
  kill -s 0 -- "$TARGET" 2> /dev/null || exit 0
  sleep 0.1
done
kill -s KILL -- "$TARGET" 2> /dev/null || exit 0
"""


def command_line(body: str, *, nonce: str, sudo: bool) -> str:
    """The line for the login shell. Raises ValueError where it is too long for an argument."""
    words = ["sh", "-c", _WRAPPER, "etcd-rescue", nonce, body]
    if sudo:
        words = ["env", "LC_ALL=C", "sudo", "-n", *words]
    line = " ".join(shlex.quote(word) for word in words)
    if len(line.encode()) > LONGEST_COMMAND:
        raise ValueError(f"a script of {len(body)} characters is too long for a command line")
    return line


def mark_pattern(nonce: str) -> re.Pattern[bytes]:
    """Matches the mark's line; groups: `group` or `process`, and the number."""
    return re.compile(rb"%s (group|process) ([0-9]+)\n" % re.escape(nonce.encode()))


def end_script(target: int) -> str:
    """A script that ends a process group (negative number) or a process, first gently."""
    return script(_END, target=target)
