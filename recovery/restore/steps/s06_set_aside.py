"""Step 6: rename the old data aside, on its own filesystem. Nothing is deleted."""

from __future__ import annotations

from collections.abc import Sequence

from recovery.restore.ground import NodeGround
from recovery.restore.plan import Action, NodeWork, Risk, Step
from recovery.restore.script import node_script
from recovery.restore.steps.s04_stop import KUBELET_STAYS_STOPPED

_LIST = r"""
# Size, inode, time and name of every file: a rename changes none of them.
list_files() { (cd "$1" && find . -type f -exec stat -c '%s %i %Y %n' {} + | sort -k 4); }
"""

_SET_ASIDE = (
    """
umask 077
if [ -e "$ASIDE/member" ] || [ -e "$ASIDE/there-was-no-member" ]; then
  echo "already set aside in $ASIDE"
  exit 0
fi
"""
    + KUBELET_STAYS_STOPPED
    + _LIST
    + """
# From here on there is something to bring back again.
if [ -e "$BACK" ]; then mv "$BACK" "$BACK.earlier"; fi
[ -d "$RUN_DIR/kubernetes" ] || stop "there is no copy of the configuration in $RUN_DIR"
if [ -e "$MEMBER" ]; then
  [ "$(stat -c %d "$MEMBER")" = "$(stat -c %d "$STAGING")" ] || \\
    stop "$MEMBER is on another filesystem than $STAGING, a rename is not possible"
  # The way back compares with this list.
  list_files "$MEMBER" > "$LISTING.partial"
  mv "$LISTING.partial" "$LISTING"
  on_disk "$LISTING"
  mkdir -p "$ASIDE"
  run mv -T "$MEMBER" "$ASIDE/member"
else
  mkdir -p "$ASIDE"
  : > "$ASIDE/there-was-no-member"
  echo "there is no $MEMBER: nothing to set aside"
fi
on_disk "$ASIDE" "$STAGING" "${MEMBER%/*}"
"""
)

_IS_ASIDE = '[ -e "$ASIDE/member" ] || [ -e "$ASIDE/there-was-no-member" ]'

_BRING_BACK = (
    """
umask 077
if [ ! -d "$ASIDE" ] || [ -e "$BACK" ]; then
  echo "nothing to bring back on this node"
  exit 0
fi
"""
    + KUBELET_STAYS_STOPPED
    + _LIST
    + """
if [ -e "$ASIDE/member" ] || [ -e "$ASIDE/there-was-no-member" ]; then
  if [ -e "$PLACED" ] && [ ! -e "$RESTORED/member" ] && [ -e "$MEMBER" ]; then
    stop "$MEMBER is still the restored one: take that out first"
  fi
  if [ -e "$MEMBER" ]; then
    # Something has started in between and left data of its own: kept, out of the way.
    run mv -T "$MEMBER" "$(mktemp -d "$STAGING/in-the-way-XXXXXX")/member"
  fi
  if [ -e "$ASIDE/member" ]; then run mv -T "$ASIDE/member" "$MEMBER"; fi
fi
if [ -e "$ASIDE/there-was-no-member" ]; then
  mv "$ASIDE/there-was-no-member" "$ASIDE/there-was-none"
fi
if [ -e "$LISTING" ] && [ ! -e "$MEMBER" ] && [ ! -e "$ASIDE/there-was-none" ]; then
  stop "neither $MEMBER nor $ASIDE/member is there: the old data is gone"
fi
if [ -e "$LISTING" ] && [ -e "$MEMBER" ]; then
  list_files "$MEMBER" > "$LISTING.now"
  cmp -s "$LISTING" "$LISTING.now" || \\
    stop "$MEMBER is not what was set aside: compare $LISTING with $LISTING.now. If it is" \\
      "what has to run on this node, say so and go on with the roll back: touch '$BACK'"
  echo "every file of $MEMBER is as it was when it was set aside"
fi
on_disk "$STAGING" "${MEMBER%/*}"
# On disk before kubelet starts: etcd then writes, and the list compares no more.
: > "$BACK"
on_disk "$BACK" "${BACK%/*}"
"""
)

_IS_BACK = '[ ! -d "$ASIDE" ] || [ -e "$BACK" ]'


def set_aside(grounds: Sequence[NodeGround]) -> Step:
    """`member` goes into the run's staging directory by a rename."""
    action = Action(
        id="set-data-aside",
        title="rename the old data aside",
        reason="The old data stays on its own filesystem, whole, for the way back.",
        risk=Risk.DESTROY,
        works=tuple(
            NodeWork(
                ground.name,
                node_script(
                    _SET_ASIDE,
                    member=ground.member,
                    staging=ground.staging,
                    aside=ground.aside,
                    back=ground.back,
                    listing=ground.listing,
                    run_dir=ground.run_dir,
                ),
                probe=node_script(_IS_ASIDE, aside=ground.aside),
                undo=node_script(
                    _BRING_BACK,
                    member=ground.member,
                    staging=ground.staging,
                    aside=ground.aside,
                    back=ground.back,
                    listing=ground.listing,
                    placed=ground.placed,
                    restored=ground.restored,
                ),
                undone=node_script(_IS_BACK, aside=ground.aside, back=ground.back),
            )
            for ground in grounds
        ),
        timeout=60,
    )
    return Step(
        id="set-aside",
        title="set old data aside",
        purpose="The old data is renamed aside on every node; nothing is deleted.",
        documented_as="1",
        actions=(action,),
        safe_after="The old data lies in .etcd-rescue-…/aside on every node, whole.",
    )
