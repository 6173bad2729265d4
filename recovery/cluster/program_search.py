"""The script that looks for etcd's programs on a node: on its PATH, and in its image layers."""

from __future__ import annotations

from collections.abc import Sequence

from recovery.cluster.sections import SECTION_SH
from recovery.ssh.script import script

SEARCH_SECONDS = 100
"""How long the whole script may take on a node: a full disk of layers takes a while."""

_FIND_SECONDS = 40
_ASK_SECONDS = 10
_MOST = 16
"""Different programs asked on one node; a node that went through many upgrades has a few."""

_SEARCH = rf"""
{SECTION_SH}
SEEN=''
COUNT=0

# Whether another file was this one already. They are large: only those of one size are hashed.
seen() {{
  SIZE=$(($(wc -c < "$1")))
  case $SEEN in
    *"<$SIZE> "*) ;;
    *) return 1 ;;
  esac
  SUM=$(sha256sum < "$1")
  while IFS=' ' read -r OTHER_SIZE OTHER; do
    [ "$OTHER_SIZE" = "<$SIZE>" ] || continue
    if [ "$(sha256sum < "$OTHER")" = "$SUM" ]; then return 0; fi
  done << END_OF_SEEN
$SEEN
END_OF_SEEN
  return 1
}}

# Asks the server for its version, a tool for its flags too; each different file only once.
ask() {{
  case " $NAMES " in *" ${{1##*/}} "*) ;; *) return 0 ;; esac
  [ -f "$1" ] && [ -x "$1" ] || return 0
  if seen "$1"; then return 0; fi
  [ "$COUNT" -lt "$MOST" ] || return 0
  SEEN="$SEEN<$SIZE> $1
"
  COUNT=$((COUNT + 1))
  case $1 in
    */etcd)
      section server
      printf 'path=%s\n' "$1"
      timeout "$ASK_SECONDS" "$1" --version < /dev/null 2>&1 || true
      ;;
    *)
      section tool
      printf 'path=%s\n' "$1"
      ETCDCTL_API=3 timeout "$ASK_SECONDS" "$1" version < /dev/null 2>&1 || true
      ETCDCTL_API=3 timeout "$ASK_SECONDS" "$1" snapshot restore --help < /dev/null 2>&1 || true
      ;;
  esac
}}

section machine
uname -m
for NAME in $NAMES; do
  FOUND=$(command -v "$NAME" || true)
  [ -z "$FOUND" ] || ask "$FOUND"
done
if [ -d "$CONTAINERD" ]; then
  # etcd runs in a container: the host often has its programs only inside the image's layers.
  LIST=$(timeout "$FIND_SECONDS" find "$CONTAINERD" \
    -type f \( -name etcd -o -name etcdutl -o -name etcdctl \) -perm -100 2> /dev/null || true)
  IFS='
'
  set -f
  for FOUND in $LIST; do
    ask "$FOUND"
  done
fi
section end
"""


def search_script(names: Sequence[str], containerd: str, marker: str) -> str:
    """The script that looks on the PATH and below `containerd` for programs of these names.

    `names` are among etcd, etcdutl and etcdctl. Its sections are "machine" (as `uname -m` says it),
    "server" for each etcd and "tool" for each of the others: a line `path=...`, then what it said.
    """
    return script(
        _SEARCH,
        names=" ".join(names),
        containerd=containerd,
        marker=marker,
        most=_MOST,
        ask_seconds=_ASK_SECONDS,
        find_seconds=_FIND_SECONDS,
    )
