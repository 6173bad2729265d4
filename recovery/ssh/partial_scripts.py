"""The scripts that make a large file whole on a node, over several tries if it must be.

What has come lies beside the target as `TARGET.partial`, and stays there when a connection is
lost. Whoever writes to it leaves its process in `TARGET.partial.writer`, so that the next try can
end it first: two writers would mix their bytes. The file gets its name only with its sha256.
"""

from __future__ import annotations

import posixpath
from collections.abc import Sequence

from recovery.ssh.receiving import DIFFERS, NO_CHECKSUM, NOT_WHOLE, SHA256_OF, absolute
from recovery.ssh.script import script

WHOLE, KEPT, HAS = "whole", "kept", "has"
"""What the state script's lines begin with."""

PULLERS = ("curl", "python3", "wget")
"""The programs that fetch a URL which they read from stdin, the best first."""

_UNWRAP = {"tar": "tar -xOf -", "gzip": "gzip -dc", "zstd": "zstd -dc"}

# A process that has ended and is not yet collected by its parent (state Z) writes no more.
_BEGAN = """
began() { sed -n 's/.*) [^Z] //p' "/proc/$1/stat" 2> /dev/null | cut -d ' ' -f 19; }
"""

_STATE = f"""
umask 077
{SHA256_OF.strip()}
{_BEGAN.strip()}
size_of() {{ if [ -f "$1" ]; then echo "$(($(wc -c < "$1")))"; else echo none; fi; }}
[ ! -d "$TARGET" ] || {{ echo "$TARGET is a directory" >&2; exit 1; }}
# A try whose connection was lost may be at work still: it ends before anything is looked at.
if [ -s "$PARTIAL.writer" ]; then
  read -r PID BEGAN BOOT < "$PARTIAL.writer" || true
  WAITED=0
  while [ "$BOOT" = "$(cat /proc/sys/kernel/random/boot_id)" ] &&
    [ -n "$BEGAN" ] && [ "$(began "$PID")" = "$BEGAN" ]; do
    kill -s KILL -- "-$PID" 2> /dev/null || kill -s KILL "$PID" 2> /dev/null || true
    [ "$WAITED" -lt 100 ] || {{ echo "process $PID does not end" >&2; exit 1; }}
    WAITED=$((WAITED + 1))
    sleep 0.1
  done
  rm -f "$PARTIAL.writer"
fi
if [ "$(size_of "$TARGET")" = "$SIZE" ] && [ "$(sha256_of "$TARGET")" = "$SHA256" ]; then
  rm -f "$PARTIAL"
  echo {WHOLE}
  exit 0
fi
if [ -f "$PARTIAL" ]; then
  # Only whole blocks are kept, so that a block is sent whole or not at all.
  BLOCKS=$(($(wc -c < "$PARTIAL") / BLOCK))
  : | dd of="$PARTIAL" bs="$BLOCK" seek="$BLOCKS" 2> /dev/null
  echo "{KEPT} $BLOCKS $(sha256_of "$PARTIAL")"
fi
for TOOL in zstd {" ".join(PULLERS)}; do
  if command -v "$TOOL" > /dev/null; then echo "{HAS} $TOOL"; fi
done
"""

_WRITER = f"""
umask 077
{SHA256_OF.strip()}
{_BEGAN.strip()}
# Some shells' printf says only "I/O error" where a disk is full.
printf '%s %s %s\\n' "$$" "$(began $$)" "$(cat /proc/sys/kernel/random/boot_id)" \\
  > "$PARTIAL.writer" || {{
  [ "$(df -Pk "$DIRECTORY" | awk 'NR == 2 {{ print $4 }}')" != 0 ] || \\
    echo "$DIRECTORY: No space left on device" >&2
  exit 1
}}
"""

_APPEND = """
if [ "$FROM" -eq 0 ]; then : > "$PARTIAL"; fi
[ "$(($(wc -c < "$PARTIAL")))" -eq "$FROM" ] || exit {not_whole}
{take} >> "$PARTIAL"
"""

_READABLE = """
[ -f "$SOURCE" ] && [ -r "$SOURCE" ] || { echo "$SOURCE cannot be read" >&2; exit 1; }
"""

# The first command of a pipe may fail without the shell's knowing: size and sha256 will tell.
# Something else of any size may come, too; it must not fill the node's disk.
_FILL = """
: > "$PARTIAL"
(while sleep 0.5 > /dev/null 2>&1; do echo "$(($(wc -c < "$PARTIAL")))"; done) &
TELLING=$!
trap 'kill "$TELLING" 2> /dev/null || true' EXIT
{ @PIPE@; } | head -c "$((SIZE + 1))" > "$PARTIAL" || true
"""

