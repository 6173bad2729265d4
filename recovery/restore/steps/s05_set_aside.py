"""Step 5: rename the old data aside, on its own filesystem. Nothing is deleted."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from recovery.restore.ground import NodeGround
from recovery.restore.plan import Action, NodeWork, Risk, Step
from recovery.restore.script import node_script
from recovery.restore.steps.s04_stop import KUBELET_STAYS_STOPPED

_SET_ASIDE = (
    """
umask 077
if [ -e "$ASIDE/member" ] || [ -e "$ASIDE/there-was-no-member" ]; then
  echo "already set aside in $ASIDE"
  exit 0
fi
"""
    + KUBELET_STAYS_STOPPED
    + """
[ -d "$RUN_DIR/kubernetes" ] || stop "there is no copy of the configuration in $RUN_DIR"
mkdir -p "$ASIDE"
if [ -e "$MEMBER" ]; then
  [ "$(stat -c %d "$MEMBER")" = "$(stat -c %d "$ASIDE")" ] || \\
    stop "$MEMBER is on another filesystem than $ASIDE, a rename is not possible"
  run mv -T "$MEMBER" "$ASIDE/member"
else
  : > "$ASIDE/there-was-no-member"
  echo "there is no $MEMBER: nothing to set aside"
fi
sync -f "$ASIDE" || sync
"""
)

_IS_ASIDE = '[ -e "$ASIDE/member" ] || [ -e "$ASIDE/there-was-no-member" ]'

_BRING_BACK = (
    """
if [ -e "$ASIDE/member" ]; then
"""
    + textwrap.indent(KUBELET_STAYS_STOPPED.strip("\n"), "  ")
    + """
  [ ! -e "$MEMBER" ] || stop "$MEMBER is in the way; move it to another place first"
  run mv -T "$ASIDE/member" "$MEMBER"
fi
"""
)


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
                    aside=ground.aside,
                    run_dir=ground.run_dir,
                ),
                probe=node_script(_IS_ASIDE, aside=ground.aside),
                undo=node_script(_BRING_BACK, member=ground.member, aside=ground.aside),
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
