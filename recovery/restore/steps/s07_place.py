"""Step 7: rename the restored member into the data directory, as the old one was."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from recovery.restore.ground import NodeGround
from recovery.restore.plan import Action, NodeWork, Risk, Step
from recovery.restore.script import node_script
from recovery.restore.steps.s04_stop import KUBELET_STAYS_STOPPED

_PLACE = (
    """
umask 077

# The member and the cluster that a data directory belongs to, as the head of its log says: a record
# of 16 bytes, then one whose checksum is a number of as many bytes as it needs (etcd, server/wal).
belongs_to() {
  for LOG in "$1"/wal/*.wal; do break; done
  set -- $(od -An -v -tx1 -j 24 -N 60 "$LOG" 2> /dev/null)
  [ $# -eq 60 ] && [ "$1$2$3" = 080110 ] || return 0
  shift 3
  while [ $# -gt 40 ] && case $1 in [89a-f]?) ;; *) false ;; esac; do shift; done
  [ "$2" = 1a ] || return 0
  LENGTH=$((0x$3))
  shift 3
  echo "$*" | cut -c "1-$((3 * LENGTH - 1))"
}

if [ -e "$PLACED" ] && [ ! -e "$RESTORED/member" ] && [ -s "$MEMBER/snap/db" ]; then
  echo "already in place"
else
"""
    + textwrap.indent(KUBELET_STAYS_STOPPED.strip("\n"), "  ")
    + """
  [ -s "$RESTORED/member/snap/db" ] || stop "there is no restored member in $RESTORED"
  [ ! -e "$MEMBER" ] || [ -e "$ASIDE/member" ] || [ -e "$ASIDE/there-was-no-member" ] || \\
    stop "$MEMBER is in the way: the old data was not set aside"
  WANTED=$(belongs_to "$RESTORED/member")
  if [ -s "$MEMBER/snap/db" ] && [ -n "$WANTED" ] && [ "$(belongs_to "$MEMBER")" = "$WANTED" ]; then
    # A node that booted in between has started etcd on the empty directory, and that has joined the
    # restored cluster, which counts on what this member has confirmed since. So this data it is.
    echo "etcd has joined the restored cluster by itself"
    : > "$PLACED"
    run mv -T "$RESTORED/member" "$(mktemp -d "$STAGING/not-needed-XXXXXX")/member"
  else
    # What else it has made is kept, out of the way.
    [ ! -e "$MEMBER" ] || run mv -T "$MEMBER" "$(mktemp -d "$STAGING/in-the-way-XXXXXX")/member"
    mkdir -p "$DATA_DIR"
    # Owner and mode first, the rename last: from then on it is whole.
    chown -R "$OWNER" "$RESTORED/member"
    chmod 0700 "$RESTORED/member"
    : > "$PLACED"
    run mv -T "$RESTORED/member" "$MEMBER"
  fi
fi
if command -v restorecon >/dev/null; then restorecon -R "$MEMBER"; fi
# The label that the old data had is the one that etcd could read, whatever the policy says.
if command -v selinuxenabled >/dev/null && selinuxenabled && [ -d "$ASIDE/member" ]; then
  run chcon -R --reference="$ASIDE/member" "$MEMBER"
fi
on_disk "$MEMBER"/*/* "$MEMBER"/* "$MEMBER" "$DATA_DIR" "${PLACED%/*}"
[ -s "$MEMBER/snap/db" ] || stop "$MEMBER/snap/db is missing"
ls "$MEMBER"/wal/*.wal >/dev/null || stop "$MEMBER/wal holds no log"
echo "in place: $MEMBER"
"""
)

IN_PLACE = """
[ -e "$PLACED" ] && [ ! -e "$RESTORED/member" ] && [ -s "$MEMBER/snap/db" ]
"""

_TAKE_OUT = (
    """
if [ -e "$BACK" ]; then
  echo "the old data is back already"
  exit 0
fi
if [ ! -e "$ASIDE/member" ] && [ ! -e "$ASIDE/there-was-no-member" ]; then
  echo "somebody has taken the old data out of $ASIDE: what is in $MEMBER may be it, and stays"
  exit 0
fi
if [ -e "$PLACED" ] && [ ! -e "$RESTORED/member" ] && [ -e "$MEMBER" ]; then
"""
    + textwrap.indent(KUBELET_STAYS_STOPPED.strip("\n"), "  ")
    + """
  mkdir -p "$RESTORED"
  run mv -T "$MEMBER" "$RESTORED/member"
fi
"""
)


_TAKEN_OUT = """
[ -e "$BACK" ] || [ ! -e "$PLACED" ] || [ -e "$RESTORED/member" ] || \\
  { [ ! -e "$ASIDE/member" ] && [ ! -e "$ASIDE/there-was-no-member" ]; }
"""


def place(grounds: Sequence[NodeGround]) -> Step:
    """The point of no return is this rename, and even it has a way back."""
    action = Action(
        id="place-member",
        title="rename the restored member into the data directory",
        reason="`member` itself is moved; losing that level would start an empty member.",
        risk=Risk.DESTROY,
        works=tuple(
            NodeWork(
                ground.name,
                node_script(
                    _PLACE,
                    **placing(ground),
                    aside=ground.aside,
                    staging=ground.staging,
                    data_dir=ground.data_dir,
                    owner=ground.owner,
                ),
                probe=node_script(IN_PLACE, **placing(ground)),
                undo=node_script(
                    _TAKE_OUT, back=ground.back, aside=ground.aside, **placing(ground)
                ),
                undone=node_script(
                    _TAKEN_OUT, back=ground.back, aside=ground.aside, **placing(ground)
                ),
            )
            for ground in grounds
        ),
        timeout=60,
    )
    return Step(
        id="place",
        title="put new data in place",
        purpose="The restored member is renamed into the data directory on every node.",
        documented_as="4",
        actions=(action,),
        safe_after="The new data is in place and the old data is kept beside it.",
    )


def placing(ground: NodeGround) -> dict[str, str]:
    """What scripts need to tell whether the restored member is in place."""
    return {
        "restored": ground.restored,
        "member": ground.member,
        "placed": ground.placed,
    }