_FINISH = f"""
[ "$(($(wc -c < "$PARTIAL")))" -eq "$SIZE" ] || exit {NOT_WHOLE}
# Not waited for on its way to the disk: whoever takes it up after a crash compares it once more.
ARRIVED=$(sha256_of "$PARTIAL")
[ -n "$ARRIVED" ] || exit {NO_CHECKSUM}
[ "$ARRIVED" = "$SHA256" ] || {{ rm -f "$PARTIAL" "$PARTIAL.writer"; exit {DIFFERS}; }}
chmod "$MODE" "$PARTIAL"
mv -f "$PARTIAL" "$TARGET"
rm -f "$PARTIAL.writer"
"""

_WITH_PYTHON = """
import shutil, ssl, sys, urllib.request
link = sys.stdin.readline().strip()
context = ssl.create_default_context()
if sys.argv[1] == "insecure":
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
try:
    with urllib.request.urlopen(link, timeout=20, context=context) as answer:
        shutil.copyfileobj(answer, sys.stdout.buffer, 1 << 20)
except Exception as error:
    why = getattr(error, "code", None) or getattr(error, "reason", None) or type(error).__name__
    sys.exit("the object does not come: %s" % why)
"""


def state_script(target: str, sha256: str, size: int, block: int) -> str:
    """Says whether the file is there already, what was kept of it, and what can fetch more.

    Lines: `whole`; `kept BLOCKS SHA256` (of these blocks); `has PROGRAM`.
    """
    return script(_STATE, **_names(target), sha256=sha256, size=size, block=block)


def append_script(target: str, sha256: str, size: int, mode: int, *, start: int, zstd: bool) -> str:
    """Reads what follows the first `start` bytes from stdin, and puts the whole file in place."""
    body = _APPEND.format(take="zstd -dc" if zstd else "cat", not_whole=NOT_WHOLE)
    return _whole(body, target, sha256, size, mode, **{"from": start})


def copy_script(
    target: str, sha256: str, size: int, mode: int, *, source: str, wrappings: Sequence[str]
) -> str:
    """Takes a file that lies on the node already out of its wrappings.

    Tells, twice a second, how many bytes there are. ValueError for an unknown wrapping.
    """
    first, *others = unwrap_commands(wrappings) or ["cat"]
    pipe = " | ".join((f'{first} < "$SOURCE"', *others))
    # What was kept is overwritten only where there is something to take instead.
    body = _READABLE + _FILL.replace("@PIPE@", pipe)
    return _whole(body, target, sha256, size, mode, source=source)


def pull_script(
    target: str,
    sha256: str,
    size: int,
    mode: int,
    *,
    puller: str,
    wrappings: Sequence[str],
    verify_tls: bool,
) -> str:
    """Has the node fetch the object whose link comes on stdin (see `link_input`).

    The link is a secret: it is in no argument of any process. Tells, twice a second, how many
    bytes there are. ValueError for an unknown wrapping or program.
    """
    pipe = " | ".join((_pull(puller, verify_tls), *unwrap_commands(wrappings)))
    values = {"program": _WITH_PYTHON.strip()} if puller == "python3" else {}
    return _whole(_FILL.replace("@PIPE@", pipe), target, sha256, size, mode, **values)


def link_input(puller: str, link: str) -> bytes:
    """What the pull script wants on stdin. ValueError for what is no plain http(s) URL."""
    plain = link.isascii() and link.isprintable() and not set(link) & set(" \"'\\")
    if not plain or not link.startswith(("http://", "https://")):
        raise ValueError("the link is no plain URL")
    return f'url = "{link}"\n'.encode() if puller == "curl" else f"{link}\n".encode()


def discard_script(target: str) -> str:
    """Removes what was kept of a file that is not whole."""
    return script('rm -f "$PARTIAL" "$PARTIAL.writer"', **_names(target))


def _whole(body: str, target: str, sha256: str, size: int, mode: int, **values: str | int) -> str:
    return script(
        _WRITER.strip("\n") + body.rstrip("\n") + _FINISH,
        **_names(target),
        directory=posixpath.dirname(target),
        sha256=sha256,
        size=size,
        mode=f"{mode:o}",
        **values,
    )


def _names(target: str) -> dict[str, str]:
    return {"target": absolute(target), "partial": f"{target}.partial"}


def unwrap_commands(wrappings: Sequence[str]) -> list[str]:
    """The filters that take these wrappings off, outermost first. ValueError for an unknown one."""
    try:
        return [_UNWRAP[each] for each in wrappings]
    except KeyError as error:
        raise ValueError(f"unknown wrapping: {error}") from error


def _pull(puller: str, verify_tls: bool) -> str:
    if puller == "curl":
        # -q: whatever stands in somebody's .curlrc must not get between.
        tls = "" if verify_tls else " --insecure"
        return (
            f"curl -q --silent --show-error --fail{tls} --proto =http,https"
            " --connect-timeout 5 --speed-limit 1024 --speed-time 20 --config -"
        )
    if puller == "python3":
        return f'python3 -c "$PROGRAM" {"strict" if verify_tls else "insecure"}'
    if puller == "wget":
        return f"wget -q -O - -T 20 -t 1{'' if verify_tls else ' --no-check-certificate'} -i -"
    raise ValueError(f"unknown program: {puller}")
