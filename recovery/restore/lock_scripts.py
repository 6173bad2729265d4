"""The scripts that take, keep and give back a cluster's lock on one node.

The lock is a file in the directory of all runs: its first line a token, its second who holds it.
Its age is how long ago the holder gave a sign of life, by the node's own clock.
"""

from __future__ import annotations

from recovery.restore.script import node_script

LOCK_NAME = "lock"

_ALONE = """
umask 077
mkdir -p "$WORK"
# One at a time: whoever holds the directory's flock may change the lock.
if command -v flock >/dev/null; then
  exec 9< "$WORK"
  flock -w 20 9 || stop "$WORK is held by another program"
fi
LOCK="$WORK/lock"
# Line 1 of the lock; nothing where there is none.
held() { if [ -e "$LOCK" ]; then head -n 1 "$LOCK"; fi; }
put() {
  printf '%s\\n%s\\n' "$TOKEN" "$HOLDER" > "$LOCK.new"
  mv "$LOCK.new" "$LOCK"
}
"""

_TAKE = (
    _ALONE
    + """
HELD=$(held)
case " $TOKEN $REPLACES " in
  *" $HELD "*) ;;
  *)
    if [ -n "$HELD" ]; then
      echo held
      echo $(($(date +%s) - $(stat -c %Y "$LOCK")))
      cat "$LOCK"
      exit 0
    fi ;;
esac
put
echo taken
"""
)

_KEEP = (
    _ALONE
    + """
if [ "$(held)" = "$TOKEN" ]; then
  put
  echo kept
else
  echo lost
  # Without a lock, whoever took over has given it back already.
  cat "$LOCK" 2> /dev/null || cat "$LOCK.last" 2> /dev/null || true
fi
"""
)

_GIVE_BACK = (
    _ALONE
    + """
if [ "$(held)" = "$TOKEN" ]; then mv "$LOCK" "$LOCK.last"; fi
"""
)

_LOOK = """
LOCK="$WORK/lock"
if [ -e "$LOCK" ]; then
  echo held
  echo $(($(date +%s) - $(stat -c %Y "$LOCK")))
  cat "$LOCK"
else
  echo free
fi
"""

_GUARD = """
if [ "$(head -n 1 "$WORK/lock" 2> /dev/null)" != "$TOKEN" ]; then
  echo "somebody else has taken this cluster over" >&2
  exit 75
fi
"""


def take_script(work: str, token: str, holder: str, replaces: tuple[str, ...]) -> str:
    """Takes the lock where it is free, or held by one of `replaces`; says `taken` or `held`."""
    return node_script(_TAKE, work=work, token=token, holder=holder, replaces=" ".join(replaces))


def keep_script(work: str, token: str, holder: str) -> str:
    """Gives a sign of life; says `kept` or `lost`."""
    return node_script(_KEEP, work=work, token=token, holder=holder)


def give_back_script(work: str, token: str) -> str:
    """Gives the lock back, where it is still held."""
    return node_script(_GIVE_BACK, work=work, token=token)


def look_script(work: str) -> str:
    """Says `free`, or `held` with the age and the lock itself; changes nothing."""
    return node_script(_LOOK, work=work)


def guard_script(work: str, token: str) -> str:
    """Fails where the lock is not held with this token."""
    return node_script(_GUARD, work=work, token=token)
